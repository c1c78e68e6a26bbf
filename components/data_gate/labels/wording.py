"""What a label rule found, as a reason for people; pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from components.data_gate.labels.seen import Seen
from components.data_gate.labels.statistics import Excess
from schemas.artifacts.decisions import Reason

_MOST_IMAGES = 12


@dataclass(frozen=True, eq=False)
class Finding:
    """What one rule saw.

    Attributes:
        excess: what is compared with the limit.
        actual: in words.
        weight: [i] how much each image shows it; 0 for not at all.
    """

    excess: Excess
    actual: str
    weight: np.ndarray


def reason_of(rule: str, expected: str, finding: Finding, limit: float, seen: Seen) -> Reason:
    """The reason for a finding.

    Args:
        rule: its stable name.
        expected: what would have passed.
        finding: what was seen.
        limit: on the excess.
        seen: the span, for its file names.
    """
    failed = bool(finding.excess.breaks(limit))
    warning = not failed and finding.excess.is_doubtful(limit)
    images = worst_images(seen, finding.weight) if failed or warning else ()
    return Reason(rule, expected, finding.actual, passed=not failed, warning=bool(warning), images=images)


def per_image(seen: Seen, image: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """How many rows [n], or what sum of their weights [n], each of the images has, [i]."""
    return np.bincount(image, weights=weights, minlength=len(seen.file_names))


def worst_images(seen: Seen, weight: np.ndarray) -> tuple[str, ...]:
    """File names of the images of most weight [i], the heaviest first."""
    order = np.argsort(-weight, kind="stable")[:_MOST_IMAGES]
    return tuple(seen.file_names[image] for image in order if weight[image] > 0)
