"""How often the 95 % interval holds the truth, and how often equally good models are blocked; decision 0007's table.

python -m benchmarks.interval_coverage [--draws 300] [--workers 2] [--file docs/decisions/0007-...md]

Golden sets are drawn from worlds whose truth is known, and go through the evaluator: matching, scores, differences with
their intervals, and the rules for classes and slices.
"""

from __future__ import annotations

import argparse
import math
import multiprocessing
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
from scipy.special import stdtrit

from benchmarks.worlds import GoldenSet, World, draw
from ratchet.components.map_evaluator.matches import Collector, DataSetMatches
from ratchet.components.map_evaluator.scoring import score
from ratchet.components.map_evaluator.settings import EvaluatorSettings
from ratchet.components.map_evaluator.slice_rules import slice_reasons
from ratchet.components.metrics.average_precision import detection_metrics
from ratchet.components.metrics.match_table import MatchTable
from ratchet.components.metrics.resampling import class_draws
from ratchet.components.metrics.weighted_sums import narrowest
from ratchet.schemas.artifacts.decisions import Reason
from ratchet.schemas.artifacts.evaluation import BASELINE, CANDIDATE, DataSetEvaluation

PAGE = "docs/decisions/0007-when-a-fall-is-significant.md"
BEGIN, END = "<!-- written by `make interval-coverage` -->", "<!-- to here -->"
# At the limit: nothing may fall, so that of equally good models every test is as likely to err as it may be.
RULES = EvaluatorSettings(bootstrap_by="recording", slice_by=("camera",), resamples=200)
AT_THE_LIMIT = replace(RULES, class_drop=0.0, slice_drop=0.0)
_CAMERAS = 2
_POPULATION = 8_000  # groups from which the truth of a world is taken

WORLDS = {
    "8 groups": World(groups=8),
    "12 groups": World(groups=12),
    "20 groups": World(groups=20),
    "50 groups": World(groups=50, images=3),
    "8 groups, strong correlation": World(groups=8, correlation=1.5),
    "12 groups, no correlation": World(groups=12, correlation=0.0),
    "8 groups of unequal size": World(groups=8, unequal=True),
    "50 groups of unequal size": World(groups=50, images=3, unequal=True),
    "12 groups, candidate fails in a few": World(groups=12, correlation=1.0, skewed="candidate"),
    "12 groups, baseline fails in a few": World(groups=12, correlation=1.0, skewed="baseline"),
    "8 groups, 1 class": World(groups=8, classes=1),
    "20 groups, 20 classes in 3 groups each": World(groups=20, classes=20, reach=3),
    "20 groups, 20 classes in 1 group each": World(groups=20, classes=20, reach=1),
    "12 groups, 80 classes, most are rare": World(groups=12, images=8, classes=80, rare=True),
    "8 groups, candidate much better": World(groups=8, gain=1.0),
    "20 images": World(groups=20, images=1),
    "50 images": World(groups=50, images=1),
    "200 images, 20 classes, most are rare": World(groups=200, images=1, classes=20, rare=True),
}
POWER = {
    f"{groups} groups, class 1 lost {lost:.0%} of its hits": World(groups=groups, images=5, lost=lost)
    for groups in (8, 20, 50)
    for lost in (0.25, 0.5)
}


@dataclass(frozen=True)
class Outcome:
    """One golden set.

    Attributes:
        value: the difference of mAP that it shows.
        lo: lower end of its interval; NaN where there is none.
        hi: upper end.
        blocked: whether a class or slice was found to have fallen by more than the default limits.
        blocked_at_limit: the same with no fall allowed.
        finds_class_1: whether class 1 was, by the default limits.
        percentiles: the interval that percentiles of the draws give.
        jackknife: the interval of Student's t from leaving out one group at a time.
    """

    value: float
    lo: float
    hi: float
    blocked: bool
    blocked_at_limit: bool
    finds_class_1: bool
    percentiles: tuple[float, float] = (math.nan, math.nan)
    jackknife: tuple[float, float] = (math.nan, math.nan)


def measure(golden: GoldenSet, classes: int, settings: EvaluatorSettings = RULES) -> DataSetEvaluation:
    """A golden set as the evaluator scores it; its recordings are the groups, its cameras take turns with them."""
    matches = _matches(golden)
    attributes = {"recording": golden.group.astype(np.str_), "camera": (golden.group % _CAMERAS).astype(np.str_)}
    names = [f"c{label}" for label in range(1, classes + 1)]
    return score(replace(matches, attributes=attributes), names, settings)


def outcome(world: World, seed: int, resamples: int = RULES.resamples, alternatives: bool = False) -> Outcome:
    """Draws a golden set, measures both models on it and applies the rules for classes and slices.

    Args:
        world: what it is drawn from.
        seed: equal seeds give equal sets.
        resamples: of the bootstrap.
        alternatives: whether other intervals are wanted too.
    """
    golden = draw(world, np.random.default_rng(seed))
    data = measure(golden, world.classes, replace(RULES, resamples=resamples, seed=seed))
    if data.deltas is None:
        raise ValueError("both models are measured, so there is a difference")
    overall = data.deltas.overall
    found = [reason.rule for reason in _failures(data, RULES)]
    others = _other_intervals(golden, seed, resamples) if alternatives else ()
    return Outcome(
        math.nan if overall.value is None else overall.value,
        *(overall.interval or (math.nan, math.nan)),
        bool(found),
        bool(_failures(data, AT_THE_LIMIT)),
        "class_drop:c1" in found,
        *others,
    )


@cache
def true_difference(world: World) -> float:
    """Candidate minus baseline in so many groups that chance does not matter; 0 where the two are made alike."""
    if not world.gain and not world.lost and world.skewed in ("", "both"):
        return 0.0
    golden = draw(replace(world, groups=_POPULATION), np.random.default_rng(99))
    candidate, baseline = (detection_metrics(table).coco["AP"] for table in _tables(golden))
    return candidate - baseline


def coverage(world: World, intervals: Sequence[tuple[float, float]]) -> float:
    """Share of the intervals that hold the truth."""
    truth = true_difference(world)
    return float(np.mean([lo <= truth <= hi for lo, hi in intervals]))


def _failures(data: DataSetEvaluation, settings: EvaluatorSettings) -> list[Reason]:
    return [reason for reason in slice_reasons(data, settings) if not reason.passed]


def _matches(golden: GoldenSet) -> DataSetMatches:
    collector = Collector(sample_share=0.0)
    found = {CANDIDATE: golden.candidate, BASELINE: golden.baseline}
    collector.add_columns(np.arange(len(golden.group)), golden.truth, found)
    return collector.finish()


def _tables(golden: GoldenSet) -> list[MatchTable]:
    matches = _matches(golden)
    return [matches.tables[model] for model in (CANDIDATE, BASELINE)]


def _other_intervals(golden: GoldenSet, seed: int, resamples: int) -> tuple[tuple[float, float], tuple[float, float]]:
    groups = int(golden.group.max()) + 1
    drawn = np.random.default_rng(seed).multinomial(groups, np.full(groups, 1 / groups), size=resamples).T
    left_out = 1 - np.eye(groups, dtype=np.int64)
    weights = narrowest(np.concatenate([np.ones((groups, 1), np.int64), drawn, left_out], axis=1)[golden.group])
    draws = list(class_draws(_tables(golden), weights))
    classes = np.sum([each.num_truth > 0 for each in draws], axis=0)
    deltas = np.sum([each.ap[0] - each.ap[1] for each in draws], axis=0) / np.maximum(1, classes)
    value, drawn_deltas, without = deltas[0], deltas[1 : 1 + resamples], deltas[1 + resamples :]
    lo, hi = np.percentile(drawn_deltas, [2.5, 97.5]).tolist()
    reach = stdtrit(groups - 1, 0.975) * math.sqrt((groups - 1) * np.mean((without - value) ** 2))
    return (lo, hi), (value - reach, value + reach)


def _line(name: str, world: World, outcomes: Sequence[Outcome]) -> str:
    kinds = (
        [(each.lo, each.hi) for each in outcomes],
        [each.percentiles for each in outcomes],
        [each.jackknife for each in outcomes],
    )
    held = " | ".join(f"{coverage(world, kind):.1%}" for kind in kinds)
    if world.gain or world.skewed in ("candidate", "baseline"):
        return f"| {name} | {held} | - | - |"  # these models are not equally good
    alarms = (np.mean([each.blocked for each in outcomes]), np.mean([each.blocked_at_limit for each in outcomes]))
    return f"| {name} | {held} | {alarms[0]:.1%} | {alarms[1]:.1%} |"


def tables(draws: int, workers: int) -> str:
    """Both tables in Markdown.

    Args:
        draws: golden sets of every world.
        workers: processes.
    """
    lines = [
        f"{draws} golden sets of each kind.",
        "",
        "| golden set | interval holds | percentiles hold | jackknife holds | blocked | blocked, no fall allowed |",
        "|---|---|---|---|---|---|",
    ]
    power = ["", "| golden set | true fall of its AP | found |", "|---|---|---|"]
    with multiprocessing.Pool(workers) as pool:
        for name, world in WORLDS.items():
            work = [(world, seed, RULES.resamples, True) for seed in range(draws)]
            lines.append(_line(name, world, pool.starmap(outcome, work, chunksize=8)))
        for name, world in POWER.items():
            found = pool.starmap(outcome, [(world, seed) for seed in range(draws)], chunksize=8)
            share = np.mean([each.finds_class_1 for each in found])
            # The other classes are equal, so mAP falls by the class's own fall over the number of classes.
            power.append(f"| {name} | {-true_difference(world) * world.classes:.2f} | {share:.0%} |")
    return "\n".join([*lines, *power])


def main() -> None:
    """Writes the tables into the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draws", type=int, default=300, help="golden sets of each kind")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--file", type=Path, default=Path(PAGE))
    arguments = parser.parse_args()
    before, _, rest = arguments.file.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    text = tables(arguments.draws, arguments.workers)
    arguments.file.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
