"""The kinds of detectors that can be trained, by the name in `model.family`."""

from __future__ import annotations

from ratchet.components.trainer.model.family import Family
from ratchet.components.trainer.model.faster_rcnn import FASTER_RCNN
from ratchet.components.trainer.model.model_settings import ModelSettings
from ratchet.components.trainer.model.retinanet import RETINANET

FAMILIES: dict[str, Family] = {"retinanet": RETINANET, "faster_rcnn": FASTER_RCNN}


def family_of(settings: ModelSettings) -> Family:
    """The kind of detector that settings describe."""
    return FAMILIES[settings.family]
