"""A SavedModel of another toolkit: loaded, and asked for what it finds in one image, whatever it takes for one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from ratchet.components.adoption.answers import Answer
from ratchet.components.adoption.frozen import frozen_function
from ratchet.components.adoption.signatures import (
    BOXES,
    CALL,
    COUNT,
    IMAGE_INFO,
    SCORES,
    Input,
    Signature,
    Taken,
    check_signature,
    chosen,
    one_input,
)
from ratchet.components.stack.devices import grow_memory
from ratchet.schemas.base.errors import InputError
from ratchet.schemas.base.visible import visible_line
from ratchet.schemas.data import features

_SERVE = "serve"
_LONGEST = 300  # characters of what TensorFlow says
_VARIABLES = frozenset({"Variable", "VariableV2", "VarHandleOp"})
_BYTES = [bytes([value]) for value in range(256)]
_Tensors = dict[str, tf.Tensor]
_RAW = ("boxes", "numbers", "scores", "size_px", "scale", "offset")


@dataclass(frozen=True, eq=False)
class Foreign:
    """A loaded model and the function of it that is called.

    Attributes:
        directory: the SavedModel.
        module: what was loaded; holds the variables.
        function: takes the one input by name.
        signature: of the function.
        others: the model's own signatures, by name, that a new SavedModel can hold as well.
    """

    directory: str
    module: Any
    function: Callable[..., _Tensors]
    signature: Signature
    others: Mapping[str, Any]


def load_foreign(directory: str, wanted: str | None) -> Foreign:
    """Loads a SavedModel.

    Args:
        directory: of `saved_model.pb`.
        wanted: the signature to call; None: the usual one.

    Raises:
        InputError: it cannot be loaded, or no function of it takes an image and returns detections.
    """
    grow_memory()
    shown = visible_line(directory)
    module = _loaded(directory, shown)
    names = list(module.signatures) if hasattr(module, "signatures") else []
    name = chosen(names, wanted, callable(module), shown)
    function = _called(module, shown) if name == CALL else module.signatures[name]
    where = f"{shown}: signature {name!r}"
    keywords = function.structured_input_signature[1] or _positional(function)
    taken = one_input({key: (spec.dtype.name, _sides(spec.shape)) for key, spec in keywords.items()}, where)
    signature = Signature(name, taken, _outputs(function, where))
    check_signature(signature, shown)
    if _has_old_variables(module):
        held: Any = tf.Module()
        held.frozen = frozen_function(directory, name, taken.name, shown)
        return Foreign(directory, held, held.frozen, signature, {})
    call = function if name != CALL else _by_keyword(function, taken)
    return Foreign(directory, module, call, signature, dict(getattr(module, "signatures", {})))


def _loaded(directory: str, shown: str) -> Any:
    try:
        try:
            return tf.saved_model.load(directory)
        except ValueError as error:
            if "MetaGraph" not in str(error):
                raise
            return tf.saved_model.load(directory, tags=[_SERVE])
    except Exception as error:  # a damaged file ends in whatever its parser raises
        raise InputError(f"{shown}: cannot be loaded as a SavedModel ({shortly(error)}){_advice(error)}") from error


def _advice(error: Exception) -> str:
    if "Op type not registered" in str(error):
        return "; it uses operations that TensorFlow itself does not have: export it without them"
    return "; copy or export it again"


def _has_old_variables(module: Any) -> bool:
    """Whether it is a graph of TensorFlow 1 with variables, of a kind that TensorFlow 2 does not save again."""
    graph = getattr(module, "graph", None)
    return graph is not None and any(one.type in _VARIABLES for one in graph.get_operations())


def _called(module: Any, shown: str) -> Any:
    """A concrete function of a module that is called itself: one that takes a single image."""
    functions = getattr(module.__call__, "concrete_functions", [])
    fit = [one for one in functions if len(one.structured_input_signature[0]) + _tensors(one) == 1]
    if not fit:
        raise InputError(f"{shown}: the module can be called, but not with one image alone; export it with a signature")
    return fit[0]


def _tensors(function: Any) -> int:
    return sum(isinstance(value, tf.TensorSpec) for value in function.structured_input_signature[1].values())


def _positional(function: Any) -> dict[str, tf.TensorSpec]:
    specs = [spec for spec in function.structured_input_signature[0] if isinstance(spec, tf.TensorSpec)]
    return {spec.name or f"input_{place}": spec for place, spec in enumerate(specs)}


def _by_keyword(function: Any, taken: Input) -> Callable[..., _Tensors]:
    if function.structured_input_signature[1]:
        return function
    return lambda **given: function(given[taken.name])


def _outputs(function: Any, where: str) -> dict[str, int | None]:
    outputs = function.structured_outputs
    if not isinstance(outputs, Mapping):
        raise InputError(f"{where} returns no outputs by name; export it with a signature of named outputs")
    return {name: spec.shape.rank for name, spec in outputs.items() if hasattr(spec, "shape")}


def _sides(shape: tf.TensorShape) -> tuple[int | None, ...]:
    return tuple(shape.as_list()) if shape.rank is not None else (None, None, None, 3)


def raw_answer(foreign: Foreign, taken: Taken, encoded: tf.Tensor) -> _Tensors:
    """What the model returns for one image file, in graph or eagerly.

    Args:
        foreign: the model.
        taken: what it takes for an image.
        encoded: [] string, the file.

    Returns:
        The fields of `Answer`: boxes [n, 4], numbers [n], scores [n], float32, only those that count; and size_px,
        scale, offset [2] float32.
    """
    image = tf.io.decode_image(encoded, channels=3, expand_animations=False)
    image.set_shape([None, None, 3])
    size = tf.cast(tf.shape(image)[:2], tf.float32)
    found = foreign.function(
        **{foreign.signature.input.name: _input_of(foreign.signature.input, taken, encoded, image)}
    )
    scores = tf.cast(_of_one(found[SCORES], 1), tf.float32)
    counts = tf.ones_like(scores, tf.bool)
    if COUNT in found:
        counts = tf.range(tf.size(scores)) < tf.cast(tf.reshape(found[COUNT], [-1])[0], tf.int32)
    scale, offset = _fitted(foreign.signature, found, size)
    return {
        "boxes": tf.boolean_mask(tf.cast(_of_one(found[BOXES], 2), tf.float32), counts),
        "numbers": tf.boolean_mask(tf.cast(_of_one(found[foreign.signature.classes], 1), tf.float32), counts),
        "scores": tf.boolean_mask(scores, counts),
        "size_px": size,
        "scale": scale,
        "offset": offset,
    }


def _input_of(given: Input, taken: Taken, encoded: tf.Tensor, image: tf.Tensor) -> tf.Tensor:
    if taken is Taken.IMAGE_FILE or taken is Taken.TF_EXAMPLE:
        text = encoded if taken is Taken.IMAGE_FILE else _example(encoded)
        return text if not given.shape else text[tf.newaxis]
    value = tf.cast(image, tf.float32)
    if given.size is not None:
        value = tf.image.resize(value, given.size)
    if taken is Taken.FLOATS_1:
        value /= 255.0
    elif taken is Taken.PIXELS:
        value = tf.round(value)
    value = tf.cast(value, tf.as_dtype(given.dtype))
    return value[tf.newaxis] if len(given.shape) == 4 else value


def _example(encoded: tf.Tensor) -> tf.Tensor:
    """A serialised tf.Example with the one feature `image/encoded`, made in the graph: protobuf's wire format."""
    feature = _field(1, _field(1, encoded))  # BytesList.value, in Feature.bytes_list
    entry = tf.strings.join([_field(1, tf.constant(features.IMAGE_ENCODED)), _field(2, feature)])
    return _field(1, _field(1, entry))  # Features.feature, in Example.features


def _field(number: int, content: tf.Tensor) -> tf.Tensor:
    """A field that is a string or message: tag, length in five groups of seven bits, content."""
    length = tf.strings.length(content)
    groups = [tf.bitwise.right_shift(length, 7 * place) & 127 | (128 if place < 4 else 0) for place in range(5)]
    prefix = tf.gather(tf.constant(_BYTES), tf.stack([number << 3 | 2, *groups]))
    return tf.strings.join([tf.strings.reduce_join(prefix), content])


def _of_one(values: tf.Tensor, dimensions: int) -> tf.Tensor:
    """Without the dimension of the batch, where there is one."""
    if values.shape.rank is None:
        return tf.reshape(values, [-1, 4] if dimensions == 2 else [-1])
    return values[0] if values.shape.rank > dimensions else values


def _fitted(signature: Signature, found: _Tensors, size: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """How the image was fitted into the model's input: scale and offset, y and x."""
    if IMAGE_INFO in found:
        info = tf.reshape(tf.cast(found[IMAGE_INFO], tf.float32), [4, 2])
        return info[2], info[3]
    if signature.input.size is not None:
        return tf.constant(signature.input.size, tf.float32) / size, tf.zeros([2])
    return tf.ones([2]), tf.zeros([2])


def asking(foreign: Foreign, taken: Taken) -> Callable[[bytes], Answer]:
    """A function that asks the model for one image file.

    Args:
        foreign: the model.
        taken: what it takes for an image.

    Returns:
        It raises what TensorFlow raises.
    """
    graph = tf.function(
        lambda encoded: raw_answer(foreign, taken, encoded),
        input_signature=[tf.TensorSpec([], tf.string)],
        autograph=False,
    )

    def ask(image: bytes) -> Answer:
        found = graph(tf.constant(image))
        return Answer(*(found[name].numpy().astype(np.float64) for name in _RAW))

    return ask


def working(foreign: Foreign, image: bytes) -> list[Taken]:
    """What the model can be given for an image, found by trying.

    Args:
        foreign: the model.
        image: an image file.

    Raises:
        InputError: nothing of it works.
    """
    problems, fit = [], []
    for taken in foreign.signature.may_take:
        try:
            asking(foreign, taken)(image)
            fit.append(taken)
        except Exception as error:  # whatever its graph raises, or its tracing
            problems.append(f"with {taken.words}: {shortly(error)}")
    if not fit:
        raise InputError(
            f"{visible_line(foreign.directory)}: signature {foreign.signature.name!r} fails for a golden image "
            f"{'; '.join(problems)}; name another one with --signature, or export it again"
        )
    return fit[:1] if foreign.signature.input.dtype == "string" else fit


def shortly(error: Exception) -> str:
    """What TensorFlow says, in a line."""
    text = " ".join(str(error).split())
    return visible_line(f"{type(error).__name__}: {text}"[:_LONGEST])
