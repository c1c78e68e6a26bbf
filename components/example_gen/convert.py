"""One labelled image -> one tf.Example."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import tensorflow as tf

from components.imaging.quality import ImageQuality, image_features
from schemas.data import features
from schemas.data.records import ImageRecord, LabelMap, record_to_json

BORDER_PX = 1.0  # a box that comes this near to the border is cut off by it


def to_example(record: ImageRecord, encoded: bytes, quality: ImageQuality, label_map: LabelMap) -> tf.train.Example:
    """Builds the tf.Example with the keys of `schemas.data.features`.

    Args:
        record: the image's annotation.
        encoded: its file, kept as it is.
        quality: how it looks.
        label_map: names of the labels.
    """
    truth = record.truth
    x, y, width, height = truth.boxes_xywh_px.T
    return tf.train.Example(
        features=tf.train.Features(
            feature={
                features.IMAGE_ENCODED: _bytes([encoded]),
                features.IMAGE_HEIGHT: _ints([record.height_px]),
                features.IMAGE_WIDTH: _ints([record.width_px]),
                features.IMAGE_SOURCE_ID: _bytes([str(record.image_id).encode()]),
                # tf-models takes the unit square at its word, so the pixel of rounding that annotations may
                # overhang is cut off here; the exact boxes are in the record.
                features.BOX_YMIN: _floats(np.clip(y / record.height_px, 0, 1)),
                features.BOX_XMIN: _floats(np.clip(x / record.width_px, 0, 1)),
                features.BOX_YMAX: _floats(np.clip((y + height) / record.height_px, 0, 1)),
                features.BOX_XMAX: _floats(np.clip((x + width) / record.width_px, 0, 1)),
                features.BOX_LABEL: _ints(truth.labels),
                features.BOX_CLASS: _bytes(label_map.name(label).encode() for label in truth.labels),
                features.BOX_AREA: _floats(truth.area_px2),
                features.BOX_IS_CROWD: _ints(truth.is_crowd.astype(int)),
                **_how_it_looks(quality),
                **_how_it_is_labelled(record),
                **{
                    features.SOURCE_PREFIX + name: _bytes([value.encode()]) for name, value in record.attributes.items()
                },
                features.RECORD: _bytes([record_to_json(record)]),
            }
        )
    )


def _how_it_looks(quality: ImageQuality) -> dict[str, tf.train.Feature]:
    return {name: _floats([] if np.isnan(value) else [value]) for name, value in image_features(quality).items()}


def _how_it_is_labelled(record: ImageRecord) -> dict[str, tf.train.Feature]:
    x, y, width, height = record.truth.boxes_xywh_px.T
    right, bottom = x + width, y + height
    margin = BORDER_PX
    cut = (x <= margin) | (y <= margin) | (right >= record.width_px - margin) | (bottom >= record.height_px - margin)
    return {
        features.QA_NUM_BOXES: _ints([len(x)]),
        features.QA_NUM_CROWD: _ints([int(record.truth.is_crowd.sum())]),
        features.QA_NUM_TRUNCATED: _ints([int(cut.sum())]),
        features.QA_BOX_LOG_AREA: _floats(np.log(width * height / (record.width_px * record.height_px))),
        features.QA_BOX_LOG_ASPECT: _floats(np.log(width / height)),
        features.QA_BOX_CENTER_X: _floats((x + width / 2) / record.width_px),
        features.QA_BOX_CENTER_Y: _floats((y + height / 2) / record.height_px),
    }


def _bytes(values: Iterable[bytes]) -> tf.train.Feature:
    return tf.train.Feature(bytes_list=tf.train.BytesList(value=values))


def _floats(values: Iterable[float]) -> tf.train.Feature:
    return tf.train.Feature(float_list=tf.train.FloatList(value=values))


def _ints(values: Iterable[int]) -> tf.train.Feature:
    return tf.train.Feature(int64_list=tf.train.Int64List(value=values))
