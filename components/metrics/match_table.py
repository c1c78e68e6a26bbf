"""The matches of all images in one place, sorted the way average precision needs them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from components.metrics.matching import DETECTION_DTYPE, TRUTH_DTYPE, ImageMatches


@dataclass(frozen=True, eq=False)
class MatchTable:
    """The packed matches of a data set.

    Attributes:
        image_ids: [i] int64, ascending.
        detections: [m] of DETECTION_DTYPE by label, best score first; equal scores by image id, then rank.
        detection_image: [m] int64, position in image_ids.
        truth: [n] of TRUTH_DTYPE by label, then image id.
        truth_image: [n] int64, position in image_ids.
    """

    image_ids: np.ndarray
    detections: np.ndarray
    detection_image: np.ndarray
    truth: np.ndarray
    truth_image: np.ndarray

    def detection_rows(self, label: int) -> slice:
        """The rows of `detections` that belong to one class."""
        return slice(*np.searchsorted(self.detections["label"], [label, label + 1]).tolist())

    def truth_rows(self, label: int) -> slice:
        """The rows of `truth` that belong to one class."""
        return slice(*np.searchsorted(self.truth["label"], [label, label + 1]).tolist())


def build_table(matches: Mapping[int, ImageMatches]) -> MatchTable:
    """Join the matches of single images; the result does not depend on their order.

    Args:
        matches: by image id; an image without detections or objects belongs in it too.

    Returns:
        The sorted table.
    """
    image_ids = sorted(matches)
    detections, detection_image = _joined([matches[i].detections for i in image_ids], DETECTION_DTYPE)
    truth, truth_image = _joined([matches[i].truth for i in image_ids], TRUTH_DTYPE)
    # Images are joined by ascending id and their rows stand by rank, so a stable sort breaks ties as pycocotools does.
    order = np.lexsort((-detections["score"], detections["label"]))
    truth_order = np.lexsort((truth["valid"], truth_image, truth["label"]))
    return MatchTable(
        image_ids=np.array(image_ids, dtype=np.int64),
        detections=detections[order],
        detection_image=detection_image[order],
        truth=truth[truth_order],
        truth_image=truth_image[truth_order],
    )


def _joined(parts: list[np.ndarray], dtype: np.dtype) -> tuple[np.ndarray, np.ndarray]:
    lengths = [len(part) for part in parts]
    return np.concatenate([np.empty(0, dtype), *parts]), np.repeat(np.arange(len(parts)), lengths)
