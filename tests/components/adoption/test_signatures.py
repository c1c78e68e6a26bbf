"""Which function of a model is called, and with what."""

from __future__ import annotations

from pathlib import Path

import pytest

from ratchet.components.adoption.answers import Unit
from ratchet.components.adoption.places import saved_model_in
from ratchet.components.adoption.signatures import CALL, Input, Signature, Taken, check_signature, chosen, one_input
from ratchet.schemas.base.errors import InputError

DETECTIONS = {"detection_boxes": 3, "detection_classes": 2, "detection_scores": 2, "num_detections": 1}


def signature(
    dtype: str = "uint8",
    shape: tuple[int | None, ...] = (1, None, None, 3),
    name: str = "input_tensor",
    outputs: dict[str, int | None] | None = None,
) -> Signature:
    return Signature("serving_default", Input(name, dtype, shape), DETECTIONS if outputs is None else outputs)


def test_the_usual_signature_is_taken() -> None:
    assert chosen(["other", "serving_default"], None, True, "m") == "serving_default"
    assert chosen(["default", "other"], None, False, "m") == "default"
    assert chosen(["only"], None, False, "m") == "only"
    assert chosen([], None, True, "m") == CALL
    assert chosen(["serving_default", "other"], "other", False, "m") == "other"


@pytest.mark.parametrize(
    ("names", "wanted", "said"),
    [
        ([], None, "has no signature and cannot be called either"),
        (["a", "b"], None, "give --signature NAME: it has a, b"),
        (["a"], "b", "--signature b: m has no such signature; it has a"),
    ],
)
def test_a_signature_that_is_not_there_is_named(names: list[str], wanted: str | None, said: str) -> None:
    with pytest.raises(InputError, match=said):
        chosen(names, wanted, False, "m")


def test_the_toolkit_is_told_by_inputs_and_outputs() -> None:
    assert signature().kind == "tf-object-detection"
    assert signature(outputs={**DETECTIONS, "image_info": 3}).kind == "tf-models"
    assert signature(name="images").kind == "other"


def test_boxes_are_of_the_models_input_where_images_are_fitted_into_one() -> None:
    assert signature().reading.unit is Unit.FRACTIONS
    assert signature(outputs={**DETECTIONS, "image_info": 3}).reading.unit is Unit.INPUT_PIXELS
    assert signature(shape=(1, 320, 320, 3)).reading.unit is Unit.INPUT_PIXELS


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        (signature(), (Taken.PIXELS,)),
        (signature("string", (None,)), (Taken.IMAGE_FILE, Taken.TF_EXAMPLE)),
        (signature("string", (None,), "serialized_example"), (Taken.TF_EXAMPLE, Taken.IMAGE_FILE)),
        (signature("float32"), (Taken.FLOATS_255, Taken.FLOATS_1)),
        (signature("float32", name="images"), (Taken.FLOATS_1, Taken.FLOATS_255)),
    ],
)
def test_what_it_could_take_is_tried_in_the_likeliest_order(given: Signature, taken: tuple[Taken, ...]) -> None:
    assert given.may_take == taken


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (signature(outputs={"decoded_boxes": 3, "decoded_box_scores": 3}), "non-maximum suppression"),
        (signature(outputs={"detection_boxes": 3, "detection_scores": 2}), "detection_classes"),
        (signature(outputs={}), "returns nothing by name"),
        (signature(shape=(1, 3, None, None)), "red, green and blue last"),
        (signature(shape=(8, None, None, 3)), "8 images at once"),
        (signature(shape=(None, 100)), r"\[any, 100\]; an image is"),
        (signature("bool"), "takes bool"),
        (signature("string", (None, 4)), r"string \[any, 4\]"),
    ],
)
def test_what_takes_no_image_or_returns_no_detections_is_named(wrong: Signature, said: str) -> None:
    with pytest.raises(InputError, match=said):
        check_signature(wrong, "m")


def test_a_function_of_several_inputs_is_refused_with_their_names() -> None:
    with pytest.raises(InputError, match=r"takes key \(string \[any\]\), image_bytes \(string \[any\]\)") as refused:
        one_input({"key": ("string", (None,)), "image_bytes": ("string", (None,))}, "m")
    assert "one input" in str(refused.value)


def test_the_directory_of_an_export_is_taken_for_the_model_in_it(tmp_path: Path) -> None:
    (tmp_path / "saved_model").mkdir()
    (tmp_path / "saved_model" / "saved_model.pb").touch()
    assert saved_model_in(str(tmp_path)) == str(tmp_path / "saved_model")


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["ckpt-7.index", "checkpoint"], "a checkpoint: export it"),
        (["model.h5"], "weights in another format"),
        (["saved_model.pbtxt"], "as text"),
        ([], "it holds nothing"),
    ],
)
def test_what_is_no_saved_model_is_named(tmp_path: Path, names: list[str], said: str) -> None:
    for name in names:
        (tmp_path / name).touch()
    with pytest.raises(InputError, match=said):
        saved_model_in(str(tmp_path))


def test_a_model_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such directory"):
        saved_model_in(str(tmp_path / "gone"))
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="a file; give the directory"):
        saved_model_in(str(tmp_path / "file"))
