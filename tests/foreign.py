"""Detectors that Ratchet did not make, as other toolkits export them: they find the digits of `ratchet digits`.

No network and no training: handwritten digits of scikit-learn, several of each class, are held against every place of
a pyramid of smaller images. It is the correlation of a template with what is under it, so boxes are those of the
template, and scores are sure of little. That is good enough to be measured, and for a candidate to be better.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import tensorflow as tf
from PIL import Image

from ratchet.pipeline.demo.digit_scenes import digit_samples

Kind = Literal[
    "tf-object-detection",  # exporter_lib_v2.py: `input_tensor` uint8 [1, height, width, 3]
    "tf-object-detection-float",  # its `float_image_tensor`
    "tf-object-detection-encoded",  # its `encoded_image_string_tensor`
    "tf-object-detection-example",  # its `tf_example`
    "tf-object-detection-1",  # exporter.py: a graph of TensorFlow 1, `inputs` uint8 [batch, height, width, 3]
    "tf-models",  # official/vision/serving: `image_bytes`; boxes in px of the model's input, `image_info` beside them
    "tf-models-example",  # the same, `tf_example`
    "tf-models-tensor",  # the same, `image_tensor`, of one image
    "tf-models-normalized",  # with `output_normalized_coordinates`
    "hub",  # TensorFlow Hub: no signature, the module itself is called with uint8 [1, height, width, 3]
    "hub-open-images",  # `default`: float 0..1, answers of one image without the dimension of a batch
    "pixels",  # of nobody's: `inputs` uint8, boxes in px of the image
]
Fault = Literal["", "transposed", "off_by_one", "one_too_many", "neighbours", "halved"]

KINDS: tuple[Kind, ...] = get_args(Kind)
MODEL_INPUT = (160, 192)  # of the tf-models exports, height and width
MOST = 30  # detections of an image
_TEMPLATE = (16, 11)  # height and width
_HEIGHTS = (20, 23, 27, 31, 36, 42)  # px of the digits that are looked for
_OF_A_CLASS = 12
_LEAST_CONTRAST = 18.0  # of grey values under the template
_Tensors = dict[str, tf.Tensor]


def make_foreign(
    directory: Path | str,
    kind: Kind,
    class_names: Sequence[str] = tuple("0123456789"),
    quality: float = 1.0,
    fault: Fault = "",
    ids: Sequence[int] | None = None,
) -> Path:
    """Writes a detector as a SavedModel.

    Args:
        directory: where to write.
        kind: as which toolkit exports it.
        class_names: digits, in the order of the model's own classes.
        quality: 0..1, how many templates of each class it has, and how many of its scores mean something.
        fault: what is wrong with its answers: boxes x before y; classes from 0; from 2; those of the next class; boxes
            half as large and half as far from the corner.
        ids: the number of each class, ascending; None: 1..K.

    Returns:
        The directory.
    """
    finder = Finder(class_names, quality)
    module = _Foreign(finder, fault, tuple(ids or range(1, len(class_names) + 1)))
    if kind == "tf-object-detection-1":
        _save_version_1(str(directory), module)
        return Path(directory)
    name, signature, function = _EXPORTS[kind](module)
    concrete = tf.function(function, input_signature=signature).get_concrete_function()
    if name is None:
        vars(module)["__call__"] = tf.function(function, input_signature=signature)  # the loaded one can be called
        tf.saved_model.save(module, str(directory), signatures={})
    else:
        tf.saved_model.save(module, str(directory), signatures={name: concrete})
    return Path(directory)


class Finder(tf.Module):
    """Finds digits in one image.

    Args:
        class_names: digits, in the order in which they are counted, from 0.
        quality: see `make_foreign`.
    """

    def __init__(self, class_names: Sequence[str], quality: float) -> None:
        super().__init__()
        count = max(1, round(quality * _OF_A_CLASS))
        stacks = [_templates(int(name))[:count] for name in class_names]
        self.classes = len(class_names)
        self.templates = tf.Variable(tf.constant(_normal(np.stack(stacks))), trainable=False)  # [K, count, 16, 11]
        self._count, self._noise = count, 0.4 * (1 - quality)

    def find(self, image: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor]:
        """Boxes [1, n, 4] ymin, xmin, ymax, xmax in px, classes [1, n] from 0, scores and how many of them count.

        Args:
            image: [height, width, 3] float32, 0..255.
        """
        grey = tf.reduce_mean(image, axis=2)[None, :, :, None]
        levels = [self._level(grey, height) for height in _HEIGHTS]
        boxes, scores = (tf.concat(parts, axis=0) for parts in zip(*levels))
        found = tf.image.combined_non_max_suppression(
            boxes[None, :, None], scores[None], MOST, MOST, iou_threshold=0.35, score_threshold=0.3, clip_boxes=False
        )
        return found.nmsed_boxes, found.nmsed_classes, found.nmsed_scores, found.valid_detections

    def _level(self, grey: tf.Tensor, height_px: int) -> tuple[tf.Tensor, tf.Tensor]:
        """Boxes [n, 4] and scores [n, K] of all places at which a digit of that height can be."""
        scale = _TEMPLATE[0] / height_px
        wanted = tf.cast(tf.math.ceil(tf.cast(tf.shape(grey)[1:3], tf.float32) * scale), tf.int32)
        small = tf.image.resize(grey, tf.maximum(wanted, _TEMPLATE), antialias=True)
        flat = tf.reshape(self.templates, [self.classes * self._count, *_TEMPLATE])
        likeness = tf.nn.conv2d(small, tf.transpose(flat, [1, 2, 0])[:, :, None], 1, "VALID")[0]
        spread = tf.sqrt(tf.maximum(_mean(small**2) - _mean(small) ** 2, 1e-6))[0]
        likeness /= spread * np.sqrt(np.prod(_TEMPLATE))  # a correlation, -1..1
        rows, columns = tf.shape(likeness)[0], tf.shape(likeness)[1]
        best = tf.reduce_max(tf.reshape(likeness, [rows, columns, self.classes, self._count]), axis=3)
        best = tf.where(spread > _LEAST_CONTRAST, best, 0.0)
        best += self._noise * tf.sin(1e4 * best)  # what a worse model is sure of means less
        y, x = tf.meshgrid(tf.range(rows), tf.range(columns), indexing="ij")
        corner = tf.cast(tf.stack([y, x], axis=2), tf.float32) / scale
        boxes = tf.concat([corner, corner + tf.constant(_TEMPLATE, tf.float32) / scale], axis=2)
        return tf.reshape(boxes, [-1, 4]), tf.clip_by_value(tf.reshape(best, [-1, self.classes]), 0.0, 1.0)


def _mean(images: tf.Tensor) -> tf.Tensor:
    return tf.nn.avg_pool2d(images, _TEMPLATE, 1, "VALID")


@cache
def _templates(digit: int) -> np.ndarray:
    """[n, 16, 11], samples of a digit from the spans, evenly chosen."""
    images, digits = digit_samples(golden=False)
    own = [image for image, each in zip(images, digits) if each == digit]
    chosen = [own[place] for place in np.linspace(0, len(own) - 1, _OF_A_CLASS).astype(int)]
    height, width = _TEMPLATE
    enlarged = [np.asarray(image.resize((width, height), Image.Resampling.BICUBIC)) for image in chosen]
    return np.clip((np.stack(enlarged) - 0.2) / 0.55, 0, 1)


def _normal(templates: np.ndarray) -> np.ndarray:
    centered = templates - templates.mean(axis=(-2, -1), keepdims=True)
    return (centered / np.sqrt((centered**2).sum(axis=(-2, -1), keepdims=True))).astype(np.float32)


class _Foreign(tf.Module):
    """Answers in the forms of the toolkits."""

    def __init__(self, finder: Finder, fault: Fault, ids: tuple[int, ...]) -> None:
        super().__init__()
        self.finder, self._fault = finder, fault
        self._ids = np.array(ids, np.float32)

    def found(self, image: tf.Tensor) -> _Tensors:
        """Boxes in px of an image [height, width, 3], 0..255, and classes as they are numbered."""
        boxes, classes, scores, count = self.finder.find(tf.cast(image, tf.float32))
        numbers = tf.gather(tf.constant(self._ids), tf.cast(classes, tf.int32))
        if self._fault == "neighbours":
            numbers = tf.gather(
                tf.constant(self._ids), tf.math.floormod(tf.cast(classes, tf.int32) + 1, len(self._ids))
            )
        numbers += {"off_by_one": -1.0, "one_too_many": 1.0}.get(self._fault, 0.0)
        if self._fault == "transposed":
            boxes = tf.gather(boxes, [1, 0, 3, 2], axis=2)
        if self._fault == "halved":
            boxes /= 2
        return {
            "detection_boxes": boxes,
            "detection_classes": numbers,
            "detection_scores": scores,
            "num_detections": tf.cast(count, tf.float32),
        }

    def object_detection(self, image: tf.Tensor) -> _Tensors:
        """What the TF Object Detection API answers to one image."""
        found = self.found(image)
        size = tf.cast(tf.tile(tf.shape(image)[:2], [2]), tf.float32)
        boxes = found["detection_boxes"] / (size if self._fault != "transposed" else tf.gather(size, [1, 0, 3, 2]))
        every = tf.one_hot(tf.cast(found["detection_classes"], tf.int32), 1 + len(self._ids))
        return found | {
            "detection_boxes": boxes,
            "detection_multiclass_scores": every * tf.expand_dims(found["detection_scores"], 2),
            "detection_anchor_indices": tf.zeros_like(found["detection_scores"]),
            "raw_detection_boxes": tf.tile(boxes, [1, 4, 1]),
            "raw_detection_scores": tf.tile(every, [1, 4, 1]),
        }

    def tf_models(self, images: tf.Tensor, normalized: bool = False) -> _Tensors:
        """What tf-models answers: boxes are px of its input, into which the image was fitted."""
        outputs = dict.fromkeys(("detection_boxes", "detection_scores", "image_info"), tf.float32)
        outputs |= {"detection_classes": tf.int32, "num_detections": tf.int32}

        def of_one(image: tf.Tensor) -> _Tensors:
            size = tf.cast(tf.shape(image)[:2], tf.float32)
            scale = tf.reduce_min(tf.constant(MODEL_INPUT, tf.float32) / size)
            found = {name: value[0] for name, value in self.found(image).items()}
            boxes = found["detection_boxes"] * scale
            if normalized:
                boxes = tf.clip_by_value(found["detection_boxes"] / tf.tile(size, [2]), 0.0, 1.0)
            shape = tf.constant(MODEL_INPUT, tf.float32)
            info = tf.stack([size, shape, tf.fill([2], scale), tf.zeros([2])])
            answer = found | {"detection_boxes": boxes, "image_info": info}
            return {name: tf.cast(answer[name], kind) for name, kind in outputs.items()}

        return tf.map_fn(of_one, images, fn_output_signature=outputs)


_Export = tuple[str | None, list[tf.TensorSpec], Callable[[tf.Tensor], _Tensors]]
_IMAGE = tf.TensorSpec([1, None, None, 3], tf.uint8, name="input_tensor")
_FLOATS = tf.TensorSpec([1, None, None, 3], tf.float32, name="input_tensor")
_STRING = tf.TensorSpec([1], tf.string, name="input_tensor")
_BATCH = tf.TensorSpec([None], tf.string, name="inputs")
_DEFAULT = "serving_default"


def _decoded(encoded: tf.Tensor) -> tf.Tensor:
    image = tf.io.decode_image(encoded, channels=3, expand_animations=False)
    return tf.ensure_shape(image, [None, None, 3])


def _of_example(example: tf.Tensor) -> tf.Tensor:
    wanted = {"image/encoded": tf.io.FixedLenFeature([], tf.string)}
    return tf.io.parse_single_example(example, wanted)["image/encoded"]


def _batch(module: _Foreign, encoded: tf.Tensor, normalized: bool = False) -> _Tensors:
    """The exports of tf-models stack what they decode, so images of one batch have one size."""
    images = tf.map_fn(_decoded, encoded, fn_output_signature=tf.TensorSpec([None, None, 3], tf.uint8))
    return module.tf_models(images, normalized)


def _open_images(module: _Foreign, images: tf.Tensor) -> _Tensors:
    found = module.object_detection(images[0] * 255.0)
    return {
        "detection_boxes": found["detection_boxes"][0],
        "detection_class_labels": tf.cast(found["detection_classes"][0], tf.int64),
        "detection_scores": found["detection_scores"][0],
    }


_EXPORTS: dict[str, Callable[[_Foreign], _Export]] = {
    "tf-object-detection": lambda of: (_DEFAULT, [_IMAGE], lambda input_tensor: of.object_detection(input_tensor[0])),
    "tf-object-detection-float": lambda of: (
        *(_DEFAULT, [_FLOATS]),
        lambda input_tensor: of.object_detection(input_tensor[0]),
    ),
    "tf-object-detection-encoded": lambda of: (
        *(_DEFAULT, [_STRING]),
        lambda input_tensor: of.object_detection(_decoded(input_tensor[0])),
    ),
    "tf-object-detection-example": lambda of: (
        *(_DEFAULT, [_STRING]),
        lambda input_tensor: of.object_detection(_decoded(_of_example(input_tensor[0]))),
    ),
    "tf-models": lambda of: (_DEFAULT, [_BATCH], lambda inputs: _batch(of, inputs)),
    "tf-models-example": lambda of: (
        *(_DEFAULT, [_BATCH]),
        lambda inputs: _batch(of, tf.map_fn(_of_example, inputs)),
    ),
    "tf-models-tensor": lambda of: (
        *(_DEFAULT, [tf.TensorSpec([1, None, None, 3], tf.uint8, name="inputs")]),
        lambda inputs: of.tf_models(inputs),
    ),
    "tf-models-normalized": lambda of: (_DEFAULT, [_BATCH], lambda inputs: _batch(of, inputs, normalized=True)),
    "hub": lambda of: (None, [_IMAGE], lambda input_tensor: of.object_detection(input_tensor[0])),
    "hub-open-images": lambda of: (
        "default",
        [tf.TensorSpec([1, None, None, 3], tf.float32, name="images")],
        lambda images: _open_images(of, images),
    ),
    "pixels": lambda of: (
        _DEFAULT,
        [tf.TensorSpec([1, None, None, 3], tf.uint8, name="images")],
        lambda images: of.found(images[0]),
    ),
}


def _save_version_1(directory: str, module: _Foreign) -> None:
    """As exporter.py of the TF Object Detection API writes it: a frozen graph, tag `serve`, one image at a time."""
    answer = tf.function(lambda image: module.object_detection(image[0]), input_signature=[_IMAGE])
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    frozen = convert_variables_to_constants_v2(answer.get_concrete_function())
    names = sorted(answer.get_concrete_function().structured_outputs)
    v1 = tf.compat.v1
    with tf.Graph().as_default(), v1.Session() as session:
        image = v1.placeholder(tf.uint8, [None, None, None, 3], name="image_tensor")
        outputs = tf.graph_util.import_graph_def(
            frozen.graph.as_graph_def(),
            input_map={frozen.inputs[0].name: image},
            return_elements=[tensor.name for tensor in frozen.outputs],
            name="",
        )
        build = v1.saved_model.utils.build_tensor_info
        signature = v1.saved_model.build_signature_def(
            inputs={"inputs": build(image)},
            outputs={name: build(tensor) for name, tensor in zip(names, outputs)},
            method_name=v1.saved_model.signature_constants.PREDICT_METHOD_NAME,
        )
        builder = v1.saved_model.Builder(directory)
        builder.add_meta_graph_and_variables(session, ["serve"], signature_def_map={_DEFAULT: signature})
        builder.save()
