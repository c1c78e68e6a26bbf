"""Whether what a trainer of one's own wrote is what every later step relies on; one error that says what is wrong."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf
from tfx.dsl.io import fileio

from ratchet.components.trainer.own.box_order import x_comes_first
from ratchet.components.trainer.own.code import SETTING
from ratchet.components.trainer.own.task import LabelledImage, Task
from ratchet.schemas.artifacts.class_names import read_class_names
from ratchet.schemas.artifacts.training_record import (
    LABELS_FILE,
    RECORD_FILE,
    STATISTICS_FILE,
    TRAINING_IMAGES_FILE,
    TRAINING_SAMPLE_FILE,
    read_training_record,
)
from ratchet.schemas.base.errors import OwnTrainerError, StateError
from ratchet.schemas.base.progress import LOGGER
from ratchet.schemas.base.visible import visible_line
from ratchet.schemas.data import features

LOOKED_AT = 8  # training images that the functions are tried on
_INPUTS = {"serving_default": "image_bytes", "image_bytes": "image_bytes", "tf_example": "examples"}
_OUTPUTS = {
    "detection_boxes": (tf.float32, 3),
    "detection_classes": (tf.int32, 2),
    "detection_scores": (tf.float32, 2),
    "num_detections": (tf.int32, 1),
}
_BOXES, _CLASSES, _SCORES, _COUNTS = _OUTPUTS
_CARRIED = (LABELS_FILE, TRAINING_IMAGES_FILE, TRAINING_SAMPLE_FILE, STATISTICS_FILE)
_FAR = 2.0  # times the image's size: a box that reaches as far is in px of something else
_OTHER_SCORE = 0.05  # more than batches of other sizes round otherwise
_LONGEST = 300  # characters of what TensorFlow says


class _WrongError(Exception):
    """What is wrong, and the fix, as the end of a sentence."""


@dataclass(frozen=True)
class _Found:
    """The counted detections of one image."""

    image: LabelledImage
    boxes_yxyx_px: np.ndarray
    labels: np.ndarray
    scores: np.ndarray


def check_functions(task: Task) -> None:
    """Loads the SavedModel that was written and tries its functions on a few training images.

    Raises:
        OwnTrainerError: it cannot be loaded, lacks a function, or answers what is no detection.
    """
    with _named(task):
        loaded = _loaded(task.directory)
        missing = next((name for name in _INPUTS if name not in loaded.signatures), None)
        if missing is not None:
            raise _WrongError(
                f"wrote a SavedModel without the signature {missing!r} (it has {', '.join(loaded.signatures) or 'none'}"
                "); write_model makes all three"
            )
        for name, key in _INPUTS.items():
            _check_signature(name, loaded.signatures[name], key)
        images = _first(task)
        found = _answers(loaded.signatures, images)
        for each in found:
            _check_image(each, task.class_names)
        _check_scale(found)
        _check_order(found)


def check_record(task: Task) -> None:
    """Whether the model carries its origin, and that is the one of this training.

    Raises:
        OwnTrainerError: a file is missing, or it is of another training.
    """
    with _named(task):
        if not fileio.exists(f"{task.directory}/{RECORD_FILE}"):
            raise _WrongError(
                f"wrote no training record ({RECORD_FILE}); end with write_model(...), or with describe_model(...) for "
                "a SavedModel that you write yourself"
            )
        for path in _CARRIED:
            if not fileio.exists(f"{task.directory}/{path}"):
                raise _WrongError(f"wrote no {path}; write_model and describe_model do")
        _check_recorded(task)


def _check_recorded(task: Task) -> None:
    try:
        record, names = read_training_record(task.directory, fileio), read_class_names(task.directory, fileio)
    except StateError as error:
        raise _WrongError(f"wrote what cannot be read of the model's origin: {error}") from error
    wanted = {
        "trainer": (record.trainer, task.plan.run_fn),
        "label_map": (list(record.label_map), list(task.class_names)),
        "data": ([data.digest for data in record.data], [data.digest for data in task.plan.data]),
        LABELS_FILE: (list(names or ()), list(task.class_names)),
    }
    for name, (there, expected) in wanted.items():
        if there != expected:
            raise _WrongError(
                f"wrote a record whose {name} is {there}, where this training's is {expected}; let write_model or "
                "describe_model write it"
            )


@contextlib.contextmanager
def _named(task: Task) -> Iterator[None]:
    """Says which function wrote what is wrong."""
    try:
        yield
    except _WrongError as error:
        raise OwnTrainerError(f"{SETTING} = {task.plan.run_fn!r}: {error}") from error.__cause__


def _loaded(directory: str) -> Any:
    if not fileio.exists(f"{directory}/saved_model.pb"):
        raise _WrongError(f"wrote no SavedModel to fn_args.serving_model_dir ({directory}); write_model does")
    try:
        return tf.saved_model.load(directory)
    except Exception as error:  # a damaged file ends in whatever its parser raises
        raise _WrongError(f"wrote a SavedModel that cannot be loaded ({_shortly(error)})") from error


def _check_signature(name: str, signature: Any, key: str) -> None:
    inputs = signature.structured_input_signature[1]
    spec = inputs.get(key)
    if set(inputs) != {key} or spec.dtype != tf.string or spec.shape.rank != 1 or spec.shape[0] is not None:
        there = ", ".join(f"{other}: {_spec_text(value)}" for other, value in inputs.items())
        raise _WrongError(f"its signature {name!r} takes {there or 'nothing'}, where {key}: string [batch] is wanted")
    for output, (dtype, rank) in _OUTPUTS.items():
        there = signature.structured_outputs.get(output)
        if there is None:
            raise _WrongError(f"its signature {name!r} does not return {output!r}; it must return {_wanted_text()}")
        if there.dtype != dtype or (there.shape.rank is not None and there.shape.rank != rank):
            raise _WrongError(
                f"its signature {name!r} returns {output!r} as {_spec_text(there)}, where {_output_text(output)} is "
                "wanted"
            )


def _wanted_text() -> str:
    return ", ".join(f"{name} ({_output_text(name)})" for name in _OUTPUTS)


def _output_text(name: str) -> str:
    shapes = {_BOXES: "[batch, n, 4]", _COUNTS: "[batch]"}
    return f"{_OUTPUTS[name][0].name} {shapes.get(name, '[batch, n]')}"


def _spec_text(spec: Any) -> str:
    sides = "any shape" if spec.shape.rank is None else list(spec.shape)
    return f"{spec.dtype.name} {str(sides).replace('None', 'batch', 1)}"


def _first(task: Task) -> list[LabelledImage]:
    return [image for _, image in zip(range(LOOKED_AT), task.images())]


def _answers(signatures: Mapping[str, Any], images: Sequence[LabelledImage]) -> list[_Found]:
    """What each signature answers to the images together, and the first image alone; the last one's."""
    found: list[_Found] = []
    for name, key in _INPUTS.items():
        values = [image.encoded if key == "image_bytes" else _example(image.encoded) for image in images]
        alone, found = (
            list(_columns(name, _asked(name, signatures[name], key, asked), images[: len(asked)]))
            for asked in (values[:1], values)
        )
        _check_alone(name, alone, found)
    return found


def _check_alone(name: str, alone: Sequence[_Found], together: Sequence[_Found]) -> None:
    """Whether an image's surest detection is as sure alone; where scores are near each other, the others may differ."""
    for one, other in zip(alone, together):
        best, among = (float(each.scores.max(initial=0.0)) for each in (one, other))
        if abs(best - among) > _OTHER_SCORE:
            raise _WrongError(
                f"its signature {name!r} returns for {visible_line(one.image.file_name)} the best score {best:.4g} "
                f"alone and {among:.4g} among {len(together)} images; an answer must not depend on the other images of "
                "a batch: call the network with training=False"
            )


def _asked(name: str, signature: Any, key: str, values: Sequence[bytes]) -> dict[str, np.ndarray]:
    try:
        return {output: value.numpy() for output, value in signature(**{key: tf.constant(list(values))}).items()}
    except Exception as error:  # what a signature raises is what its graph does
        many = f"{len(values)} training images together" if len(values) > 1 else "a training image alone"
        raise _WrongError(f"its signature {name!r} fails for {many} ({_shortly(error)})") from error


def _columns(name: str, found: Mapping[str, np.ndarray], images: Sequence[LabelledImage]) -> Iterator[_Found]:
    boxes, labels, scores, counts = (found[output] for output in _OUTPUTS)
    for output, value in zip(_OUTPUTS, (boxes, labels, scores, counts)):
        if value.shape[:1] != (len(images),):
            raise _WrongError(
                f"its signature {name!r} returns {output!r} of shape {list(value.shape)} for {len(images)} images; the "
                "first dimension must be theirs"
            )
    if boxes.shape[2:] != (4,) or not boxes.shape[1] == labels.shape[1] == scores.shape[1]:
        shapes = ", ".join(str(list(value.shape)) for value in (boxes, labels, scores))
        raise _WrongError(f"its signature {name!r} returns boxes, classes and scores of the shapes {shapes}")
    for place, (image, count) in enumerate(zip(images, counts.tolist())):
        if not 0 <= count <= boxes.shape[1]:
            raise _WrongError(f"num_detections is {count} for {image.file_name}, with room for {boxes.shape[1]}")
        yield _Found(image, boxes[place, :count], labels[place, :count], scores[place, :count])


def _check_image(found: _Found, class_names: Sequence[str]) -> None:
    name, boxes, labels = visible_line(found.image.file_name), found.boxes_yxyx_px, found.labels
    for what, values in (("score", found.scores), ("box", boxes)):
        wrong = ~np.isfinite(values).reshape(len(labels), -1).all(axis=1)
        if wrong.any():
            raise _WrongError(
                f"{_where(name, wrong)} the {what} {values[np.argmax(wrong)].tolist()}, which is no finite number; was "
                "the training lost?"
            )
    wrong = (labels < 1) | (labels > len(class_names))
    if wrong.any():
        from_zero = (labels == 0).any() and labels.max() < len(class_names)
        off_by_one = "; labels count from 1, so add 1" if from_zero else ""
        raise _WrongError(
            f"{_where(name, wrong)} the label {int(labels[np.argmax(wrong)])}, and the labels of "
            f"{len(class_names)} classes are 1..{len(class_names)}{off_by_one}"
        )
    wrong = (found.scores < 0) | (found.scores > 1)
    if wrong.any():
        raise _WrongError(f"{_where(name, wrong)} the score {found.scores[np.argmax(wrong)]:.4g}; scores lie in 0..1")
    wrong = (boxes[:, 0] > boxes[:, 2]) | (boxes[:, 1] > boxes[:, 3])
    if wrong.any():
        raise _WrongError(
            f"{_where(name, wrong)} the box {_text(boxes[np.argmax(wrong)])}; a box is ymin, xmin, ymax, xmax"
        )
    _check_reach(found, name)


def _check_reach(found: _Found, name: str) -> None:
    height, width = found.image.size_px
    limits = _FAR * np.array([height, width, height, width])
    wrong = (found.boxes_yxyx_px > limits).any(axis=1)
    if wrong.any():
        raise _WrongError(
            f"{_where(name, wrong)} the box {_text(found.boxes_yxyx_px[np.argmax(wrong)])}, and that image has "
            f"{width}x{height} px; boxes are in px of the image as it is stored, not of the network's input"
        )


def _check_scale(found: Sequence[_Found]) -> None:
    boxes = np.concatenate([each.boxes_yxyx_px for each in found]) if found else np.empty((0, 4))
    if not len(boxes):
        LOGGER.warning(
            "the model finds nothing in the %d training images that it was tried on, so whether its boxes are in px "
            "could not be checked",
            len(found),
        )
    elif boxes.max() <= 1.0:
        first = next(each for each in found if len(each.labels))
        height, width = first.image.size_px
        raise _WrongError(
            f"returns boxes within 0..1, such as {_text(first.boxes_yxyx_px[0])} for "
            f"{visible_line(first.image.file_name)} of {width}x{height} px; boxes are in px of the image, so multiply "
            "them by its height and width"
        )


def _check_order(found: Sequence[_Found]) -> None:
    objects = [each.image.boxes_yxyx_px[~each.image.is_crowd] for each in found]
    hits = x_comes_first([(each.boxes_yxyx_px, each.scores) for each in found], objects)
    if hits is not None:
        raise _WrongError(
            f"returns boxes that look like xmin, ymin, xmax, ymax: of {sum(map(len, objects))} objects in "
            f"{len(found)} training images a box lies on {hits[0]} as ymin, xmin, ymax, xmax, and on {hits[1]} with x "
            "first; put y before x"
        )


def _where(name: str, wrong: np.ndarray) -> str:
    others = int(np.count_nonzero(wrong)) - 1
    return f"returns for {name}{f' ({others} more are like it)' if others else ''}"


def _text(box: np.ndarray) -> str:
    return "[" + ", ".join(f"{value:.4g}" for value in box) + "]"


def _example(image: bytes) -> bytes:
    encoded = tf.train.Feature(bytes_list=tf.train.BytesList(value=[image]))
    return tf.train.Example(features=tf.train.Features(feature={features.IMAGE_ENCODED: encoded})).SerializeToString()


def _shortly(error: Exception) -> str:
    return visible_line(f"{type(error).__name__}: {' '.join(str(error).split())[:_LONGEST]}")
