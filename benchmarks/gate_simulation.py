"""How often the gate pushes a candidate, by how much better or worse it truly is; by simulation.

Two detectors that are alike (`similar_detectors.py`) are matched in a world of 100,000 images, which says what the true
difference of their mAP is. Golden sets are drawn from that world, and each goes the way of a run's: scored with
intervals, and decided on. All draws are functions of the seed, and the golden sets are the same ones for every true
difference.
"""

from __future__ import annotations

import itertools
import multiprocessing
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

import numpy as np

from benchmarks.similar_detectors import CLASSES, World, detect, make_world
from ratchet.components.map_evaluator.blessing import decide
from ratchet.components.map_evaluator.matches import DataSetMatches
from ratchet.components.map_evaluator.sanity_checks import enough
from ratchet.components.map_evaluator.scoring import score
from ratchet.components.map_evaluator.settings import EvaluatorSettings
from ratchet.components.metrics.average_precision import detection_metrics
from ratchet.components.metrics.match_table import MatchTable, build_table
from ratchet.components.metrics.matching import match
from ratchet.schemas.artifacts.decisions import Verdict
from ratchet.schemas.artifacts.evaluation import BASELINE, CANDIDATE, DataSetEvaluation

# By default, and what users may choose among; each by what it is called in tables.
RULES = {
    "default rules": EvaluatorSettings(),
    "margin .01": EvaluatorSettings(margin=0.01),
    "margin .02": EvaluatorSettings(margin=0.02),
    "tolerance .01": EvaluatorSettings(tolerance=0.01),
    "tolerance off": EvaluatorSettings(tolerance=None),
}
_NAMES = tuple(f"class {label}" for label in range(1, CLASSES + 1))
_SKILL, _MOST_SKILL = 0.6, 0.4  # of the baseline; how far a candidate's may lie from it
_BASELINE_SEED, _CANDIDATE_SEED, _GOLDEN_SEED = 1, 2, 3
_BLOCKS = 10  # of the world: a golden set is drawn from one, which is ten times as fast and as random
_FIRST = 40  # golden sets after which nothing more is tried, if all ended alike under every rule


@dataclass(frozen=True)
class Plan:
    """What is simulated.

    Attributes:
        population: images of the world.
        sizes: golden images.
        differences: true differences of mAP that are aimed at, ascending.
        golden_sets: how many are drawn of each size.
        resamples: behind each standard error, which is then good to 7 %; with the product's 1,000, to 2 %.
        seed: of the world.
    """

    population: int = 100_000
    sizes: tuple[int, ...] = (100, 500, 2000)
    differences: tuple[float, ...] = tuple(step / 100 for step in range(-5, 6))
    golden_sets: int = 100
    resamples: int = 100
    seed: int = 0


@dataclass(frozen=True)
class Outcome:
    """What became of candidates of one quality with golden sets of one size.

    Attributes:
        images: of each golden set.
        difference: true difference of mAP, over all images of the world.
        golden_sets: how many were drawn.
        verdicts: how many ended so, by what the rules are called.
        detectable: the median golden set's minimum detectable difference.
    """

    images: int
    difference: float
    golden_sets: int
    verdicts: Mapping[str, Mapping[Verdict, int]]
    detectable: float

    def share(self, rules: str, verdict: Verdict = Verdict.PUSHED) -> float:
        """Which part of the candidates ended so."""
        return self.verdicts[rules].get(verdict, 0) / self.golden_sets


_Blocks = Sequence[tuple[MatchTable, MatchTable]]  # of candidate and baseline
_blocks: _Blocks = ()  # of the process: handed down by the fork, for a table is too large to be sent


def simulate(plan: Plan, workers: int = 1, tell: Callable[[Outcome], None] = lambda _: None) -> list[Outcome]:
    """Every outcome, by size, then by true difference.

    Args:
        plan: what is simulated.
        workers: processes; the outcomes do not depend on their number.
        tell: is given each outcome as soon as it is there.
    """
    world = make_world(plan.population, plan.seed)
    baseline = _table(world, _SKILL, _BASELINE_SEED)
    before = _map(baseline)
    found: list[Outcome] = []
    for skill in _skills(world, before, plan.differences):
        candidate = _table(world, skill, _CANDIDATE_SEED)
        difference = _map(candidate) - before
        blocks = list(zip(_split(candidate), _split(baseline), strict=True))
        with _pool(blocks, workers) as pool:
            for size in plan.sizes:
                found.append(_outcome(pool, plan, size, difference))
                tell(found[-1])
    return sorted(found, key=lambda outcome: (outcome.images, outcome.difference))


def _table(world: World, skill: float, seed: int) -> MatchTable:
    return build_table(match(np.arange(world.images), world.truth, detect(world, skill, seed)))


def _map(table: MatchTable) -> float:
    return detection_metrics(table).coco["AP"]


def _skills(world: World, before: float, differences: Sequence[float]) -> Iterator[float]:
    """The skills at which a candidate differs by about so much; what it differs by is measured afterwards."""
    tried = np.linspace(_SKILL - _MOST_SKILL, _SKILL + _MOST_SKILL, 5)
    reached = [_map(_table(world, float(skill), _CANDIDATE_SEED)) - before for skill in tried]
    through = np.polyfit(reached, tried, 3)
    yield from (float(np.polyval(through, wanted)) for wanted in differences)


def _split(table: MatchTable) -> list[MatchTable]:
    place = np.arange(len(table.image_ids)) % _BLOCKS
    return [table.of_images(place == block) for block in range(_BLOCKS)]


def _pool(blocks: _Blocks, workers: int) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(workers, multiprocessing.get_context("fork"), _take, (blocks,))


def _take(blocks: _Blocks) -> None:
    global _blocks
    _blocks = blocks


def _outcome(pool: ProcessPoolExecutor, plan: Plan, images: int, difference: float) -> Outcome:
    arguments = itertools.repeat(images), itertools.repeat(plan.resamples)
    ended = list(pool.map(_golden_set, range(min(_FIRST, plan.golden_sets)), *arguments, chunksize=4))
    if any(len({verdicts[rules] for verdicts, _ in ended}) > 1 for rules in RULES):
        ended += pool.map(_golden_set, range(len(ended), plan.golden_sets), *arguments, chunksize=4)
    return Outcome(
        images=images,
        difference=difference,
        golden_sets=len(ended),
        verdicts={rules: Counter(verdicts[rules] for verdicts, _ in ended) for rules in RULES},
        detectable=float(np.median([smallest for _, smallest in ended])),
    )


def _golden_set(number: int, images: int, resamples: int) -> tuple[dict[str, Verdict], float]:
    """What every choice of rules decides with one golden set, and the difference that it could detect."""
    tables = _blocks[number % len(_blocks)]
    random = np.random.default_rng([_GOLDEN_SEED, images, number])
    keep = np.zeros(len(tables[0].image_ids), np.bool_)
    keep[random.choice(len(keep), images, replace=False)] = True
    drawn = {name: table.of_images(keep) for name, table in zip((CANDIDATE, BASELINE), tables, strict=True)}
    settings = EvaluatorSettings(resamples=resamples, seed=number)
    measured = score(DataSetMatches(drawn, np.empty(0), {}, {}), _NAMES, settings)
    smallest = measured.deltas.overall.minimum_detectable if measured.deltas else None
    return {name: _verdict(measured, rules) for name, rules in RULES.items()}, smallest or np.nan


def _verdict(measured: DataSetEvaluation, rules: EvaluatorSettings) -> Verdict:
    sound = enough(measured.images, measured.objects, rules.min_golden_images, rules.min_golden_objects)
    return decide(measured, [sound], rules).verdict
