"""What the first model cannot judge: labels of images that look otherwise than all it was trained on; pure.

A model can judge labels of images that look like golden ones. People who hold a golden set's labels and not its images
leave that open, and then figures of the training images stand in for it: where one moved far, and the model finds less
of the labels than in the golden set, it may be the model that draws, confuses or overlooks what it does not know.
"""

from __future__ import annotations

from dataclasses import replace

from ratchet.components.diagnosis.bundle import Bundle
from ratchet.schemas.artifacts.data_evidence import DRIFT, Comparison, LabelEvidence
from ratchet.schemas.data import features

FAR = 2.0  # times what passes, as for a shift that is told
_KNOWS = 0.9  # of its recall in the golden set
# Light, contrast, sharpness, colours and noise: what a file weighs follows from them.
_OF_IMAGES = tuple(feature for feature in features.IMAGE_FEATURES if feature != features.QA_LOG_FILE_SIZE)


def within_sight(bundle: Bundle) -> Bundle:
    """The bundle with labels that count as not judged where the first model cannot judge them.

    Args:
        bundle: of two trainings.
    """
    labels = bundle.evidence.labels
    if labels is None or labels.judged <= 0 or _knows(labels) or not any(map(is_far, bundle.evidence.comparisons)):
        return bundle
    return replace(bundle, evidence=replace(bundle.evidence, labels=replace(labels, judged=0.0)))


def is_far(comparison: Comparison) -> bool:
    """Whether images of the two trainings differ far beyond what passes in a figure of their pixels."""
    is_moved = comparison.kind == DRIFT and not comparison.passed and comparison.feature in _OF_IMAGES
    return is_moved and comparison.distance >= FAR * comparison.limit


def _knows(labels: LabelEvidence) -> bool:
    return labels.golden_recall > 0 and labels.span_recall >= _KNOWS * labels.golden_recall
