"""Writes what a trainer of one's own made: the SavedModel with the functions that clients call, and its origin."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import tensorflow as tf

from ratchet.components.detector.warmup import write_warmup
from ratchet.components.object_store.emptying import empty
from ratchet.components.trainer.origin_files import warmup_images, write_origin
from ratchet.components.trainer.own.checks import check_functions
from ratchet.components.trainer.own.code import SETTING
from ratchet.components.trainer.own.report import Known, Report, record_of
from ratchet.components.trainer.own.task import Task
from ratchet.schemas.base.errors import OwnTrainerError
from ratchet.schemas.data import features

Tensors = Mapping[str, tf.Tensor]
Function = Callable[..., Any]
_KEYS = ("detection_boxes", "detection_classes", "detection_scores", "num_detections")


def write_model(
    task: Task,
    module: Any,
    serve: Function | None = None,
    *,
    preprocess: Function | None = None,
    detect: Function | None = None,
    embed: Function | None = None,
    report: Report | None = None,
) -> None:
    """Exports a model: SavedModel with its signatures, warm-up requests, training record and data's figures.

    Give either `serve`, or the two halves `preprocess` and `detect`, with which images are decoded once where several
    models look at them, and `embed`, from which the data gate tells whether images look as before.

    Args:
        task: of `read_task`.
        module: what holds the weights: a Keras model, or a tf.Module.
        serve: `image_bytes` [b] string -> detections.
        preprocess: `image_bytes` [b] string -> tensors by name, all with b first, such as `Letterbox.preprocess`.
        detect: takes these tensors by name -> detections.
        embed: `images` of `preprocess` -> [b, d] float32: what the network makes of each image.
        report: what is known of the training.

    Detections are a mapping: `detection_boxes` [b, n, 4] ymin, xmin, ymax, xmax in px of the image as it is stored,
    `detection_classes` [b, n] 1..K, `detection_scores` [b, n] within 0..1, `num_detections` [b]: how many of each row
    count. Order and padding are put right here, and the names of the classes are added.

    Raises:
        OwnTrainerError: the functions do not do that.
    """
    functions = _Functions(task, serve, preprocess, detect, embed)
    root: Any = tf.Module()
    root.weights = _variables(module)
    if not _is_keras(module):
        root.module = module  # with its tables and whatever else its functions use
    empty(task.directory)  # what an earlier try has left would be served with it
    tf.saved_model.save(root, task.directory, signatures=functions.signatures())
    write_warmup(task.directory, warmup_images(task.origin.examples))
    describe_model(task, report)


def describe_model(task: Task, report: Report | None = None) -> None:
    """Writes training record and data's figures into a SavedModel that lies in `task.directory` already.

    Args:
        task: of `read_task`.
        report: what is known of the training.

    Raises:
        OwnTrainerError: the SavedModel has not the functions that `write_model` would give it, or the report says what
            cannot be.
    """
    check_functions(task)
    known = Known(
        task.plan,
        task.options,
        task.origin.examples.info.category_ids,
        task.baseline_digest,
        _most_detections(task.directory),
    )
    write_origin(task.directory, record_of(report or Report(), known), task.origin)


class _Functions:
    """The signatures of a model, made of its author's functions."""

    def __init__(
        self,
        task: Task,
        serve: Function | None,
        preprocess: Function | None,
        detect: Function | None,
        embed: Function | None,
    ) -> None:
        self._run_fn = task.plan.run_fn
        if (serve is None) == (preprocess is None) or (preprocess is None) != (detect is None):
            raise self._wrong("give either serve, or both preprocess and detect")
        if embed is not None and preprocess is None:
            raise self._wrong("embed sees what preprocess makes; give preprocess and detect instead of serve")
        self._serve, self._preprocess, self._detect, self._embed = map(_traced, (serve, preprocess, detect, embed))
        self._names = ["", *task.class_names]

    def _wrong(self, what: str) -> OwnTrainerError:
        return OwnTrainerError(f"{SETTING} = {self._run_fn!r}: write_model: {what}")

    def signatures(self) -> dict[str, Any]:
        """By name; each is traced for batches of any size."""
        spec = tf.TensorSpec([None], tf.string, name="image_bytes")
        served = tf.function(self._served, input_signature=[spec], autograph=False)
        examples = tf.TensorSpec([None], tf.string, name="examples")
        made = {
            "serving_default": served,
            "image_bytes": served,
            "tf_example": tf.function(self._of_examples, input_signature=[examples], autograph=False),
        }
        return made | (self._halves(spec) if self._preprocess else {})

    def _halves(self, spec: tf.TensorSpec) -> dict[str, Any]:
        preprocess: Any = tf.function(self._prepared, input_signature=[spec], autograph=False)
        outputs = preprocess.get_concrete_function().structured_outputs
        specs = {
            name: tf.TensorSpec([None, *output.shape[1:]], output.dtype, name=name) for name, output in outputs.items()
        }
        found: Any = tf.function(self._found, autograph=False)
        halves = {"preprocess": preprocess, "detect": found.get_concrete_function(**specs)}
        if self._embed is None:
            return halves
        if "images" not in specs:
            raise self._wrong(f"embed sees `images`, which preprocess does not return (it returns {', '.join(specs)})")
        embed: Any = tf.function(self._embedded, autograph=False)
        return halves | {"embed": embed.get_concrete_function(images=specs["images"])}

    def _prepared(self, image_bytes: tf.Tensor) -> Tensors:
        assert self._preprocess is not None
        prepared = self._preprocess(image_bytes)
        if not isinstance(prepared, Mapping):
            raise self._wrong(f"preprocess returns {type(prepared).__name__}, not tensors by name")
        return dict(prepared)

    def _found(self, **prepared: tf.Tensor) -> Tensors:
        assert self._detect is not None
        return self._in_order(self._detect(**prepared), "detect")

    def _embedded(self, images: tf.Tensor) -> Tensors:
        assert self._embed is not None
        embedding = tf.convert_to_tensor(self._embed(images))
        if embedding.shape.rank != 2 or embedding.shape[1] is None:
            raise self._wrong(f"embed returns the shape {embedding.shape}, which must be [batch, d] with a fixed d")
        return {"embedding": tf.cast(embedding, tf.float32)}

    def _served(self, image_bytes: tf.Tensor) -> Tensors:
        if self._serve is not None:
            found = self._in_order(self._serve(image_bytes), "serve")
        else:
            found = self._found(**self._prepared(image_bytes))
        # Clients of TensorFlow Serving cannot read labels.json. A wrong label is for the checks to name.
        known = tf.clip_by_value(found["detection_classes"], 0, len(self._names) - 1)
        return {**found, "detection_class_names": tf.gather(tf.constant(self._names), known)}

    def _of_examples(self, examples: tf.Tensor) -> Tensors:
        wanted = {features.IMAGE_ENCODED: tf.io.FixedLenFeature([], tf.string)}
        parsed: Any = tf.io.parse_example(examples, wanted)
        return self._served(parsed[features.IMAGE_ENCODED])

    def _in_order(self, found: Any, name: str) -> Tensors:
        """Detections by score, best first, and 0 behind them."""
        if not isinstance(found, Mapping) or any(key not in found for key in _KEYS):
            there = ", ".join(map(str, found)) if isinstance(found, Mapping) else type(found).__name__
            raise self._wrong(f"{name} must return a mapping with {', '.join(_KEYS)}; it returns {there}")
        boxes, classes, scores, counts = (tf.convert_to_tensor(found[key]) for key in _KEYS)
        scores, counts = tf.cast(scores, tf.float32), tf.cast(counts, tf.int32)
        counted = tf.sequence_mask(counts, tf.shape(scores)[1])
        order = tf.argsort(tf.where(counted, scores, -1.0), direction="DESCENDING", stable=True)
        boxes = tf.where(counted[..., tf.newaxis], tf.cast(boxes, tf.float32), 0.0)
        return {
            "detection_boxes": tf.gather(boxes, order, batch_dims=1),
            "detection_classes": tf.gather(tf.where(counted, tf.cast(classes, tf.int32), 0), order, batch_dims=1),
            "detection_scores": tf.gather(tf.where(counted, scores, 0.0), order, batch_dims=1),
            "num_detections": counts,
        }


def _traced(function: Function | None) -> Any:
    """A function of the user's, in which Python's own branches and loops may ask for tensors' values; our own around
    it are not translated, so that what they raise stays as it is."""
    return None if function is None else tf.function(function)


def _variables(module: Any) -> list[tf.Variable]:
    """TensorFlow's variables of a module; Keras 3 has them inside of its own."""
    found = [getattr(variable, "value", variable) for variable in module.variables]
    return [value if isinstance(value, tf.Variable) else own for value, own in zip(found, module.variables)]


def _is_keras(module: Any) -> bool:
    """Whether it is a Keras model, all of whose layers' own functions would be saved with it, which nothing reads."""
    return any(base.__module__.split(".")[0] in ("keras", "tf_keras") for base in type(module).__mro__)


def _most_detections(directory: str) -> int | None:
    loaded: Any = tf.saved_model.load(directory)
    return loaded.signatures["serving_default"].structured_outputs["detection_boxes"].shape[1]
