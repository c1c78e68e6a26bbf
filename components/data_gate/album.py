"""Gathers what there is to draw: images of the span, golden images that they copy, and usual ones to compare with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ratchet.components.data_gate.fault_layers import Album, Beside, Drawable
from ratchet.components.data_gate.inputs import GateInputs
from ratchet.components.data_gate.pictures import pictured_rules
from ratchet.components.data_gate.usual import figures_of, usual_row
from ratchet.components.detector.sampling import ImageSample
from ratchet.schemas.artifacts.data_evidence import DRIFT, Comparison
from ratchet.schemas.artifacts.decisions import DataDecision
from ratchet.schemas.data.records import Detections


def album_of(inputs: GateInputs, decision: DataDecision, comparisons: Sequence[Comparison]) -> Album:
    """What the pictures of a decision are drawn from.

    Args:
        inputs: both data sets.
        decision: whose findings are drawn.
        comparisons: what drift rests on.
    """
    rules = pictured_rules(decision.reasons)
    images = _images(inputs, {name for names in rules.values() for name in names})
    compared = {f"{entry.kind}:{entry.feature}": entry for entry in comparisons if entry.kind == DRIFT}
    drifted = {rule: compared[rule] for rule in rules if rule in compared}
    usual = _usual_names(inputs, drifted)
    copied = dict(inputs.copies.leaked.pairs)
    leaked = {name: copied.get(images[name].record.image_id) for name in rules.get("leak", ()) if name in images}
    kept = inputs.golden_images
    return Album(
        images=images,
        class_names=inputs.span.class_names,
        bad_boxes=inputs.span.bad_boxes.drawn,
        originals={
            name: Beside(
                kept[kept.names[other]][1], f"golden {kept.names[other]}", _copied(inputs, images[name], other)
            )
            for name, other in leaked.items()
            if other in kept.names and kept.names[other] in kept
        },
        repeated={
            names[image]: names[other]
            for names in [inputs.images.names]
            for image, other in inputs.copies.repeated.pairs
            if image in names and other in names
        },
        usual={
            rule: Beside(kept[name][1], name, _usual_figure(inputs, drifted[rule], name), kept[name][0])
            for rule, name in usual.items()
            if name in kept
        },
        figures={rule: _figures(inputs.span_sample, compared) for rule, compared in drifted.items()},
    )


def _copied(inputs: GateInputs, copy: Drawable, other: int) -> str:
    how = inputs.copies.leaked.how.get(copy.record.image_id)
    return inputs.copies.leaked.told(copy.record.image_id, other, "golden image") + (f": {how}" if how else "")


def _images(inputs: GateInputs, names: set[str]) -> dict[str, Drawable]:
    places = {record.file_name: place for place, record in enumerate(inputs.span_sample.records)}
    images = {}
    for name in sorted(name for name in names if name in inputs.images):
        record, encoded = inputs.images[name]
        found = _found_in(inputs.span_sample, places[name]) if inputs.served and name in places else None
        images[name] = Drawable(record, encoded, found, inputs.copies.captions.get(record.image_id, ""))
    return images


def _found_in(sample: ImageSample, place: int) -> Detections:
    rows = sample.found.image == place
    return Detections(sample.found.boxes_xywh_px[rows], sample.found.labels[rows], sample.found.scores[rows])


def _usual_names(inputs: GateInputs, drifted: Mapping[str, Comparison]) -> dict[str, str]:
    sample = inputs.golden_sample
    if sample is None or inputs.served is None or not sample.records:
        return {}
    training = inputs.served.sample.embeddings
    rows = {rule: usual_row(comparison, sample.sample, training) for rule, comparison in drifted.items()}
    return {rule: sample.records[row].file_name for rule, row in rows.items() if row is not None}


def _usual_figure(inputs: GateInputs, comparison: Comparison, name: str) -> str:
    return "" if inputs.golden_sample is None else _figures(inputs.golden_sample, comparison).get(name, "")


def _figures(sample: ImageSample, comparison: Comparison) -> dict[str, str]:
    texts = figures_of(comparison.feature, sample.sample)
    return {record.file_name: text for record, text in zip(sample.records, texts)}
