"""Digests of images: those of versions before are still those of today."""

from __future__ import annotations

from itertools import permutations

import numpy as np

from ratchet.schemas.data.dataset import content_digest, image_digest
from ratchet.schemas.data.records import GroundTruth, ImageRecord

BOXES = np.array([[4, 2, 3, 3], [1, 2, 3, 4], [1, 2, 3, 4], [0, 0, 9, 9]], np.float64)
TRUTH = GroundTruth(BOXES, np.array([2, 1, 1, 1]), np.array([9, 12, 12, 80.5]), np.array([False, True, False, False]))


def in_order(rows: list[int]) -> ImageRecord:
    truth = GroundTruth(BOXES[rows], TRUTH.labels[rows], TRUTH.area_px2[rows], TRUTH.is_crowd[rows])
    return ImageRecord(7, "a/b.jpg", 64, 48, truth, {"camera": "north"})


def test_digests_are_those_of_earlier_versions_whatever_the_order_of_the_objects() -> None:
    for order in permutations(range(4)):
        record = in_order(list(order))
        assert image_digest(record, b"file").hex() == "5f96264d61079c3de3bcc9b5301338917fd7997c0d4939fcb6cbcd0e59c1b8ce"
        assert (
            content_digest(record, b"file", ("cat", "ape")).hex() == "3b9c358f36f0a31b6ad3e14f309c7cf1b004ccd99b9b9181"
        )


def test_an_image_without_objects_has_a_digest_of_its_own() -> None:
    empty = ImageRecord(7, "a/b.jpg", 64, 48, GroundTruth([], [], [], []), {})  # type: ignore[arg-type]
    other = ImageRecord(7, "a/b.jpg", 64, 49, GroundTruth([], [], [], []), {})  # type: ignore[arg-type]
    assert image_digest(empty, b"file") != image_digest(other, b"file")
    assert image_digest(empty, b"file") != image_digest(empty, b"other")
