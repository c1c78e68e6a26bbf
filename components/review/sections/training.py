"""How both models were trained: their records side by side, and their curves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from markupsafe import Markup

from ratchet.components.pages.chart_parts import Kind, chart_card
from ratchet.components.pages.html import render
from ratchet.components.pages.line_chart import Axis, Mark, Series, line_chart
from ratchet.components.pages.numbers import NOTHING
from ratchet.components.review.sections.adopted import adopted_entries, adopted_sentence
from ratchet.components.review.sections.own_training import own_rates, own_values
from ratchet.schemas.artifacts.adoption import Adoption
from ratchet.schemas.artifacts.evaluation import BASELINE, CANDIDATE
from ratchet.schemas.artifacts.training_record import (
    POST_PROCESSING,
    AskedTraining,
    NumericsRecord,
    TrainingRecord,
    ValidationImages,
)
from ratchet.schemas.base.formatting import listed, many, percent

_EXIF_WORDS = {
    "refuse": "refused: no image has one",
    "apply": "applied: the served model wants upright images",
    "ignore": "ignored: images as they are stored",
}
_OPTIMIZERS = {"adam": "Adam", "sgd": "SGD"}
_PARTS = {1: "whole"}


Baseline = TrainingRecord | Adoption | None


@dataclass(frozen=True)
class Row:
    """One entry of both records, as text.

    Attributes:
        name: what it is.
        candidate: its value there.
        baseline: its value there.
    """

    name: str
    candidate: str
    baseline: str

    @property
    def differs(self) -> bool:
        """Whether the two values are different."""
        return self.candidate != self.baseline


def rows(candidate: TrainingRecord, baseline: Baseline) -> list[Row]:
    """All entries of both records; of an adopted baseline what is known of its training."""
    asked = candidate.asked is not None and not (isinstance(baseline, TrainingRecord) and baseline.asked is None)
    own, other = _entries(candidate, asked), _entries_of_baseline(baseline, asked)
    names = list(dict.fromkeys([*own, *other]))
    return [Row(name, own.get(name, NOTHING), other.get(name, NOTHING)) for name in names]


def _entries_of_baseline(baseline: Baseline, asked: bool) -> dict[str, str]:
    if isinstance(baseline, Adoption):
        return adopted_entries(baseline)
    return _entries(baseline, asked) if baseline else {}


def training_section(candidate: TrainingRecord, baseline: Baseline) -> Markup:
    """Curves and records of both trainings."""
    return render(
        "review/templates/training.html",
        charts=training_charts(candidate, baseline if isinstance(baseline, TrainingRecord) else None),
        compared=baseline is not None,
        adopted=adopted_sentence(baseline) if isinstance(baseline, Adoption) else "",
        tables=record_tables(candidate, baseline),
    )


def record_tables(candidate: TrainingRecord, baseline: Baseline) -> Markup:
    """What differs as a table, and what does not folded below it."""
    found = rows(candidate, baseline)
    alone = _only_known_of_candidate(found) if isinstance(baseline, Adoption) else []
    found = [row for row in found if row not in alone]
    return render(
        "review/templates/records.html",
        apart=[row for row in found if row.differs] if baseline else [],
        same=[row for row in found if not (baseline and row.differs)],
        alone=alone,
        compared=baseline is not None,
    )


def _only_known_of_candidate(found: list[Row]) -> list[Row]:
    return [row for row in found if row.baseline == NOTHING]


def training_gist(candidate: TrainingRecord, baseline: Baseline) -> str:
    """What differs, in a line."""
    if isinstance(baseline, Adoption):
        begun = f"trained from {candidate.init_checkpoint}" if candidate.init_checkpoint else "trained anew"
        return f"{begun}: the baseline was adopted"
    if baseline is None and candidate.trainer:
        return f"by {candidate.trainer}"
    if baseline is None:
        return f"{many(candidate.steps, 'step')} from random weights" if not candidate.init_checkpoint else ""
    apart = [row.name for row in rows(candidate, baseline) if row.differs]
    return f"{many(len(apart), 'setting')} differ: {listed(apart, 3)}" if apart else "both were trained alike"


def _entries(record: TrainingRecord, with_asked: bool) -> dict[str, str]:
    """Text by name, in the order in which a person asks."""
    if record.trainer:
        values = {**_data(record), **own_values(record), "Ratchet": record.ratchet_version}
        return {name: str(value) for name, value in values.items()}
    rate, continual = record.learning_rate, record.continual
    model = list(_flat(record.model))
    values: dict[str, Any] = {
        **_data(record),
        **{f"post-processing: {name}": value for name, value in model if name in POST_PROCESSING},
        "planned steps": record.planned_steps,
        "steps taken": record.steps,
        "passes over the new span": f"{record.passes:.3g}",
        "peak learning rate": f"{rate.peak:.3g}",
        "warm-up": f"{rate.warmup_steps} steps from {rate.warmup_start:.2g}",
        "last learning rate": f"{rate.final:.2g}",
        **(_asked(record.asked) if with_asked and record.asked else {}),
        "augmentation": f"{record.augmentation} ({record.augmentation_digest[:8]})",
        "batch size": record.batch_size,
        "replay of earlier spans": f"{percent(continual.replay)} of a batch",
        "pull to the baseline (L2-SP)": f"{continual.l2_sp:g}",
        "batch norm": "frozen backbone" if record.batch_norm_frozen else continual.batch_norm,
        "backbone": "frozen" if continual.freeze_backbone else "trained",
        "gradient clipping": f"{record.clip_norm:g}" if record.clip_norm else "none",
        "averaged weights": f"decay {record.average:g}" if record.average else "none",
        "checkpoint": _checkpoint(record),
        "start": record.init_checkpoint or ("the served model" if record.baseline_digest else "random weights"),
        **_computed(record.numerics),
        "seed": record.seed,
        "device": _device(record),
        **{f"model: {name}": value for name, value in model if name not in POST_PROCESSING},
        "Ratchet": record.ratchet_version,
        "best step": record.best_step,
        **({"diverged": record.diverged.what} if record.diverged else {}),
        **({"validation images": _images(record.validation_images)} if record.validation_images else {}),
        "distance of the weights from their start": f"{record.weight_distance:.4f} of their norm",
    }
    return {name: str(value) for name, value in values.items()}


def _data(record: TrainingRecord) -> dict[str, Any]:
    """What is known whoever trained."""
    newest = record.data[-1]
    return {
        "newest span": f"{newest.span}, version {newest.version}: {newest.images:,} training images",
        "all spans": ", ".join(f"{data.span} ({data.images:,} images)" for data in record.data),
        "classes": ", ".join(record.class_names),
        "EXIF orientations": _EXIF_WORDS[record.exif],
        "declared changes": "; ".join(record.declared_changes) or "none",
    }


def _computed(numerics: NumericsRecord) -> dict[str, Any]:
    momentum = f", momentum {numerics.momentum:g}" if numerics.momentum is not None else ""
    return {
        "optimizer": f"{_OPTIMIZERS.get(numerics.optimizer, numerics.optimizer)}{momentum}",
        "weight decay": f"{numerics.weight_decay:g}" if numerics.weight_decay else "none",
        "a batch goes through the model": _PARTS.get(numerics.accumulate, f"in {numerics.accumulate} parts"),
        "precision": numerics.precision,
        "step compiled by XLA": "yes" if numerics.xla else "no",
    }


def _device(record: TrainingRecord) -> str:
    """How many of which, and the TensorFlow that ran on them; older records say how many alone."""
    if record.dynamics is None:
        return str(record.devices)
    ran_on = record.dynamics.environment
    version = ran_on.libraries.get("tensorflow", "")
    return f"{record.devices} x {ran_on.device}" + (f", TensorFlow {version}" if version else "")


def _asked(asked: AskedTraining) -> dict[str, Any]:
    of_retraining = {
        "epochs asked for": asked.epochs,
        "fewest steps": asked.min_steps,
        "most steps": asked.max_steps,
        "steps asked for": asked.steps,
    }
    return {name: f"{value:g}" for name, value in of_retraining.items() if value is not None} | {
        "batch size asked for": asked.batch_size,
        "replay asked for": f"{percent(asked.replay)} of a batch",
        "rounds of validation": asked.rounds,
        "patience": f"{asked.patience} rounds",
        "validation images wanted": f"{asked.min_validation_images} to {asked.max_validation_images}",
    }


def _checkpoint(record: TrainingRecord) -> str:
    if not record.has_chosen:
        return "the last one"
    pooled = record.validation_images is not None and record.validation_images.pooled
    return "best on all validation images alike" if pooled else "best on validation images"


def _images(images: ValidationImages) -> str:
    return f"{images.new} of the new span, {images.old} of earlier ones"


def _flat(values: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, str]]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{before}{name}.")
        else:
            yield f"{before}{name}", ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


_RATE_POINTS = 120

_MODELS: tuple[Literal["baseline", "candidate"], ...] = (BASELINE, CANDIDATE)


def training_charts(candidate: TrainingRecord, baseline: TrainingRecord | None) -> Markup:
    """Learning rate, loss and mAP of validation over the steps."""
    records = {CANDIDATE: candidate} | ({BASELINE: baseline} if baseline else {})
    order: list[Kind] = [name for name in _MODELS if name in records]
    steps = Axis("step", whole=True)
    rate = [Series(name, name, _rates(records[name])) for name in order]
    loss = [Series(name, name, records[name].loss_curve) for name in order]
    best = [Mark(candidate.best_step, "exported")] if candidate.best_step < candidate.steps else []
    charts = [
        chart_card(
            "learning rate", line_chart(rate, steps, Axis("learning rate"), "Learning rate over the steps", best)
        ),
        chart_card(
            "training loss", line_chart(loss, steps, Axis("loss", log=True), "Training loss over the steps", best)
        ),
        chart_card("mAP on validation images", _validation(records, order, steps, best)),
        _of_spans(candidate, steps),
    ]
    return Markup().join(charts)


def _validation(records: Mapping[str, TrainingRecord], order: list[Kind], steps: Axis, best: list[Mark]) -> Markup:
    series = [Series(name, name, [(point.step, point.map) for point in records[name].validation]) for name in order]
    return line_chart(series, steps, Axis("mAP"), "mAP on validation images over the steps", best)


def _of_spans(candidate: TrainingRecord, steps: Axis) -> Markup:
    """What is gained of the new span, and kept of the earlier ones, while training."""
    points = candidate.validation
    if not any(point.old is not None for point in points):
        return Markup()
    series = [
        Series("new span", "neutral", [(point.step, point.new) for point in points if point.new is not None]),
        Series("earlier spans", "neutral", [(point.step, point.old) for point in points if point.old is not None]),
    ]
    chart = line_chart(series, steps, Axis("mAP"), "mAP of the candidate on validation images of new and earlier spans")
    return chart_card("candidate on new and earlier spans", chart)


def _rates(record: TrainingRecord) -> list[tuple[float, float]]:
    if record.trainer:
        return own_rates(record)
    every = max(1, record.planned_steps // _RATE_POINTS)
    places = [*range(0, max(1, record.steps), every), max(0, record.steps - 1)]
    return [(step, record.learning_rate.at(step, record.planned_steps)) for step in dict.fromkeys(places)]
