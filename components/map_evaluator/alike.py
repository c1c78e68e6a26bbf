"""Two models' matches, treated as if their detections had been written down in the same way; pure.

Detections are matched best score first, so that leaving out the lowest ones changes nothing of what the others hit.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from ratchet.components.metrics.match_table import MatchTable
from ratchet.components.metrics.stored_arrays import pieces_of


def cut(table: MatchTable, least_score: float) -> MatchTable:
    """Without the detections below a score."""
    return table.of_detections(lambda rows, _: rows["score"] >= least_score)


def capped(table: MatchTable, most: int) -> MatchTable:
    """With the best `most` detections of each image, of all classes together."""
    order = np.lexsort((table.detections["rank"], -table.detections["score"], table.detection_image))
    image = table.detection_image[order]
    place = np.arange(len(image)) - np.searchsorted(image, image)
    keep = np.zeros(len(image), np.bool_)
    keep[order] = place < most
    return _kept(table, keep)


def coarse(table: MatchTable, shares: np.ndarray) -> MatchTable:
    """With a few scores only.

    Args:
        table: of any scores.
        shares: [s], how large a part of the detections has the best score, the second best, ...; sums to 1.
    """
    by_score = np.argsort(-table.detections["score"], kind="stable")
    ends = np.round(np.cumsum(shares) * len(by_score))
    level = np.empty(len(by_score), np.int64)
    level[by_score] = np.searchsorted(ends, np.arange(len(by_score)), side="right")
    detections = table.detections.copy()
    detections["score"] = -level
    # As pycocotools has it: equal scores by image, then as they stand in it.
    order = np.lexsort((detections["rank"], table.detection_image, level, detections["label"]))
    return dataclasses.replace(table, detections=detections[order], detection_image=table.detection_image[order])


def per_image(table: MatchTable) -> np.ndarray:
    """[i] int64, how many detections each image has."""
    counts = np.zeros(len(table.image_ids), np.int64)
    for image in pieces_of(table.detection_image):  # numpy counts in 64 bits, which takes twice the memory
        counts += np.bincount(image, minlength=len(counts))
    return counts


def objects_per_image(table: MatchTable) -> np.ndarray:
    """[i] int64, how many objects that count each image has."""
    counts = table.truth["valid"] & 1 == 1
    return np.bincount(table.truth_image[counts], minlength=len(table.image_ids))


def _kept(table: MatchTable, keep: np.ndarray) -> MatchTable:
    return dataclasses.replace(table, detections=table.detections[keep], detection_image=table.detection_image[keep])
