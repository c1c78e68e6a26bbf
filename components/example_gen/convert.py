"""One labelled image -> one tf.Example."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import tensorflow as tf

from components.example_gen.images import ImageQuality
from schemas import features
from schemas.records import ImageRecord, LabelMap, record_to_json


def to_example(record: ImageRecord, encoded: bytes, quality: ImageQuality, label_map: LabelMap) -> tf.train.Example:
    """Builds the tf.Example with the keys of `schemas.features`.

    Args:
        record: the image's annotation.
        encoded: its file, kept as it is.
        quality: how it looks.
        label_map: names of the labels.
    """
    truth = record.truth
    x, y, width, height = truth.boxes_xywh_px.T
    size_px2 = record.width_px * record.height_px
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
                features.QA_BRIGHTNESS: _floats([quality.brightness]),
                features.QA_CONTRAST: _floats([quality.contrast]),
                features.QA_SHARPNESS: _floats([quality.sharpness]),
                features.QA_NUM_BOXES: _ints([len(truth.labels)]),
                features.QA_BOX_LOG_AREA: _floats(np.log(width * height / size_px2)),
                features.QA_BOX_LOG_ASPECT: _floats(np.log(width / height)),
                features.RECORD: _bytes([record_to_json(record)]),
            }
        )
    )


def _bytes(values: Iterable[bytes]) -> tf.train.Feature:
    return tf.train.Feature(bytes_list=tf.train.BytesList(value=values))


def _floats(values: Iterable[float]) -> tf.train.Feature:
    return tf.train.Feature(float_list=tf.train.FloatList(value=values))


def _ints(values: Iterable[int]) -> tf.train.Feature:
    return tf.train.Feature(int64_list=tf.train.Int64List(value=values))
