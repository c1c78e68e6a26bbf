"""Measures logged requests: the images that the served model really sees."""

from __future__ import annotations

import numpy as np

from ratchet.components.imaging.quality import image_features
from ratchet.components.requests.log import RequestLog
from ratchet.schemas.data.feature_sample import FeatureSample


def read_serving_log(directory: str, limit: int) -> FeatureSample:
    """Measures the newest logged images, each once however often it was asked about.

    Args:
        directory: the log.
        limit: images to look at, at most.

    Returns:
        Their figures; nothing is labelled in a log.

    Raises:
        ConfigError: there is no such directory, or no log in it.
        DataError: a record file is damaged, or more than a tenth of the images cannot be read.
    """
    rows = [image_features(quality) for _, quality in RequestLog(directory, limit, "data_gate.serving_log")]
    return FeatureSample(
        images={key: np.array([row[key] for row in rows]) for key in rows[0]},
        objects={},
        labels=np.empty(0, np.int64),
        box_counts=np.zeros(len(rows), np.int64),
        embeddings=np.empty((len(rows), 0), np.float32),
    )
