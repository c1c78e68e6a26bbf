"""Detectors as other toolkits export them: each is asked, wrapped, and answers as it was measured."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from ratchet.components.adoption.answers import Order, found_by, usual
from ratchet.components.adoption.foreign import asking, load_foreign, working
from ratchet.components.adoption.signatures import Taken
from ratchet.components.adoption.wrapped import Wrapping, save_wrapped
from ratchet.components.detector.served import ServedDetector
from ratchet.pipeline.demo.digits import DigitsOptions, write_digits
from ratchet.schemas.base.errors import InputError
from tests.foreign import KINDS, Kind, make_foreign
from tests.nightly import at_night

pytestmark = pytest.mark.tensorflow
NAMES = tuple("0123456789")
IDS = tuple(range(1, 11))
TAKEN = {
    "tf-object-detection": Taken.PIXELS,
    "tf-object-detection-float": Taken.FLOATS_255,
    "tf-object-detection-encoded": Taken.IMAGE_FILE,
    "tf-object-detection-example": Taken.TF_EXAMPLE,
    "tf-object-detection-1": Taken.PIXELS,
    "tf-models": Taken.IMAGE_FILE,
    "tf-models-example": Taken.TF_EXAMPLE,
    "tf-models-tensor": Taken.PIXELS,
    "tf-models-normalized": Taken.IMAGE_FILE,
    "hub": Taken.PIXELS,
    "hub-open-images": Taken.FLOATS_1,
    "pixels": Taken.PIXELS,
}


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    """Two scenes, the second one not square."""
    directory = tmp_path_factory.mktemp("scenes") / "span-1"
    write_digits(str(directory), DigitsOptions(images=2))
    first, second = sorted((directory / "images").iterdir())
    cut = io.BytesIO()
    Image.open(second).crop((0, 0, 128, 90)).save(cut, "PNG")
    return [first.read_bytes(), cut.getvalue()]


_EVERY_TIME = ("tf-object-detection", "tf-object-detection-1", "tf-models", "tf-models-example", "hub-open-images")


@pytest.mark.parametrize("kind", [kind if kind in _EVERY_TIME else at_night(kind) for kind in KINDS])
def test_a_wrapped_detector_answers_as_the_one_inside(kind: Kind, images: list[bytes], tmp_path: Path) -> None:
    foreign = load_foreign(str(make_foreign(tmp_path / "foreign", kind)), None)  # a worse one enlarges what is rounded
    taken = working(foreign, images[0])[0]
    assert taken is TAKEN[kind]
    answers = [asking(foreign, taken)(image) for image in images]
    reading = usual(foreign.signature.reading, answers)
    expected = found_by(answers, reading, IDS)
    assert len(expected.scores) > 2
    assert reading.order is Order.YXYX

    save_wrapped(foreign, Wrapping(taken, reading, IDS, NAMES, 40), str(tmp_path / "wrapped"))
    served = ServedDetector("wrapped", str(tmp_path / "wrapped"))
    found = served.detect(served.preprocess(images), np.array([1, 2]), len(NAMES))
    np.testing.assert_array_equal(found.image, expected.image)
    np.testing.assert_array_equal(found.labels, expected.labels)
    np.testing.assert_allclose(found.scores, expected.scores, atol=1e-5)
    np.testing.assert_allclose(found.boxes_xywh_px, expected.boxes_xywh_px, atol=1e-2)


def test_the_models_own_signature_is_kept_and_a_batch_may_be_empty(images: list[bytes], tmp_path: Path) -> None:
    foreign = load_foreign(str(make_foreign(tmp_path / "foreign", "tf-object-detection", quality=0.3)), None)
    wrapping = Wrapping(Taken.PIXELS, foreign.signature.reading, IDS, NAMES, 40)
    assert save_wrapped(foreign, wrapping, str(tmp_path / "wrapped")) == ("original",)
    signatures = tf.saved_model.load(str(tmp_path / "wrapped")).signatures
    pixels = tf.io.decode_image(images[0])[tf.newaxis]
    own = signatures["original"](input_tensor=pixels)
    assert own["raw_detection_scores"].shape[1] > 0
    empty = signatures["serving_default"](image_bytes=tf.constant([], tf.string))
    assert empty["detection_boxes"].shape == (0, 40, 4)
    one = signatures["serving_default"](image_bytes=tf.constant(images[:1]))
    names = [name.decode() for name in one["detection_class_names"].numpy()[0]]
    assert names[0] == NAMES[int(one["detection_classes"][0, 0]) - 1]
    assert names[-1] == ""


def test_classes_that_the_label_file_does_not_know_are_left_out(images: list[bytes], tmp_path: Path) -> None:
    foreign = load_foreign(str(make_foreign(tmp_path / "foreign", "tf-object-detection", quality=0.3)), None)
    wrapping = Wrapping(Taken.PIXELS, foreign.signature.reading, (2, 5), ("one", "four"), 40)
    save_wrapped(foreign, wrapping, str(tmp_path / "wrapped"))
    served = ServedDetector("wrapped", str(tmp_path / "wrapped"))
    found = served.detect(served.preprocess(images), np.array([1, 2]), 2)
    expected = found_by([asking(foreign, Taken.PIXELS)(image) for image in images], wrapping.reading, (2, 5))
    assert found.labels.tolist() == expected.labels.tolist()
    assert set(found.labels.tolist()) <= {1, 2}


def version_1(directory: Path, use_resource: bool) -> Path:
    """A graph of TensorFlow 1 whose one detection has the image's brightness as its score, by way of a variable."""
    v1 = tf.compat.v1
    with tf.Graph().as_default(), v1.Session() as session:
        image = v1.placeholder(tf.uint8, [None, None, None, 3], name="image_tensor")
        weight = v1.get_variable("weight", initializer=np.float32(0.5), use_resource=use_resource)
        score = tf.reduce_mean(tf.cast(image, tf.float32), [1, 2, 3])[:, tf.newaxis] * weight / 255.0
        ones = tf.ones_like(score)
        session.run(v1.global_variables_initializer())
        outputs = {
            "detection_boxes": ones[..., tf.newaxis] * tf.constant([0.1, 0.2, 0.3, 0.4]),
            "detection_classes": ones * 3.0,
            "detection_scores": score,
            "num_detections": ones[:, 0],
        }
        build = v1.saved_model.utils.build_tensor_info
        signature = v1.saved_model.build_signature_def(
            {"inputs": build(image)},
            {name: build(value) for name, value in outputs.items()},
            "tensorflow/serving/predict",
        )
        builder = v1.saved_model.Builder(str(directory))
        builder.add_meta_graph_and_variables(session, ["serve"], signature_def_map={"serving_default": signature})
        builder.save()
    return directory


@pytest.mark.parametrize("use_resource", [False, True])
def test_a_graph_of_tensorflow_1_with_variables_is_frozen(
    use_resource: bool, images: list[bytes], tmp_path: Path
) -> None:
    foreign = load_foreign(str(version_1(tmp_path / "foreign", use_resource)), None)
    wrapping = Wrapping(Taken.PIXELS, foreign.signature.reading, IDS, NAMES, 5)
    save_wrapped(foreign, wrapping, str(tmp_path / "wrapped"))
    served = ServedDetector("wrapped", str(tmp_path / "wrapped")).serve(images)
    brightness = [tf.io.decode_image(image).numpy().astype(np.float64).mean() / 510 for image in images]
    np.testing.assert_allclose(served["detection_scores"][:, 0], brightness, rtol=1e-4)
    assert served["detection_class_names"][0, 0] == b"2"


def test_an_image_of_a_fixed_size_is_resized_and_its_boxes_scaled_back(images: list[bytes], tmp_path: Path) -> None:
    module = tf.Module()

    def answer(images: tf.Tensor) -> dict[str, tf.Tensor]:
        del images
        return {
            "detection_boxes": tf.constant([[[16.0, 32.0, 32.0, 64.0]]]),
            "detection_classes": tf.constant([[1.0]]),
            "detection_scores": tf.constant([[0.5]]),
        }

    function = tf.function(answer, input_signature=[tf.TensorSpec([1, 64, 256, 3], tf.float32, name="images")])
    tf.saved_model.save(module, str(tmp_path / "fixed"), signatures={"serving_default": function})
    foreign = load_foreign(str(tmp_path / "fixed"), None)
    found = found_by([asking(foreign, Taken.FLOATS_1)(images[0])], foreign.signature.reading, (1,))
    assert found.boxes_xywh_px.tolist() == [[16.0, 32.0, 16.0, 32.0]]


def test_a_damaged_model_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "saved_model.pb").write_bytes(b"no protobuf")
    with pytest.raises(InputError, match="cannot be loaded as a SavedModel") as refused:
        load_foreign(str(tmp_path), None)
    assert "\n" not in str(refused.value)


def test_a_model_that_fails_for_every_way_to_give_an_image_says_why(images: list[bytes], tmp_path: Path) -> None:
    module = tf.Module()

    def answer(text: tf.Tensor) -> dict[str, tf.Tensor]:
        values = tf.io.decode_raw(text, tf.float64)
        return {
            "detection_boxes": tf.reshape(values, [1, 7, 4]),
            "detection_classes": tf.ones([1, 7]),
            "detection_scores": tf.ones([1, 7]),
        }

    function = tf.function(answer, input_signature=[tf.TensorSpec([None], tf.string)])
    tf.saved_model.save(module, str(tmp_path / "m"), signatures={"serving_default": function})
    with pytest.raises(InputError, match=r"with the image's file: .*; with a tf.Example with the image's file: "):
        working(load_foreign(str(tmp_path / "m"), None), images[0])
