"""What the gate lets happen over many nights on which nothing really gets better: `make bench-nights`.

A model is its true mAP and its luck: how far a set of images flatters it. Luck belongs to model and images: the same
model on the same images is measured the same every night. A retrained model keeps most of the luck of the one that it
was trained from (`kinship`), and what it has new of it is chance. Decisions are the product's own: `decide` with the
golden set, `choose_references` with what was pushed before, and the second opinion on held-out images, which come along
night by night. Where the budget of a golden set is spent, it is renewed, with new luck for every model.

Only the measurements are simulated: an mAP is a normal figure around the true one, with the standard error that the
paired bootstrap would give.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from ratchet.components.map_evaluator.blessing import decide
from ratchet.components.map_evaluator.settings import EvaluatorSettings
from ratchet.components.registry.references import choose_references
from ratchet.schemas.artifacts.evaluation import (
    BASELINE,
    DataSetEvaluation,
    Delta,
    Deltas,
    HeldOutComparison,
    ModelScores,
    SecondOpinion,
)
from ratchet.schemas.artifacts.references import Reference
from ratchet.schemas.artifacts.registry_entries import RecordedDecision, ServedModel
from ratchet.schemas.base.progress import Progress

_START = 0.5  # mAP of the first model
_OBJECTS = 5  # an image
_Z95 = 1.96


@dataclass(frozen=True)
class World:
    """What is simulated.

    Attributes:
        golden: images of the golden set.
        span: images a night; `held_out` of them choose nothing.
        held_out: that share.
        before: spans that there were before the first night.
        nights: how many.
        drift: true change of mAP by a retraining, its mean.
        spread: standard deviation of that.
        image_error: standard error of a model's mAP on one image; on n images it is the root of n smaller.
        kinship: correlation of the luck of a model and of the one that it was trained from.
    """

    golden: int = 500
    span: int = 300
    held_out: float = 0.1
    before: int = 5
    nights: int = 200
    drift: float = -0.0005
    spread: float = 0.001
    image_error: float = 0.25
    kinship: float = 0.9

    @property
    def spans(self) -> int:
        """How many there are in the end."""
        return self.before + self.nights


@dataclass(frozen=True, eq=False)
class Model:
    """A model: what it is, and what luck it has on the golden set and on the held-out part of each span, [1 + spans].

    Luck is in units of the standard error of its set.
    """

    true_map: float
    luck: np.ndarray
    generation: int


@dataclass
class Root:
    """A pipeline root: what was served, and what was decided, by version."""

    models: dict[str, Model] = field(default_factory=dict)
    served: list[ServedModel] = field(default_factory=list)
    decisions: list[RecordedDecision] = field(default_factory=list)

    def push(self, model: Model, delta: Delta | None) -> None:
        """Serves a model."""
        version = str(len(self.served) + 1)
        before = self.served[-1].version if self.served else None
        self.models[version] = model
        self.served.append(
            ServedModel(version, version, version, 1, "g", 0.0, "PUSHED", f"run-{version}", "2030-01-01", True)
        )
        self.decisions.append(
            RecordedDecision(
                run_id=f"run-{version}",
                span=1,
                span_version=1,
                data_digest="",
                golden_digest="g",
                verdict="PUSHED",
                map=0.0,
                baseline_map=None,
                decided_at="2030-01-01",
                model="",
                model_digest=version,
                baseline_version=before,
                baseline_digest=before,
                evaluation="",
                delta=delta and delta.value,
                delta_ci=delta and delta.interval,
                reason=None,
                evaluation_broken=False,
            )
        )


@dataclass(frozen=True)
class Outcome:
    """One history.

    Attributes:
        true_change: of the served model's true mAP over all nights.
        measured_change: what the golden sets said of it.
        pushes: how many models were served.
        gains: share of candidates that are really better by 0.01 that would pass on the first and on the last night.
    """

    true_change: float
    measured_change: float
    pushes: int
    gains: tuple[float, float]


class History:
    """One history of a world, night by night."""

    def __init__(self, world: World, settings: EvaluatorSettings, seed: int) -> None:
        self._world, self._settings = world, settings
        self._random = np.random.default_rng(seed)
        images = np.full(world.spans, world.span * world.held_out)
        self._errors = world.image_error / np.sqrt(np.maximum(1e-9, np.array([world.golden, *images])))
        self._images = images
        self._root = Root()
        first = Model(_START, self._random.normal(size=1 + world.spans), 0)
        self._root.push(first, None)
        self._measured = 0.0

    def run(self, gains: int = 20) -> Outcome:
        """Goes through all nights.

        Args:
            gains: candidates with a real gain that are tried on the first and on the last night.
        """
        world, looks = self._world, 0
        first = self._share_of_gains(0, gains)
        for night in range(world.nights):
            if looks == self._settings.golden_budget:
                self._renew()
                looks = 0
            looks += 1
            self._try(self._candidate(self._random.normal(world.drift, world.spread)), night)
        last = self._share_of_gains(world.nights - 1, gains)
        served = self._served
        return Outcome(served.true_map - _START, self._measured, len(self._root.served) - 1, (first, last))

    @property
    def _served(self) -> Model:
        return self._root.models[self._root.served[-1].version]

    def _candidate(self, change: float) -> Model:
        before, kinship = self._served, self._world.kinship
        new = self._random.normal(size=len(before.luck))
        luck = kinship * before.luck + math.sqrt(1 - kinship**2) * new
        return Model(before.true_map + change, luck, before.generation + 1)

    def _share_of_gains(self, night: int, tried: int) -> float:
        return sum(self._verdict(self._candidate(0.01), night)[0] for _ in range(tried)) / max(1, tried)

    def _try(self, candidate: Model, night: int) -> None:
        pushed, delta = self._verdict(candidate, night)
        if pushed:
            self._measured += delta.value or 0.0
            self._root.push(candidate, delta)

    def _verdict(self, candidate: Model, night: int) -> tuple[bool, Delta]:
        delta = self._golden(candidate)
        if self._settings.margin is not None and (delta.value or 0.0) < -self._settings.margin:
            return False, delta  # what follows cannot change it
        scores = [ModelScores({"AP": _START + change}, {}) for change in (delta.value or 0.0, 0.0)]
        golden = DataSetEvaluation(self._world.golden, scores[0], scores[1], Deltas(delta, {}, {}), {}, {})
        opinion = self._opinion(candidate, night) if self._settings.second_opinion else None
        return decide(golden, [], self._settings, second_opinion=opinion).verdict.pushes, delta

    def _golden(self, candidate: Model) -> Delta:
        before = self._served
        luck = float(candidate.luck[0] - before.luck[0]) * self._errors[0]
        return self._delta(candidate, before, candidate.true_map - before.true_map + luck, self._world.golden)

    def _opinion(self, candidate: Model, night: int) -> SecondOpinion:
        rules, served = self._settings.second_opinion, self._root.served[-1]
        spans = self._world.before + night + 1
        there = self._images[:spans].sum()
        most = rules.max_images if rules else there
        references = [
            Reference(BASELINE, served.version, "", "", 0),
            *choose_references(served, self._root.served, self._root.decisions, rules.pushes_ago if rules else 1),
        ]
        used = min(there, most)
        comparisons = [self._comparison(candidate, reference, spans, used) for reference in references]
        return SecondOpinion(int(used), int(used), int(used) * _OBJECTS, spans, 0, 0, ("object",), tuple(comparisons))

    def _comparison(self, candidate: Model, reference: Reference, spans: int, used: float) -> HeldOutComparison:
        other, weights = self._root.models[reference.version], self._images[:spans]
        luck = (candidate.luck - other.luck)[1 : spans + 1] * self._errors[1 : spans + 1]
        # Of a sample of the images the luck is larger; that it is another one every night is left out.
        mean = float((luck * weights).sum() / weights.sum()) * math.sqrt(weights.sum() / used)
        delta = self._delta(candidate, other, candidate.true_map - other.true_map + mean, used)
        return HeldOutComparison(reference.name, reference.version, reference.pushes_ago, 0.5, 0.5, delta)

    def _delta(self, new: Model, old: Model, value: float, images: float) -> Delta:
        correlation = self._world.kinship ** (new.generation - old.generation)
        error = self._world.image_error * math.sqrt(2 * (1 - correlation) / images)
        return Delta(value, value - _Z95 * error, value + _Z95 * error, error)

    def _renew(self) -> None:
        """Another golden set: another luck of every model that is still asked about, kin as they are."""
        luck, before = self._random.normal(), None
        for version, model in self._root.models.items():
            if before is not None:
                kinship = self._world.kinship ** (model.generation - before)
                luck = kinship * luck + math.sqrt(1 - kinship**2) * self._random.normal()
            before = model.generation
            changed = np.concatenate([[luck], model.luck[1:]])
            self._root.models[version] = Model(model.true_map, changed, model.generation)


def simulate(world: World, settings: EvaluatorSettings, histories: int, gains: int = 20) -> list[Outcome]:
    """Several histories of a world, each with a seed of its own."""
    return [History(world, settings, seed).run(gains) for seed in range(histories)]


def row_of(world: World, outcomes: Sequence[Outcome], opinion: bool) -> str:
    """A line of the table."""
    true = np.array([outcome.true_change for outcome in outcomes])
    measured = np.mean([outcome.measured_change for outcome in outcomes])
    first, last = np.mean([outcome.gains for outcome in outcomes], axis=0)
    cells = (
        f"{world.golden:,}",
        f"{world.span}",
        f"{world.drift:+.4f}",
        "yes" if opinion else "no",
        f"{true.mean():+.4f}",
        f"{np.percentile(true, 10):+.4f}",
        f"{measured:+.3f}",
        f"{np.mean([o.pushes for o in outcomes]):.0f}",
        f"{first:.0%}",
        f"{last:.0%}",
    )
    return f"| {' | '.join(cells)} |"


HEAD = (
    "| golden images | images a night | drift a night | second opinion | true mAP | worst tenth | measured mAP "
    "| pushes | gains pass, first night | last night |\n|---|---|---|---|---|---|---|---|---|---|"
)


def main() -> None:
    """Prints the table of docs/second-opinion.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--histories", type=int, default=100, help="of each line")
    histories = parser.parse_args().histories
    worlds = [
        World(golden=golden, span=span, drift=drift)
        for drift in (0.0, -0.0005, -0.001)
        for golden in (500, 2000)
        for span in (100, 300, 500)
    ]
    progress = Progress("simulating", 2 * len(worlds))
    lines = []
    for world in worlds:
        for settings in (EvaluatorSettings(second_opinion=None), EvaluatorSettings()):
            outcomes = simulate(world, settings, histories)
            lines.append(row_of(world, outcomes, settings.second_opinion is not None))
            progress.update(len(lines))
    print("\n".join([HEAD, *lines]))


if __name__ == "__main__":
    main()
