"""Which function of a foreign SavedModel is called, with what, and what it says that it returns; pure.

The forms: TF Object Detection API (object_detection/exporter_lib_v2.py and exporter.py: `input_tensor` or `inputs`, a
uint8 or float image or a string, one image at a time), tf-models (official/vision/serving/export_base.py: an image, its
file or a tf.Example, `image_info` among the outputs), and TensorFlow Hub (the same, or `default` with a float image of
0..1 and no dimension for the batch).
"""

from __future__ import annotations

import enum
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from ratchet.components.adoption.answers import BoxReading, Order, Unit
from ratchet.schemas.base.errors import InputError
from ratchet.schemas.base.formatting import listed

CALL = "__call__"  # the name of a module that has no signature and is called itself
DEFAULT = "serving_default"
BOXES, SCORES, COUNT, IMAGE_INFO = "detection_boxes", "detection_scores", "num_detections", "image_info"
CLASSES = ("detection_classes", "detection_class_labels")
_PREFERRED = (DEFAULT, "default")
_EXAMPLE_WORDS = ("example",)
_NEEDED = "detection_boxes, detection_classes and detection_scores"


class Taken(str, enum.Enum):
    """What the function takes for an image."""

    IMAGE_FILE = "image file"
    TF_EXAMPLE = "tf.Example"
    PIXELS = "pixels 0..255"
    FLOATS_255 = "floats 0..255"
    FLOATS_1 = "floats 0..1"

    @property
    def words(self) -> str:
        """In a sentence."""
        return {Taken.IMAGE_FILE: "the image's file", Taken.TF_EXAMPLE: "a tf.Example with the image's file"}.get(
            self, f"the image as {self.value}"
        )


@dataclass(frozen=True)
class Input:
    """The one input of a function.

    Attributes:
        name: as an argument.
        dtype: by TensorFlow's name.
        shape: None where a side is not fixed.
    """

    name: str
    dtype: str
    shape: tuple[int | None, ...]

    @property
    def size(self) -> tuple[int, int] | None:
        """Height and width that an image has to have; None if any will do."""
        sides = self.shape[-3:-1]
        if self.dtype == "string" or len(sides) < 2 or sides[0] is None or sides[1] is None:
            return None
        return sides[0], sides[1]


@dataclass(frozen=True)
class Signature:
    """A function that is called.

    Attributes:
        name: of the signature, or CALL.
        input: what it takes.
        outputs: what it returns, by name the number of dimensions; None where that is not known.
    """

    name: str
    input: Input
    outputs: Mapping[str, int | None]

    @property
    def classes(self) -> str:
        """The output with the numbers of the classes."""
        return next(name for name in CLASSES if name in self.outputs)

    @property
    def kind(self) -> str:
        """What `Adoption.kind` says of it."""
        if IMAGE_INFO in self.outputs:
            return "tf-models"
        named = self.input.name.endswith(("input_tensor", "inputs", "image_tensor", "encoded_image_string_tensor"))
        return "tf-object-detection" if named and COUNT in self.outputs else "other"

    @property
    def reading(self) -> BoxReading:
        """How its toolkit gives boxes; whether that is so, a golden set shows."""
        fitted = IMAGE_INFO in self.outputs or self.input.size is not None
        return BoxReading(Order.YXYX, Unit.INPUT_PIXELS if fitted else Unit.FRACTIONS)

    @property
    def may_take(self) -> tuple[Taken, ...]:
        """What it could take for an image, the likeliest first; two of them are told apart by trying."""
        if self.input.dtype == "string":
            both = (Taken.IMAGE_FILE, Taken.TF_EXAMPLE)
            names = f"{self.name} {self.input.name}".lower()
            return both[::-1] if any(word in names for word in _EXAMPLE_WORDS) else both
        if self.input.dtype.startswith("float"):
            both = (Taken.FLOATS_255, Taken.FLOATS_1)
            return both if self.kind != "other" else both[::-1]
        return (Taken.PIXELS,)


def chosen(names: Collection[str], wanted: str | None, is_callable: bool, model: str) -> str:
    """The name of the function to call.

    Args:
        names: of the model's signatures.
        wanted: what the user says; None: the usual one.
        is_callable: whether the module itself can be called.
        model: its place, for messages.

    Raises:
        InputError: there is no such signature, or none at all, or several and none is the usual one.
    """
    there = f"it has {listed(sorted(names), 8)}" if names else "it has none"
    if wanted is not None:
        if wanted in names or (wanted == CALL and is_callable):
            return wanted
        raise InputError(f"--signature {wanted}: {model} has no such signature; {there}")
    usual = next((name for name in _PREFERRED if name in names), None)
    if usual is not None or len(names) == 1:
        return usual or next(iter(names))
    if is_callable:
        return CALL
    if not names:
        raise InputError(f"{model}: has no signature and cannot be called either; export it for serving")
    raise InputError(f"{model}: none of its signatures is called serving_default; give --signature NAME: {there}")


def check_signature(signature: Signature, model: str) -> None:
    """Whether a function takes images and returns detections.

    Args:
        signature: which.
        model: its place, for messages.

    Raises:
        InputError: it does not.
    """
    where = f"{model}: signature {signature.name!r}"
    outputs = signature.outputs
    missing = [name for name in (BOXES, SCORES) if name not in outputs]
    if missing or not any(name in outputs for name in CLASSES):
        raise InputError(
            f"{where} returns {listed(sorted(outputs), 8) or 'nothing by name'}, where {_NEEDED} are needed; export "
            "the model with its post-processing (non-maximum suppression), or name another one with --signature"
        )
    given = signature.input
    shape = f"{given.dtype} {_shape(given.shape)}"
    if given.dtype == "string":
        if len(given.shape) > 1:
            raise InputError(f"{where} takes {shape}; strings are taken as one image file each: [batch], or []")
        return
    if not given.dtype.startswith(("uint8", "int32", "int64", "float")):
        raise InputError(f"{where} takes {shape}; images can be given as uint8, int32, float32 or as files (string)")
    is_first = given.shape[-1] is None and given.shape[-3:-2] == (3,)
    if len(given.shape) not in (3, 4) or given.shape[-1] not in (3, None) or is_first:
        raise InputError(f"{where} takes {shape}; an image is [1, height, width, 3], red, green and blue last")
    if len(given.shape) == 4 and given.shape[0] not in (1, None):
        raise InputError(f"{where} takes {shape}, {given.shape[0]} images at once; export it for 1 or any number")


def one_input(inputs: Mapping[str, tuple[str, tuple[int | None, ...]]], where: str) -> Input:
    """The input of a function that has just one.

    Args:
        inputs: by name, dtype and shape.
        where: the function, for messages.

    Raises:
        InputError: it has none or several.
    """
    if len(inputs) != 1:
        has = listed([f"{name} ({dtype} {_shape(shape)})" for name, (dtype, shape) in inputs.items()], 6)
        raise InputError(
            f"{where} takes {has or 'nothing'}; a detector takes one input, an image: name another one with --signature"
        )
    ((name, (dtype, shape)),) = inputs.items()
    return Input(name, dtype, tuple(shape))


def _shape(sides: Sequence[int | None]) -> str:
    return str([side if side is not None else "any" for side in sides]).replace("'", "")
