"""What ExampleGen writes of images with an EXIF orientation, and what it says of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from ratchet.schemas.base.errors import DataError
from ratchet.schemas.data import features
from ratchet.schemas.data.dataset import DATASET_FILE, DATASET_FORMAT
from ratchet.schemas.data.records import record_from_json
from tests.builders import write_span
from tests.components.example_gen.oriented import FORMATS, write_oriented
from tests.components.example_gen.test_generate import examples, generate
from tests.components.imaging.oriented import ORIENTATIONS, UPRIGHT_PX, red_xywh_px

pytestmark = pytest.mark.tensorflow
ALL_TRAIN = {"eval_fraction": 0.0, "held_out_fraction": 0.0}


@pytest.mark.parametrize("form", FORMATS)
def test_stored_boxes_lie_on_the_stored_red_pixels(form: str, tmp_path: Path) -> None:
    info = generate(write_oriented(form, tmp_path / "span"), tmp_path / "out", exif="apply", **ALL_TRAIN)
    assert (info.exif, info.oriented) == ("apply", 7)
    assert DATASET_FORMAT.read((tmp_path / "out" / DATASET_FILE).read_text(), "a") == info
    written = examples(tmp_path / "out", "train")
    assert len(written) == len(ORIENTATIONS)
    for feature in written:
        encoded = feature[features.IMAGE_ENCODED].bytes_list.value[0]
        record = record_from_json(feature[features.RECORD].bytes_list.value[0])
        x, y, width, height = red_xywh_px(encoded)
        assert record.truth.boxes_xywh_px[0] == pytest.approx([x, y, width, height], abs=1e-4)
        assert feature[features.BOX_XMAX].float_list.value[0] == pytest.approx((x + width) / UPRIGHT_PX[0], abs=1e-4)
        assert feature[features.BOX_YMAX].float_list.value[0] == pytest.approx((y + height) / UPRIGHT_PX[1], abs=1e-4)
        sides = [feature[key].int64_list.value[0] for key in (features.IMAGE_WIDTH, features.IMAGE_HEIGHT)]
        assert tuple(sides) == UPRIGHT_PX


def test_tensorflow_sees_the_red_pixels_in_the_box(tmp_path: Path) -> None:
    import tensorflow as tf

    generate(write_oriented("coco", tmp_path / "span"), tmp_path / "out", exif="apply", **ALL_TRAIN)
    for feature in examples(tmp_path / "out", "train"):
        image = tf.io.decode_image(feature[features.IMAGE_ENCODED].bytes_list.value[0], channels=3).numpy()
        record = record_from_json(feature[features.RECORD].bytes_list.value[0])
        x, y, width, height = record.truth.boxes_xywh_px[0].astype(int)
        inside = image[y : y + height, x : x + width].astype(int)
        assert inside[..., 0].min() > 180
        assert inside[..., 1].max() < 90


def test_all_of_them_are_refused_in_one_message(tmp_path: Path) -> None:
    directory = write_oriented("voc", tmp_path / "span", (6,) * 70 + (1, 3))
    with pytest.raises(DataError) as caught:
        generate(directory, tmp_path / "out", **ALL_TRAIN)
    told = str(caught.value)
    assert told.startswith(f"{directory}: 71 of 72 images have an EXIF orientation other than 1")
    assert "and 66 more; 70 annotated with the size of the upright picture; say what" in told
    assert "\n" not in told


def test_the_setting_changes_the_digest_of_such_images_alone(tmp_path: Path) -> None:
    span, plain = write_oriented("coco", tmp_path / "span", (1, 3)), write_span(tmp_path / "plain")

    def digest(directory: Path, exif: str) -> str:
        return generate(directory, tmp_path / f"{directory.name}-{exif}", exif=exif, **ALL_TRAIN).digest

    assert digest(span, "apply") != digest(span, "ignore")
    assert digest(plain, "apply") == digest(plain, "ignore") == digest(plain, "refuse")
