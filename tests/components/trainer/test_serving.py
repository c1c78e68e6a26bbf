"""The served functions: what they make of image files is what training makes of them."""

from __future__ import annotations

import dataclasses
import io
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from PIL import Image

from ratchet.components.trainer.images.augmentation import AUGMENTATIONS
from ratchet.components.trainer.model.model_settings import ModelSettings
from ratchet.schemas.data import features
from tests.builders import encode, picture
from tests.components.trainer.small_model import CLASS_NAMES, excite, small_model, small_settings

pytestmark = pytest.mark.tensorflow
Run = Callable[..., dict[str, np.ndarray]]


@pytest.fixture(scope="module")
def settings() -> ModelSettings:
    return small_settings()


@pytest.fixture(scope="module")
def model(settings: ModelSettings) -> Any:
    return small_model(settings, 1)


@pytest.fixture(scope="module")
def serving(model: Any, settings: ModelSettings) -> Any:
    from ratchet.components.trainer.serving import Serving

    return Serving(model, settings, CLASS_NAMES)


@pytest.fixture(scope="module")
def prepare(serving: Any) -> Run:
    return lambda *files: numpy(serving.preprocess(list(files)))


@pytest.fixture(scope="module")
def serve(serving: Any) -> Run:
    return lambda *files: numpy(serving.serve(list(files)))


def numpy(tensors: dict[str, Any]) -> dict[str, np.ndarray]:
    return {key: tensor.numpy() for key, tensor in tensors.items()}


def rotated(image: Image.Image) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees
    return encode(image, exif=exif)


def deep(image: Image.Image, low_byte: int) -> bytes:
    """A grey PNG of 16 bits whose upper 8 are the image's."""
    return encode(Image.fromarray(np.asarray(image.convert("L")).astype(np.uint16) * 256 + low_byte), "PNG")


def transparent(image: Image.Image) -> bytes:
    clear = image.convert("RGBA")
    clear.putalpha(Image.new("L", image.size, 7))
    return encode(clear, "PNG")


# All sizes differ, since that is what tells the images of a training batch apart.
FILES = {
    "wide": encode(picture(320, 200)),
    "tall": encode(picture(37, 211)),
    "fitting": encode(picture(128, 128)),
    "small PNG": encode(picture(30, 20), "PNG"),
    "one pixel": encode(picture(1, 1), "PNG"),
    "very wide": encode(picture(2000, 9), "PNG"),
    "progressive": encode(picture(90, 61), progressive=True),
    "grey": encode(picture(91, 61).convert("L")),
    "CMYK": encode(picture(92, 61).convert("CMYK")),
    "palette": encode(picture(93, 61).quantize(16), "PNG"),
    "transparent": transparent(picture(94, 61)),
    "16 bit": deep(picture(95, 61), 200),
    "rotated by EXIF": rotated(picture(96, 61)),
}


def example(encoded: bytes) -> Any:
    """As ExampleGen writes it, with one object."""
    import tensorflow as tf

    width, height = Image.open(io.BytesIO(encoded)).size
    whole = tf.train.Example()
    values = whole.features.feature
    values[features.IMAGE_ENCODED].bytes_list.value.append(encoded)
    values[features.IMAGE_SOURCE_ID].bytes_list.value.append(b"1")
    values[features.IMAGE_HEIGHT].int64_list.value.append(height)
    values[features.IMAGE_WIDTH].int64_list.value.append(width)
    values[features.BOX_LABEL].int64_list.value.append(1)
    values[features.BOX_IS_CROWD].int64_list.value.append(0)
    for key, edge in (
        (features.BOX_YMIN, 0.25), (features.BOX_XMIN, 0.25), (features.BOX_YMAX, 0.75), (features.BOX_XMAX, 0.75),
    ):  # fmt: skip
        values[key].float_list.value.append(edge)
    return whole


@pytest.fixture(scope="module")
def trained_on(settings: ModelSettings, tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[float, ...], Any]:
    """What a training step gets of each of FILES, by the image's size."""
    import tensorflow as tf

    from ratchet.components.trainer.images.batches import Mixture, Span, training_batches

    path = str(tmp_path_factory.mktemp("examples") / "data.gz")
    with tf.io.TFRecordWriter(path) as writer:
        for file in FILES.values():
            writer.write(example(file).SerializeToString())
    mixture = Mixture(Span((path,), len(FILES), tuple(range(11))), (), 0.0)
    [(images, labels)] = training_batches(mixture, settings, AUGMENTATIONS["none-v1"], len(FILES), seed=0).take(1)
    geometry = labels["image_info"].numpy()
    by_size = {tuple(rows[0]): (image, rows) for image, rows in zip(images.numpy(), geometry)}
    assert len(by_size) == len(FILES)
    return by_size


@pytest.mark.parametrize("name", FILES)
def test_an_image_is_served_with_the_pixels_that_it_is_trained_with(
    name: str, prepare: Run, trained_on: dict[tuple[float, ...], Any]
) -> None:
    width, height = Image.open(io.BytesIO(FILES[name])).size
    pixels, geometry = trained_on[(height, width)]
    served = prepare(FILES[name])
    np.testing.assert_allclose(served["images"][0], pixels, rtol=0, atol=1e-6)
    np.testing.assert_array_equal(served["geometry"][0], geometry)


def test_the_letter_box_is_at_the_right_or_below_and_zero(prepare: Run) -> None:
    tall, wide = prepare(encode(picture(64, 128)), encode(picture(128, 32)))["images"]
    assert np.abs(tall[:, :64]).min() > 0
    assert (tall[:, 64:] == 0).all()
    assert np.abs(wide[:32]).min() > 0
    assert (wide[32:] == 0).all()


def test_transparency_is_dropped_16_bits_are_cut_and_grey_is_colour(prepare: Run) -> None:
    colour = picture(64, 48)
    grey = colour.convert("L").convert("RGB")
    files = [encode(colour, "PNG"), transparent(colour), encode(grey, "PNG"), encode(colour.convert("L"), "PNG")]
    plain, clear, three, one, deep_one = prepare(*files, deep(colour, 255))["images"]
    np.testing.assert_array_equal(clear, plain)
    np.testing.assert_array_equal(one, three)
    np.testing.assert_array_equal(deep_one, three)


def test_cmyk_has_the_colours_of_rgb_and_exif_turns_nothing(prepare: Run) -> None:
    image = Image.fromarray(
        np.kron(np.array([[[200, 100, 50], [20, 220, 90]]], np.uint8), np.ones((40, 32, 1), np.uint8))
    )
    plain, turned = prepare(encode(image), rotated(image))["images"]
    [cmyk] = prepare(encode(image.convert("CMYK")))["images"]
    np.testing.assert_array_equal(turned, plain)
    level = 1 / 255 / 0.225  # one step of 256 after normalising
    assert np.abs(cmyk - plain)[:, [10, 50, 70, 110]].max() < 4 * level  # beside the edges, where JPEG rings


def test_the_first_frame_of_a_gif_is_read(prepare: Run) -> None:
    frames = [picture(64, 48, seed).quantize(64) for seed in (1, 2)]
    moving = encode(frames[0], "GIF", save_all=True, append_images=frames[1:])
    one, several = prepare(encode(frames[0], "GIF"), moving)["images"]
    np.testing.assert_array_equal(one, several)


@pytest.mark.parametrize(
    "broken",
    [
        b"", b"text", encode(picture(64, 64))[:-400], encode(picture(64, 64), "PNG")[:-400],
        encode(picture(64, 64), "TIFF"), encode(picture(2000, 3), "PNG"),
    ],
    ids=["empty", "text", "cut JPEG", "cut PNG", "TIFF", "too narrow"],
)  # fmt: skip
def test_a_file_that_cannot_be_read_fails_the_call(broken: bytes, serve: Run) -> None:
    import tensorflow as tf

    with pytest.raises(tf.errors.InvalidArgumentError):
        serve(encode(picture()), broken)


def test_no_images_give_no_detections(serving: Any) -> None:
    import tensorflow as tf

    nothing = tf.constant([], tf.string)
    for found in (serving.serve(nothing), serving.serve_examples(nothing)):
        assert found["detection_boxes"].shape == (0, 20, 4)
        assert found["num_detections"].shape == (0,)
    assert serving.embed(serving.preprocess(nothing)["images"]).pop("embedding").shape[0] == 0


def test_examples_are_answered_as_their_images(serving: Any, serve: Run) -> None:
    files = [FILES["wide"], FILES["grey"]]
    found = numpy(serving.serve_examples([example(file).SerializeToString() for file in files]))
    expected = serve(*files)
    assert expected["num_detections"].min() > 0
    for key, value in expected.items():
        np.testing.assert_array_equal(found[key], value)


def test_an_example_without_an_image_fails_the_call(serving: Any) -> None:
    import tensorflow as tf

    with pytest.raises(tf.errors.InvalidArgumentError, match="image/encoded"):
        serving.serve_examples([tf.train.Example().SerializeToString()])


def test_detections_are_the_models_in_px_of_the_image(model: Any, settings: ModelSettings, serving: Any) -> None:
    """The model's boxes, divided by the scale of each side and cut at the image's border."""
    import tensorflow as tf

    from ratchet.components.trainer.model.features import anchor_boxes

    prepared = serving.preprocess([FILES["very wide"], FILES["small PNG"]])
    anchors = {level: tf.tile(boxes[tf.newaxis], [2, 1, 1, 1]) for level, boxes in anchor_boxes(settings).items()}
    size = tf.constant([[128.0, 128.0]] * 2)
    raw = model(prepared["images"], image_shape=size, anchor_boxes=anchors, training=False)
    found = numpy(serving.detect(**prepared))
    assert raw["num_detections"].numpy().min() > 5
    for i, (height, width) in enumerate([(9, 2000), (20, 30)]):
        scale = np.array([round(height * 128 / max(height, width)) / height, 128 / max(height, width)])
        boxes = np.clip(raw["detection_boxes"][i].numpy() / np.tile(scale, 2), 0, np.tile([height, width], 2))
        np.testing.assert_allclose(
            found["detection_boxes"][i], boxes, rtol=1e-5, atol=1e-4
        )  # px; kernels differ between CPUs
    np.testing.assert_allclose(found["detection_scores"], raw["detection_scores"].numpy(), atol=1e-6)


def test_padding_has_neither_class_nor_name_and_detections_have_both(settings: ModelSettings) -> None:
    from ratchet.components.trainer.serving import Serving

    picky = dataclasses.replace(settings, score_threshold=0.7)
    found = numpy(Serving(small_model(picky, 1), picky, CLASS_NAMES).serve([FILES["wide"], FILES["one pixel"]]))
    counted = np.arange(20) < found["num_detections"][:, None]
    assert 0 < counted.sum() < counted.size
    assert (found["detection_classes"][~counted] == 0).all()
    assert (found["detection_class_names"][~counted] == b"").all()
    labels = found["detection_classes"][counted]
    assert labels.min() >= 1
    assert [name.decode() for name in found["detection_class_names"][counted]] == [CLASS_NAMES[k - 1] for k in labels]


def test_a_batch_and_single_images_are_answered_alike(serve: Run) -> None:
    files = list(FILES.values())[:4]
    together, alone = serve(*files), [serve(file) for file in files]
    for key in ("detection_boxes", "detection_scores", "num_detections"):
        np.testing.assert_allclose(together[key], np.concatenate([one[key] for one in alone]), rtol=1e-5, atol=1e-5)


def test_an_embedding_is_the_mean_of_the_backbones_features(model: Any, serving: Any, prepare: Run) -> None:
    images = prepare(FILES["wide"], FILES["fitting"])["images"]
    maps = model.backbone(images, training=False)
    expected = np.concatenate([maps[level].numpy().mean(axis=(1, 2)) for level in ("3", "4")], axis=1)
    np.testing.assert_allclose(serving.embed(images)["embedding"].numpy(), expected, rtol=1e-4, atol=1e-5)


def test_one_look_finds_and_embeds_as_the_two_functions_do(serving: Any, prepare: Run) -> None:
    prepared = prepare(FILES["wide"], FILES["fitting"])
    expected = numpy(serving.detect(**prepared)) | numpy(serving.embed(prepared["images"]))
    assert expected["num_detections"].min() > 0
    seen = numpy(serving.look(**prepared))
    assert seen.keys() == expected.keys()
    for key, value in expected.items():
        np.testing.assert_allclose(seen[key], value, rtol=1e-5, atol=1e-5)


def test_the_functions_follow_the_weights_and_change_none(settings: ModelSettings) -> None:
    from ratchet.components.trainer.serving import Serving

    model = small_model(settings, 2)
    serving = Serving(model, settings, CLASS_NAMES)
    before = numpy(serving.serve([FILES["wide"]]))
    excite(model, 3)
    kept = [weight.numpy() for weight in model.weights]
    after = numpy(serving.serve([FILES["wide"]]))
    fresh = numpy(Serving(model, settings, CLASS_NAMES).serve([FILES["wide"]]))
    assert not np.array_equal(before["detection_scores"], after["detection_scores"])
    np.testing.assert_allclose(after["detection_scores"], fresh["detection_scores"], rtol=0, atol=1e-6)
    for weight, value in zip(model.weights, kept):
        np.testing.assert_array_equal(weight.numpy(), value)


def test_fast_suppression_finds_what_tf_models_default_finds(model: Any, settings: ModelSettings, prepare: Run) -> None:
    import tensorflow as tf
    from official.vision.modeling.layers.detection_generator import MultilevelDetectionGenerator

    from ratchet.components.trainer.model.features import anchor_boxes

    images = np.repeat(prepare(FILES["wide"], FILES["fitting"])["images"], 5, axis=0)
    anchors = {level: tf.tile(boxes[tf.newaxis], [10, 1, 1, 1]) for level, boxes in anchor_boxes(settings).items()}
    size = tf.constant([[128.0, 128.0]] * 10)
    raw = model(images, image_shape=size, anchor_boxes=anchors, training=False)
    config = model.detection_generator.get_config()
    assert config["nms_version"] == "batched"

    def run(version: str) -> tuple[dict[str, np.ndarray], float]:
        generate = MultilevelDetectionGenerator(**config | {"nms_version": version})
        function = tf.function(lambda: generate(raw["box_outputs"], raw["cls_outputs"], anchors, size), autograph=False)
        found, seconds = function(), []
        for _ in range(5):
            start = time.perf_counter()
            function()
            seconds.append(time.perf_counter() - start)
        return {key: value.numpy() for key, value in found.items() if not isinstance(value, dict)}, min(seconds)

    (fast, fast_seconds), (default, default_seconds) = run("batched"), run("v2")
    assert fast["num_detections"].min() > 5
    np.testing.assert_array_equal(fast["num_detections"], default["num_detections"])
    np.testing.assert_array_equal(fast["detection_classes"], default["detection_classes"])
    np.testing.assert_allclose(fast["detection_scores"], default["detection_scores"], atol=1e-6)
    np.testing.assert_allclose(fast["detection_boxes"], default["detection_boxes"], atol=1e-4)
    assert fast_seconds < default_seconds / 2
