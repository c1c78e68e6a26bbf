from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from ratchet.components.imaging.quality import image_quality
from ratchet.schemas.data import features
from ratchet.schemas.data.records import GroundTruth, ImageRecord, LabelMap, record_from_json
from tests.builders import encode, picture

pytestmark = pytest.mark.tensorflow
# The second box overhangs the right edge by half a pixel, as annotation tools leave it.
TRUTH = GroundTruth(
    np.array([[6.4, 4.8, 12.1, 9.6], [44.0, 0.0, 20.5, 24.0]]),
    np.array([2, 1]),
    np.array([100.3, 480.0]),
    np.array([False, True]),
)
RECORD = ImageRecord(2**40, "a.jpg", 64, 48, TRUTH)


def test_an_example_has_the_keys_that_tf_models_reads_and_the_exact_annotation() -> None:
    from ratchet.components.example_gen.convert import to_example

    encoded = encode(picture())
    example = to_example(RECORD, encoded, image_quality(encoded, "a.jpg"), LabelMap(("cat", "dog"), (3, 7)))
    feature = example.features.feature
    assert feature[features.IMAGE_ENCODED].bytes_list.value[0] == encoded
    assert feature[features.IMAGE_SOURCE_ID].bytes_list.value[0] == str(2**40).encode()
    assert list(feature[features.BOX_LABEL].int64_list.value) == [2, 1]
    assert list(feature[features.BOX_CLASS].bytes_list.value) == [b"dog", b"cat"]
    assert list(feature[features.BOX_IS_CROWD].int64_list.value) == [0, 1]
    corners = [
        list(feature[key].float_list.value)
        for key in (features.BOX_YMIN, features.BOX_XMIN, features.BOX_YMAX, features.BOX_XMAX)
    ]
    np.testing.assert_allclose(corners, [[0.1, 0.0], [0.1, 0.6875], [0.3, 0.5], [18.5 / 64, 1.0]], rtol=1e-6)
    assert list(feature[features.QA_NUM_BOXES].int64_list.value) == [2]

    restored = record_from_json(feature[features.RECORD].bytes_list.value[0])
    np.testing.assert_array_equal(restored.truth.boxes_xywh_px, TRUTH.boxes_xywh_px)
    np.testing.assert_array_equal(restored.truth.area_px2, TRUTH.area_px2)
    assert restored.image_id == 2**40


def test_tf_models_own_decoder_reads_it() -> None:
    import tensorflow as tf
    from official.vision.dataloaders.tf_example_decoder import TfExampleDecoder

    from ratchet.components.example_gen.convert import to_example

    example = to_example(
        RECORD, encode(picture()), image_quality(encode(picture()), "a.jpg"), LabelMap(("cat", "dog"), (3, 7))
    )
    decoded = TfExampleDecoder().decode(tf.constant(example.SerializeToString()))
    assert decoded["image"].shape == (48, 64, 3)
    assert decoded["groundtruth_classes"].numpy().tolist() == [2, 1]
    assert decoded["groundtruth_is_crowd"].numpy().tolist() == [False, True]


def test_an_image_without_objects_is_an_example_too() -> None:
    from ratchet.components.example_gen.convert import to_example

    empty = ImageRecord(1, "a.jpg", 64, 48, GroundTruth(np.zeros((0, 4)), np.zeros(0), np.zeros(0), np.zeros(0)))
    encoded = encode(picture())
    feature = to_example(empty, encoded, image_quality(encoded, "a.jpg"), LabelMap(("cat",), (1,))).features.feature
    assert list(feature[features.BOX_YMIN].float_list.value) == []
    assert list(feature[features.QA_NUM_BOXES].int64_list.value) == [0]


def test_figures_for_validation_travel_in_the_example() -> None:
    from ratchet.components.example_gen.convert import to_example

    encoded = encode(picture())
    quality = image_quality(encoded, "a.jpg")
    record = dataclasses.replace(RECORD, attributes={"camera": "north"})
    feature = to_example(record, encoded, quality, LabelMap(("cat", "dog"), (3, 7))).features.feature
    assert feature[features.QA_RED_CAST].float_list.value[0] == pytest.approx(quality.red_cast)
    assert feature[features.QA_LOG_FILE_SIZE].float_list.value[0] == pytest.approx(np.log(len(encoded)))
    assert list(feature[features.QA_NUM_CROWD].int64_list.value) == [1]
    assert list(feature[features.QA_NUM_TRUNCATED].int64_list.value) == [1]  # the second ends at top and right
    np.testing.assert_allclose(feature[features.QA_BOX_CENTER_X].float_list.value, [12.45 / 64, 54.25 / 64], rtol=1e-6)
    np.testing.assert_allclose(feature[features.QA_BOX_CENTER_Y].float_list.value, [9.6 / 48, 0.25], rtol=1e-6)
    assert feature["source/camera"].bytes_list.value[0] == b"north"
