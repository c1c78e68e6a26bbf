"""A proposed configuration: values in the order of the file, each with the figure that it came from; pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ratchet.components.trainer.model.anchor_fit import COVERED_IOU, Coverage
from ratchet.components.trainer.model.data_fit import SMALL_PERCENTILE
from ratchet.components.trainer.model.model_settings import AnchorSettings
from ratchet.pipeline.config.proposal import choices
from ratchet.pipeline.config.proposal.choices import Architecture
from ratchet.pipeline.config.proposal.figures import DataFigures
from ratchet.pipeline.config.proposal.machine import Machine
from ratchet.pipeline.config.proposal.starting_points import StartingPoint
from ratchet.schemas.base.formatting import capital, many, percent, size

FEWEST_STRIDES = 1.75  # of the finest level, of a small object; below, it hardly differs from its surroundings
MANY_TIMES = 10  # the pixels of the input that an image may have: decoding takes as long as the step then
FEW_OBJECTS = 50  # of a class: less is hardly learned, and hardly measured
EVALUATED_AT_ONCE = 16  # evaluator.batch_size, if memory allows it


@dataclass(frozen=True)
class Entry:
    """One setting.

    Attributes:
        key: with the groups that it is in, such as `model.input_size`.
        value: as YAML has it.
        note: which figure it came from; empty where its group's first entry says it.
    """

    key: str
    value: Any
    note: str = ""


@dataclass(frozen=True)
class Proposal:
    """A configuration to begin with.

    Attributes:
        head: what the file begins with, a sentence each.
        entries: the settings, those of one group together.
        doubts: what no setting mends and a person should know.
        summary: one line of it.
    """

    head: tuple[str, ...]
    entries: tuple[Entry, ...]
    doubts: tuple[str, ...]
    summary: str

    @property
    def values(self) -> dict[str, Any]:
        """The settings, nested as a configuration has them."""
        nested: dict[str, Any] = {}
        for entry in self.entries:
            *groups, name = entry.key.split(".")
            place = nested
            for group in groups:
                place = place.setdefault(group, {})
            place[name] = entry.value
        return nested


def propose(figures: DataFigures, machine: Machine) -> Proposal:
    """Proposes settings for a data set and a machine.

    Args:
        figures: of the data that the first model is trained on.
        machine: that it is trained on.
    """
    start = choices.starting_point(figures, machine)
    found = choices.fit_architecture(figures, machine, start)
    entries = [
        Entry("name", "detector", "Of the pipeline and of the served model: serving/NAME/VERSION."),
        *_data(figures),
        *_model(figures, start, found),
        *_training(figures, machine, start, found),
        _augmentation(figures),
        *_evaluator(figures, found),
    ]
    doubts = tuple(_doubts(figures, start, found))
    return Proposal(tuple(_head(figures, machine, start)), tuple(entries), doubts, _summary(start, found))


def _summary(start: StartingPoint, found: Architecture) -> str:
    height, width = found.input_size
    return (
        f"{start.name}, input {width} x {height}, anchors that cover {percent(found.coverage.covered)} of the objects, "
        f"batches of {found.batch}"
    )


def _head(figures: DataFigures, machine: Machine, start: StartingPoint) -> Iterator[str]:
    yield (
        f"Proposed by Ratchet from {figures.directory} ({many(figures.images, 'image')}, "
        f"{many(figures.objects, 'object')}) for {machine.to_text()}."
    )
    yield (
        "Every value is yours to change. From the first served model on, `name` and `model` stay as they are (but "
        "max_detections); what is not here has its default."
    )
    yield f"It begins with {start.name}: {start.why}."
    yield f"Classes come from the data: {_classes(figures)}."


def _classes(figures: DataFigures) -> str:
    shown = [f"{name} {count:,}" for name, count in list(figures.class_boxes.items())[:20]]
    more = len(figures.class_boxes) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more > 0 else "")


def _data(figures: DataFigures) -> Iterator[Entry]:
    fraction = choices.eval_fraction(figures.images)
    chosen = round(fraction * figures.images)
    note = f"About {chosen:,} of {figures.images:,} images choose the checkpoint; 20 are needed for it."
    if figures.attributes:
        groups = ", ".join(f"{name} ({count} values)" for name, count in figures.attributes.items())
        note += (
            f" The images have {groups}: where images of one value look alike, as frames of one recording do, set "
            "group_by to its name, so that they stay on one side."
        )
    yield Entry("data.eval_fraction", fraction, note)


def _model(figures: DataFigures, start: StartingPoint, found: Architecture) -> Iterator[Entry]:
    yield Entry("model.input_size", list(found.input_size), _about_size(figures, start, found))
    yield Entry("model.backbone", dict(start.model["backbone"]), f"That of {start.name}.")
    yield Entry("model.min_level", found.min_level, _about_finest(found))
    yield Entry(
        "model.max_level",
        found.max_level,
        f"Large objects ({choices.LARGE_PERCENTILE}th percentile) are {found.large_px:.0f} px (root of their area) at "
        f"the input: up to {choices.LARGE_STRIDES} strides of {2**found.max_level} px.",
    )
    for name in ("fpn_filters", "head_convs", "head_filters"):
        yield Entry(f"model.{name}", start.model[name], f"Those of {start.name}." if name == "fpn_filters" else "")
    yield Entry("model.anchors", anchor_values(found.anchors), about_anchors(found.coverage))
    most = int(figures.objects_an_image.max())
    yield Entry(
        "model.max_detections",
        choices.max_detections(most),
        f"At most {many(most, 'object')} in an image, {figures.objects_an_image.mean():.1f} in the mean; mAP counts "
        "detections of low scores as well.",
    )


def anchor_values(anchors: AnchorSettings) -> dict[str, Any]:
    """Anchors as YAML has them."""
    return {"num_scales": anchors.num_scales, "aspect_ratios": list(anchors.aspect_ratios), "size": anchors.size}


def _about_size(figures: DataFigures, start: StartingPoint, found: Architecture) -> str:
    height, width = figures.median_image_px
    sizes = len(np.unique(figures.shapes.image_sizes_px, axis=0))
    kinds = "all images are" if sizes == 1 else f"the typical (median) of {sizes:,} sizes of images is"
    scale = min(found.input_size[0] / height, found.input_size[1] / width)
    return (
        f"[height, width] in px, multiples of {2**found.max_level}: {kinds} {width} wide and {height} high, shown at "
        f"{scale:.2g} of that with the aspect kept. A small object ({SMALL_PERCENTILE}th percentile of short sides) "
        f"has {found.small_px:.3g} px there; {start.small_strides:g} strides of {2**choices.FINEST_LEVEL} px are asked "
        f"for, within {start.max_long_side_px} px and the memory there is."
    )


def _about_finest(found: Architecture) -> str:
    strides = f"a small object spans {found.small_strides:.1f} strides of {2**found.min_level} px"
    if found.min_level < choices.FINEST_LEVEL:
        return f"Finer than the usual {choices.FINEST_LEVEL}, for small objects: {strides}. It costs time and memory."
    return f"On this level {strides}."


def about_anchors(coverage: Coverage) -> str:
    """What their comment says."""
    return (
        f"From the objects at this input: {percent(coverage.covered)} of them have an anchor with an IoU of at "
        f"least {COVERED_IOU:g}, the best recall that these anchors could reach at that IoU; mean best IoU "
        f"{coverage.mean_iou:.2f}. Aspect ratios are width / height; size is in strides of each level."
    )


def _training(figures: DataFigures, machine: Machine, start: StartingPoint, found: Architecture) -> Iterator[Entry]:
    devices = max(machine.gpus, 1)
    batch, images = found.batch * devices, round(figures.images * choices.TRAINED_SHARE)
    yield Entry("training.batch_size", batch, _about_batch(machine, start, found))
    yield Entry(
        "training.clip_norm", start.clip_norm, "Longest gradient, over all weights; 0 is no limit. As in the preset."
    )
    steps = choices.bootstrap_steps(start, images, batch)
    rate = choices.scaled_rate(start, batch)
    yield Entry(
        "training.bootstrap.peak_learning_rate",
        rate,
        f"{start.rate:g} at a batch of {start.rate_batch} ({start.rate_source}), by the square root of the batch, as "
        "Adam wants it.",
    )
    yield Entry(
        "training.bootstrap.steps",
        steps,
        f"{steps * batch / max(images, 1):.3g} passes over about {images:,} training images; {start.epochs:g} are "
        f"asked for, within {start.steps[0]:,} to {start.steps[1]:,} steps ({start.steps_source})."
        + _about_time(machine, start, found, steps)
        + _pretrained(start),
    )
    for i, (name, value) in enumerate(start.retrain.items()):
        yield Entry(
            f"training.retrain.{name}", value, f"As {start.name} is retrained; no figure of the data." if not i else ""
        )


def _about_time(machine: Machine, start: StartingPoint, found: Architecture, steps: int) -> str:
    """Only of processors: of GPUs nothing was measured."""
    if machine.gpus:
        return ""
    seconds = steps * found.batch * found.input_size[0] * found.input_size[1] * start.pixel_seconds / machine.cores
    return f" Roughly {max(round(seconds / 60), 1)} min on this processor; half or twice that is to be expected."


def _pretrained(start: StartingPoint) -> str:
    if not start.clip_norm:
        return ""
    return " From random weights a small span teaches little: set training.init_checkpoint (docs/backbone-weights.md)."


def _about_batch(machine: Machine, start: StartingPoint, found: Architecture) -> str:
    what = "images a step" if machine.gpus < 2 else f"images a step, {found.batch} on each of {machine.gpus} GPUs"
    share = percent(choices.memory_share(machine))
    return (
        f"{capital(what)}, at most {start.batch} a device. Such a step takes about {size(round(found.step_bytes))}, by "
        f"what steps of this kind were measured to take; {size(machine.memory_bytes)} are there, of which "
        f"{share} may be used. If memory runs out, halve it, and divide the rate by 1.4."
    )


def _augmentation(figures: DataFigures) -> Entry:
    reason = choices.mirror_sensitive(figures.class_boxes)
    if reason:
        return Entry("augmentation", "none-v1", f"No mirroring, because {reason}; flip-scale-v1 where it does no harm.")
    return Entry(
        "augmentation",
        "flip-scale-v1",
        "Mirrored and scaled by .8 to 1.2. No data tells whether a mirrored object is still one of its class: for "
        "text, signs, or left and right take scale-v1. A lineage keeps what it began with.",
    )


def _evaluator(figures: DataFigures, found: Architecture) -> Iterator[Entry]:
    at_once = min(EVALUATED_AT_ONCE, max(2 * found.batch, 1))
    if at_once < EVALUATED_AT_ONCE:
        yield Entry(
            "evaluator.batch_size", at_once, "Images a prediction call; it takes less memory than a training step."
        )


def _doubts(figures: DataFigures, start: StartingPoint, found: Architecture) -> Iterator[str]:
    if found.small_strides < FEWEST_STRIDES:
        yield (
            f"small objects have {found.small_px:.2g} px at an input of {found.input_size[1]} x {found.input_size[0]}, "
            f"{found.small_strides:.1f} strides of the finest level: cut the images into tiles, or raise "
            "model.input_size on a larger machine"
        )
    times = np.prod(figures.median_image_px) / np.prod(found.input_size)
    if times >= MANY_TIMES:
        yield (
            f"images have {times:.0f} times the pixels of the input, and every pass decodes them anew: copies of half "
            "their width and height train faster"
        )
    if found.coverage.covered < 0.9:
        missed = percent(1 - found.coverage.covered)
        yield f"{missed} of the objects have no anchor that fits them (IoU {COVERED_IOU:g})"
    if found.batch < choices.FEWEST_A_BATCH:
        yield f"memory is enough for batches of {found.batch}: train on a larger machine, or lower model.input_size"
    most = int(figures.objects_an_image.max())
    if most > choices.MOST_OBJECTS:
        yield f"an image has {most:,} objects, and training sees {choices.MOST_OBJECTS} of them: cut it into tiles"
    few = [(name, count) for name, count in figures.class_boxes.items() if count < FEW_OBJECTS]
    if few:
        yield _few(few)


def _few(few: Sequence[tuple[str, int]]) -> str:
    name, count = min(few, key=lambda pair: pair[1])
    others = f" (and {many(len(few) - 1, 'other class')} below {FEW_OBJECTS})" if len(few) > 1 else ""
    return f"class {name!r} has {many(count, 'object')}{others}: hardly to be learned, and not to be measured"
