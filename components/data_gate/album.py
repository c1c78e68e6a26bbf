"""Gathers what there is to draw: images of the span, golden images that they copy, and usual ones to compare with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ratchet.components.data_gate.fault_layers import Album, Beside, Drawable
from ratchet.components.data_gate.inputs import GateInputs
from ratchet.components.data_gate.pictures import PART, pictured_rules
from ratchet.components.data_gate.training_images import UsualImages, usual_images
from ratchet.components.data_gate.usual import figures_of, labelled_alike, usual_rows
from ratchet.components.detector.sampling import ImageSample
from ratchet.components.detector.stored_examples import ReadRecords
from ratchet.schemas.artifacts.data_evidence import DRIFT, Comparison
from ratchet.schemas.artifacts.decisions import DataDecision
from ratchet.schemas.base.formatting import many
from ratchet.schemas.data.records import Detections

_USUAL = 3  # images beside those that show a finding
_OF_TWO_IMAGES = ("leak", "repeated_images", "span_version")  # rules whose pictures have their other image already


def album_of(
    inputs: GateInputs,
    decision: DataDecision,
    comparisons: Sequence[Comparison],
    artifacts: str | None,
    read: ReadRecords,
) -> Album:
    """What the pictures of a decision are drawn from.

    Args:
        inputs: both data sets.
        decision: whose findings are drawn.
        comparisons: what drift rests on.
        artifacts: the artifacts directory of the pipeline root, where training images may be; None: there is none.
        read: reads TFRecord files.
    """
    rules = pictured_rules(decision.reasons)
    images = _images(inputs, {name for names in rules.values() for name in names})
    by_rule = {f"{entry.kind}:{entry.feature}": entry for entry in comparisons if entry.kind == DRIFT}
    drifted = {rule: by_rule[rule.removeprefix(PART)] for rule in rules if rule.removeprefix(PART) in by_rule}
    compared = [rule for rule in rules if rule not in _OF_TWO_IMAGES]
    usual = usual_images(inputs, artifacts, drifted.values(), read) if compared else None
    shown = {rule: [images[name] for name in rules[rule] if name in images] for rule in compared}
    copied = dict(inputs.copies.leaked.pairs)
    leaked = {name: copied.get(images[name].record.image_id) for name in rules.get("leak", ()) if name in images}
    kept = inputs.golden_images
    return Album(
        images=images,
        class_names=inputs.span.class_names,
        bad_boxes=inputs.span.bad_boxes.drawn,
        originals={
            name: Beside(
                kept[kept.names[other]][1],
                f"golden {kept.names[other]}",
                kept[kept.names[other]][0],
                _copied(inputs, images[name], other),
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
        usual=_usual(inputs, usual, shown, drifted) if usual is not None else {},
        figures={rule: _figures(inputs.span_sample, entry) for rule, entry in drifted.items()},
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


def _usual(
    inputs: GateInputs, usual: UsualImages, shown: Mapping[str, Sequence[Drawable]], drifted: Mapping[str, Comparison]
) -> dict[str, list[Beside]]:
    """Of each rule the images to compare with: in the middle of a feature, or with labels of the same classes."""
    records, found = usual.sample.records, {}
    training = inputs.training.sample.embeddings if inputs.training else usual.sample.sample.embeddings
    for rule, images in shown.items():
        comparison = drifted.get(rule)
        rows = usual_rows(comparison, usual.sample.sample, training, _USUAL) if comparison else []
        captions = _figures(usual.sample, comparison) if comparison else {}
        if not rows:  # no figure of an image, as of a mix of classes
            wanted = {inputs.span.class_names[label - 1] for image in images for label in image.record.truth.labels}
            rows = labelled_alike(records, usual.class_names, wanted, _USUAL)
        beside = []
        for record in (records[row] for row in rows):
            caption = captions.get(record.file_name) or many(len(record.truth.labels), "label")
            names = () if rule in drifted else usual.class_names
            beside.append(Beside(usual.kept[record.file_name][1], usual.title, record, caption, names))
        found[rule] = beside
    return {rule: beside for rule, beside in found.items() if beside}


def _figures(sample: ImageSample, comparison: Comparison) -> dict[str, str]:
    texts = figures_of(comparison.feature, sample.sample)
    return {record.file_name: text for record, text in zip(sample.records, texts)}
