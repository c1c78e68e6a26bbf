"""One labelled image -> one tf.Example."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from ratchet.components.example_gen.figures import box_counts, box_shapes
from ratchet.components.imaging.quality import ImageQuality, image_features
from ratchet.schemas.data import features
from ratchet.schemas.data.records import ImageRecord, LabelMap, record_to_json


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
        **box_shapes(record),
        **{name: [] if np.isnan(value) else [value] for name, value in image_features(quality).items()},
    }
    counts = {
        features.IMAGE_HEIGHT: [record.height_px],
        features.IMAGE_WIDTH: [record.width_px],
        features.BOX_LABEL: truth.labels.tolist(),
        features.BOX_IS_CROWD: truth.is_crowd.astype(int).tolist(),
        **box_counts(record),
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
