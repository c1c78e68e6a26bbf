"""The distances that pass in any case, by feature: those of the schema that comes along, for who has no TFDV; pure.

`schemas/detection.pbtxt` is where they are curated; a test holds both together.
"""

from __future__ import annotations

from collections.abc import Iterable

from ratchet.schemas.data import features

SOURCE_LIMIT = 0.1  # of an attribute of the images, as `ratchet schema infer` proposes it
_MOST_VALUES = 100  # of an attribute; with more it is a name rather than a category

DRIFT_LIMITS = {
    features.IMAGE_HEIGHT: 0.2,
    features.IMAGE_WIDTH: 0.2,
    features.BOX_CLASS: 0.1,
    features.QA_BRIGHTNESS: 0.1,
    features.QA_CONTRAST: 0.1,
    features.QA_SHARPNESS: 0.1,
    features.QA_RED_CAST: 0.1,
    features.QA_BLUE_CAST: 0.1,
    features.QA_HUE: 0.1,
    features.QA_NOISE: 0.1,
    features.QA_LOG_FILE_SIZE: 0.2,
    features.QA_NUM_BOXES: 0.15,
    features.QA_NUM_CROWD: 0.2,
    features.QA_NUM_TRUNCATED: 0.2,
    features.QA_BOX_LOG_AREA: 0.1,
    features.QA_BOX_LOG_ASPECT: 0.1,
    features.QA_BOX_CENTER_X: 0.1,
    features.QA_BOX_CENTER_Y: 0.1,
}
OF_IMAGE_FILES = (*features.IMAGE_FEATURES,)  # what labels alone do not tell


def is_category(values: Iterable[str], images: int) -> bool:
    """Whether an attribute of images is one that is compared: with few values for so many images."""
    return len({value for value in values if value}) <= min(_MOST_VALUES, images // 2)
