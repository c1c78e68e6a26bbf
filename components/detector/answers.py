"""Loads a SavedModel in a process of its own, with TensorFlow alone, and writes down what it answers.

    python -m ratchet.components.detector.answers DIRECTORY PROBE_FILE

asks each signature for each image of the probe alone, and for all of them together; without arguments it waits until a
line of stdin says them, as a JSON list. The last line of stdout is a JSON object: `failed`, why the model cannot be
loaded or is not one of ours, or `answers`, a list of `signature`, `together` and either `failed` or `images`; an image
has `boxes_yxyx_px` [n, 4], `labels` [n], `scores` [n] and `most`, the detections that there could have been.
"""

from __future__ import annotations

import ctypes
import json
import signal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ratchet.components.stack.environment import leave_keras_out

if __name__ == "__main__":
    leave_keras_out()
import tensorflow as tf

from ratchet.schemas.artifacts.serving_probe import ServingProbe
from ratchet.schemas.data import features

_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_LONGEST = 300  # characters of what TensorFlow says
_OUTPUTS = ("detection_boxes", "detection_classes", "detection_scores", "num_detections")
_INPUTS: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "serving_default": ("image_bytes", lambda image: image),
    "image_bytes": ("image_bytes", lambda image: image),
    "tf_example": ("examples", lambda image: _example(image)),
}


def main(arguments: Sequence[str], write: Callable[[str], object] = sys.stdout.write) -> None:
    """Writes what a model answers.

    Args:
        arguments: its directory and the probe's file.
        write: takes text.
    """
    directory, probe_file = arguments
    probe = ServingProbe.from_bytes(Path(probe_file).read_bytes(), probe_file)
    write(f"\n{json.dumps(_report(directory, probe.images))}\n")


def _report(directory: str, images: Sequence[bytes]) -> dict[str, Any]:
    try:
        loaded = tf.saved_model.load(directory)  # holds the variables that the signatures use
    except Exception as error:  # a damaged file ends in whatever its parser raises
        return {"failed": f"it cannot be loaded ({_shortly(error)})"}
    if "serving_default" not in loaded.signatures:
        return {"failed": "it has no signature 'serving_default'"}
    return {"answers": list(_answers(loaded.signatures, images))}


def _answers(signatures: Mapping[str, Any], images: Sequence[bytes]) -> Iterator[dict[str, Any]]:
    for name, (key, encode) in _INPUTS.items():
        if name in signatures:
            requests = [encode(image) for image in images]
            for together in (False, True):
                batches = [requests] if together else [[request] for request in requests]
                yield {"signature": name, "together": together} | _asked(signatures[name], key, batches)


def _asked(signature: Any, key: str, batches: Sequence[Sequence[bytes]]) -> dict[str, Any]:
    try:
        return {
            "images": [found for batch in batches for found in _by_image(signature(**{key: tf.constant(list(batch))}))]
        }
    except Exception as error:  # what a signature raises is what its graph does
        return {"failed": _shortly(error)}


def _by_image(found: Mapping[str, tf.Tensor]) -> Iterator[dict[str, Any]]:
    boxes, labels, scores, counts = (found[key].numpy() for key in _OUTPUTS)
    for place, count in enumerate(counts.tolist()):
        yield {
            "boxes_yxyx_px": boxes[place, :count].tolist(),
            "labels": labels[place, :count].tolist(),
            "scores": scores[place, :count].tolist(),
            "most": scores.shape[1],
        }


def _example(image: bytes) -> bytes:
    encoded = tf.train.Feature(bytes_list=tf.train.BytesList(value=[image]))
    return tf.train.Example(features=tf.train.Features(feature={features.IMAGE_ENCODED: encoded})).SerializeToString()


def _shortly(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())[:_LONGEST]}"


def _end_with_parent() -> None:
    """Linux ends this process when the one that waits for its answer has ended."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


if __name__ == "__main__":
    _end_with_parent()
    told = sys.argv[1:] or json.loads(sys.stdin.readline() or "[]")
    if told:  # else it was started early, and nothing was to be asked
        main(told)
