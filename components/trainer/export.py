"""Writes a trained model as a SavedModel for TensorFlow Serving, with the requests that warm it up."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from ratchet.components.detector.warmup import write_warmup
from ratchet.components.trainer.serving import Serving


def save_model(serving: Serving, directory: str, warmup_images: Sequence[bytes]) -> None:
    """Writes a SavedModel with the functions of `Serving` as signatures.

    - `image_bytes`, and the same as `serving_default` for clients that name no signature: `Serving.serve`;
    - `tf_example`: `Serving.serve_examples`;
    - `preprocess`, `detect`: the same in two halves, for callers that give the same images to several models;
    - `embed`: `Serving.embed`; `look`: what `detect` and `embed` return, at the cost of `detect`.

    Args:
        serving: the functions.
        directory: where to write.
        warmup_images: a few image files like those to be served, which TensorFlow Serving runs through the model
            before it answers its first client; none: it is not warmed up.
    """
    module: Any = tf.Module()
    # The weights alone, not the Keras model: saving every layer's own functions takes far longer,
    # and nothing reads them.
    module.weights = serving.weights
    signatures = {
        "serving_default": serving.serve,
        "image_bytes": serving.serve,
        "tf_example": serving.serve_examples,
        "preprocess": serving.preprocess,
        "detect": serving.detect,
        "embed": serving.embed,
        "look": serving.look,
    }
    tf.saved_model.save(module, directory, signatures=signatures)
    write_warmup(directory, warmup_images)
