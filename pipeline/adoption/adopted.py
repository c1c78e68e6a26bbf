"""What `ratchet adopt` says at its end."""

from __future__ import annotations

import dataclasses
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ratchet.pipeline.adoption.found import Found
from ratchet.pipeline.adoption.prepared import Prepared
from ratchet.pipeline.terminal.plain_text import cut, table
from ratchet.schemas.artifacts.evaluation import DataSetEvaluation
from ratchet.schemas.artifacts.overrides import OVERRIDE_FORMAT, Override
from ratchet.schemas.base.formatting import and_more, listed, many, score
from ratchet.schemas.base.visible import visible_line
from ratchet.schemas.data.training_plan import TrainingPlan

_SHOWN_CLASSES, _SHOWN_NAME = 20, 32


@dataclass(frozen=True, eq=False)
class Adopted:
    """The end of an adoption, or of its rehearsal.

    Attributes:
        override: as it was logged; of a rehearsal as it would be, without the version.
        prepared: the model; None where the same command had done it before.
        root: the pipeline root, as people name it.
        dry_run: whether nothing was changed.
        reading: the options that say which golden set it was, and how it was read: a retraining needs them as well.
    """

    override: Override
    prepared: Prepared | None
    root: str
    dry_run: bool
    reading: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The contract of `ratchet adopt --json`."""
        values = {
            "dry_run": self.dry_run,
            "would": None if not self.dry_run else "serve" if self.prepared else "nothing",
            "override": {**OVERRIDE_FORMAT.values_of(self.override), "version": self.override.version or None},
        }
        if self.prepared is None:
            return values
        found, scored = self.prepared.found, self.prepared.measured.evaluated.scored
        return {
            **values,
            "kind": found.kind,
            "source": found.source,
            "class_names": list(found.class_names),
            "proof": found.proof,
            "signatures_kept": list(found.kept),
            "golden": {
                "coco": _known(scored.candidate.coco),
                "per_class": _known(scored.candidate.per_class),
                "images": scored.images,
                "objects": scored.objects,
                "classes_unknown_to_the_model": list(self.prepared.measured.only_golden),
            },
            "lacks": [dataclasses.asdict(lack) for lack in found.lacks],
        }

    def to_text(self) -> str:
        """For a terminal: what is served, how good it is, why that can be believed, what it lacks, the next command."""
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        made, prepared = self.override, self.prepared
        if prepared is None and self.dry_run:
            yield f"Nothing would be done: this command did it at {made.at}, and version {made.version} is served."
            return
        if self.dry_run:
            yield f"Nothing was changed. Would serve {_what(prepared)} from {visible_line(self.root)}"
            yield f"  by {made.by}: {made.reason}"
        else:
            yield made.to_text()
        if prepared is None:
            return
        found, measured = prepared.found, prepared.measured
        yield f"  {visible_line(found.source)}, {kind_in_words(found)}"
        yield from (f"  {line}" for line in (found.taken, found.proof) if line)
        yield ""
        yield from _figures(measured.evaluated.scored)
        yield from (f"  note: {doubt}" for doubt in doubts(prepared))
        told = list(training_lines(found.plan))
        if told:
            yield from ("", told[0], *(f"  {line}" for line in told[1:]))
        if found.lacks:
            yield from ("", "What it lacks beside a model that Ratchet trained, and what that switches off:")
            yield from (f"  {lack.what}: {lack.off}" for lack in found.lacks)
        if self.dry_run:
            yield from ("", "Next, the same without --dry-run.")
        else:
            yield from ("", "Next, what has to be no worse on the same golden set:")
            yield f"  {visible_line(self.next_command())}"

    def next_command(self) -> str:
        """What trains a successor, to be copied; where the spans are is not known."""
        return shlex.join(("ratchet", "run", "--data", "SPANS", "--root", self.root, *self.reading))


_CUT = (
    "it returns nothing with a low score, which lowers mAP: export it with a score threshold near 0, so that it is not "
    "beaten for that"
)
_KINDS = {
    "tf-object-detection": "as the TF Object Detection API exports it",
    "tf-models": "as tf-models exports it",
    "other": "of no toolkit that is known",
    "ratchet": "trained by Ratchet",
}


def _what(prepared: Prepared | None) -> str:
    assert prepared is not None  # of a rehearsal that would do something
    return f"a model of {many(len(prepared.found.class_names), 'class')}"


def _figures(scored: DataSetEvaluation) -> Iterator[str]:
    coco = scored.candidate.coco
    yield (
        f"mAP {score(coco['AP'])}, AP50 {score(coco['AP50'])}, AP75 {score(coco['AP75'])} on "
        f"{many(scored.images, 'golden image')} with {many(scored.objects, 'object')}"
    )
    aps, support = scored.candidate.per_class, scored.class_support
    rows: list[tuple[str, ...]] = [("class", "objects", "AP")]
    for name in list(aps)[:_SHOWN_CLASSES]:
        rows.append((cut(visible_line(name), _SHOWN_NAME), str(support[name].objects), score(aps[name])))
    yield from table(rows, " rr")
    more = and_more(len(aps) - _SHOWN_CLASSES)
    if more:
        yield f"...{more}; --json has all"


def kind_in_words(found: Found) -> str:
    """What made a model, as it follows its name."""
    return _KINDS.get(found.kind, "a SavedModel")


def doubts(prepared: Prepared) -> Iterator[str]:
    """What a person should know of the model and its golden set, a sentence each."""
    measured = prepared.measured
    if measured.only_golden:
        names = listed([visible_line(name) for name in measured.only_golden], 5)
        yield f"the golden set has {names}, which the model does not know: their AP is 0, and mAP is the lower"
    if measured.only_model:
        names = listed([visible_line(name) for name in measured.only_model], 5)
        yield f"the model knows {names}, of which the golden set says nothing: it is not measured on them"
    yield from (f"{visible_line(odd)}: is the label file the right one?" for odd in prepared.found.odd)
    decision = measured.evaluated.decision
    for reason in (*decision.failures, *decision.warnings):
        yield _CUT if reason.rule == "trust:scores" else visible_line(reason.sentence)


def training_lines(plan: TrainingPlan | None) -> Iterator[str]:
    """How a model was trained, as its configuration says, a line each; none without one."""
    if plan is None:
        return
    said = [
        f"peak learning rate {plan.rate.peak:g}" if plan.rate else "",
        f"{plan.optimizer}" if plan.optimizer else "",
        f"batches of {plan.batch_size:g}" if plan.batch_size else "",
        f"{plan.steps:g} steps" if plan.steps else "",
        f"images of {plan.input_size}" if plan.input_size else "",
    ]
    names = [augmentation.name for augmentation in plan.augmentations or ()]
    how = ", ".join(filter(None, said)) or "little"
    yield f"Trained with {plan.toolkit}, as {visible_line(plan.source)} says: {how}"
    if names:
        yield f"augmented by {listed([visible_line(name) for name in names], 8)}"
    yield "the first candidate is held against this: a higher rate or augmentation that is gone has to be allowed"


def _known(figures: dict[str, float]) -> dict[str, float | None]:
    return {name: value if value >= 0 else None for name, value in figures.items()}
