"""The requests that warm a SavedModel up in TensorFlow Serving.

Without them the first client waits for all that TensorFlow sets up at the first call of a signature. Format and place:
https://www.tensorflow.org/tfx/serving/saved_model_warmup.
"""

# pyright: reportAttributeAccessIssue=false
# (the classes of tensorflow_serving.apis are made when it is imported)

from __future__ import annotations

from collections.abc import Iterator, Sequence

import tensorflow as tf
from tensorflow_serving.apis.model_pb2 import ModelSpec
from tensorflow_serving.apis.predict_pb2 import PredictRequest
from tensorflow_serving.apis.prediction_log_pb2 import PredictionLog, PredictLog

from ratchet.schemas.data import features

WARMUP_FILE = "assets.extra/tf_serving_warmup_requests"
BATCH = 4  # most images in a request
BATCH_BYTES = 1_000_000  # most bytes of the images in a request, unless a single one is larger
MODEL_NAME = "detector"  # TensorFlow Serving only repeats it in the answer


def write_warmup(directory: str, images: Sequence[bytes]) -> None:
    """Writes the requests into a SavedModel: for each signature that takes files, one image alone and a few together.

    TensorFlow Serving refuses a model whose warm-up fails, so every image has to be one that the model accepts.

    Args:
        directory: the SavedModel.
        images: image files; the smallest are taken. Without any, nothing is written.
    """
    if not images:
        return
    path = f"{directory}/{WARMUP_FILE}"
    tf.io.gfile.makedirs(path.rpartition("/")[0])
    with tf.io.TFRecordWriter(path) as writer:
        for request in _requests(smallest(images)):
            writer.write(PredictionLog(predict_log=PredictLog(request=request)).SerializeToString())


def smallest(images: Sequence[bytes]) -> list[bytes]:
    """The smallest one, and up to `BATCH` in all as long as they have no more than `BATCH_BYTES` together."""
    chosen: list[bytes] = []
    for image in sorted(images, key=len)[:BATCH]:
        if not chosen or sum(map(len, chosen)) + len(image) <= BATCH_BYTES:
            chosen.append(image)
    return chosen


def _requests(images: list[bytes]) -> Iterator[PredictRequest]:
    examples = [_example(image) for image in images]
    # Each signature has its own tensors, and TensorFlow sets up every set of tensors on its own.
    for signature, key, values in (
        ("serving_default", "image_bytes", images),
        ("image_bytes", "image_bytes", images),
        ("tf_example", "examples", examples),
    ):
        for batch in (values[:1], values) if len(values) > 1 else (values,):
            yield PredictRequest(
                model_spec=ModelSpec(name=MODEL_NAME, signature_name=signature),
                inputs={key: tf.make_tensor_proto(batch, tf.string, [len(batch)])},
            )


def _example(image: bytes) -> bytes:
    encoded = tf.train.Feature(bytes_list=tf.train.BytesList(value=[image]))
    return tf.train.Example(features=tf.train.Features(feature={features.IMAGE_ENCODED: encoded})).SerializeToString()
