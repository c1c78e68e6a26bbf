"""One labelled image -> one tf.Example."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from ratchet.components.imaging.quality import ImageQuality, image_features
from ratchet.schemas.data import features
from ratchet.schemas.data.records import ImageRecord, LabelMap, record_to_json

BORDER_PX = 1.0  # a box that comes this near to the border is cut off by it


def to_example(record: ImageRecord, encoded: bytes, quality: ImageQuality, label_map: LabelMap) -> tf.train.Example:
    """Builds the tf.Example with the keys of `ratchet.schemas.data.features`.

    Args:
        record: the image's annotation.
        encoded: its file, kept as it is.
        quality: how it looks.
        label_map: names of the labels.
    """
    truth = record.truth
    texts = {
        features.IMAGE_ENCODED: [encoded],
        features.IMAGE_SOURCE_ID: [str(record.image_id).encode()],
        features.BOX_CLASS: [label_map.name(label).encode() for label in truth.labels.tolist()],
        **{features.SOURCE_PREFIX + name: [value.encode()] for name, value in record.attributes.items()},
        features.RECORD: [record_to_json(record)],
    }
    figures = {
        **_corners(record),
        features.BOX_AREA: truth.area_px2.tolist(),
        **_shapes(record),
        **{name: [] if np.isnan(value) else [value] for name, value in image_features(quality).items()},
    }
    counts = {
        features.IMAGE_HEIGHT: [record.height_px],
        features.IMAGE_WIDTH: [record.width_px],
        features.BOX_LABEL: truth.labels.tolist(),
        features.BOX_IS_CROWD: truth.is_crowd.astype(int).tolist(),
        **_counts(record),
    }
    return _example(texts, figures, counts)


def _corners(record: ImageRecord) -> dict[str, list[float]]:
    x, y, width, height = record.truth.boxes_xywh_px.T
    corners_px = np.array([y, x, y + height, x + width])
    sides_px = np.array([record.height_px, record.width_px] * 2)[:, np.newaxis]
    # tf-models takes the unit square at its word, so the pixel of rounding that annotations may
    # overhang is cut off here; the exact boxes are in the record.
    corners = np.clip(corners_px / sides_px, 0, 1).tolist()
    return dict(zip((features.BOX_YMIN, features.BOX_XMIN, features.BOX_YMAX, features.BOX_XMAX), corners))


def _shapes(record: ImageRecord) -> dict[str, list[float]]:
    x, y, width, height = record.truth.boxes_xywh_px.T
    return {
        features.QA_BOX_LOG_AREA: np.log(width * height / (record.width_px * record.height_px)).tolist(),
        features.QA_BOX_LOG_ASPECT: np.log(width / height).tolist(),
        features.QA_BOX_CENTER_X: ((x + width / 2) / record.width_px).tolist(),
        features.QA_BOX_CENTER_Y: ((y + height / 2) / record.height_px).tolist(),
    }


def _counts(record: ImageRecord) -> dict[str, list[int]]:
    x, y, width, height = record.truth.boxes_xywh_px.T
    right, bottom = x + width, y + height
    margin = BORDER_PX
    cut = (x <= margin) | (y <= margin) | (right >= record.width_px - margin) | (bottom >= record.height_px - margin)
    return {
        features.QA_NUM_BOXES: [len(x)],
        features.QA_NUM_CROWD: [int(record.truth.is_crowd.sum())],
        features.QA_NUM_TRUNCATED: [int(cut.sum())],
    }


def _example(
    texts: Mapping[str, list[bytes]], figures: Mapping[str, list[float]], counts: Mapping[str, list[int]]
) -> tf.train.Example:
    """Filled in place, with plain lists: messages made one in another, of numpy's numbers, take twice as long."""
    example = tf.train.Example()
    feature = example.features.feature
    for kind, values in (("bytes_list", texts), ("float_list", figures), ("int64_list", counts)):
        for name, several in values.items():
            filled = getattr(feature[name], kind)
            filled.SetInParent()  # a list of nothing has its kind too
            filled.value.extend(several)
    return example
