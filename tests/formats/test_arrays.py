"""The `.npz` files that outlive a version: those without a number are read, a newer format is refused."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from ratchet.schemas.artifacts.golden_boxes import GoldenBoxes
from ratchet.schemas.artifacts.serving_probe import ServingProbe
from ratchet.schemas.base.errors import StateError
from ratchet.schemas.data.columns import DetectionColumns, TruthColumns
from ratchet.schemas.data.feature_sample import FeatureSample
from ratchet.schemas.data.fingerprints import Fingerprints
from ratchet.schemas.data.looks import Looks

NOTHING = DetectionColumns(np.zeros(0, np.int64), np.zeros((0, 4)), np.zeros(0, np.int64), np.zeros(0))
SAMPLE = FeatureSample(
    {"qa/brightness": np.array([0.5])}, {}, np.array([1]), np.array([1]), np.zeros((1, 2), np.float32)
)
PRINTS = Fingerprints(np.array([1]), np.array([7]), np.zeros((1, 32), np.uint8))
FILES: list[tuple[bytes, Callable[[bytes, str], Any]]] = [
    (ServingProbe(("cat",), ("a.jpg",), (b"jpeg",), NOTHING).to_bytes(), ServingProbe.from_bytes),
    (
        GoldenBoxes(
            np.array([7]), ("a.jpg",), np.ones((1, 2)), ("cat",), TruthColumns.of([]), {"candidate": NOTHING}, 100, 1
        ).to_bytes(),
        GoldenBoxes.from_bytes,
    ),
    (SAMPLE.to_bytes(), FeatureSample.from_bytes),
    (
        Looks(PRINTS, np.zeros((1, 64, 64), np.uint8), np.array([0]), np.zeros((0, 4), np.float32)).to_bytes(),
        lambda content, source: Looks.from_bytes(content, PRINTS, source),
    ),
    (Fingerprints(np.array([1]), np.array([7]), np.zeros((1, 32), np.uint8)).to_bytes(), Fingerprints.from_bytes),
]
EVERY_FILE = pytest.mark.parametrize(("content", "read"), FILES)


def changed(content: bytes, **arrays: Any) -> bytes:
    """With other arrays; None takes one away."""
    whole = {**dict(np.load(io.BytesIO(content))), **arrays}
    file = io.BytesIO()
    np.savez(file, **{name: value for name, value in whole.items() if value is not None})
    return file.getvalue()


@EVERY_FILE
def test_files_without_a_number_and_with_more_arrays_are_read(
    content: bytes, read: Callable[[bytes, str], Any]
) -> None:
    again = read(changed(content, format=None, later=np.array([1])), "file.npz")
    assert again.to_bytes() == read(content, "file.npz").to_bytes() == content


@EVERY_FILE
def test_a_newer_format_is_refused(content: bytes, read: Callable[[bytes, str], Any]) -> None:
    with pytest.raises(StateError, match=r"^file\.npz: format 2 is newer than the 1 that this Ratchet reads; use .*$"):
        read(changed(content, format=np.array(2)), "file.npz")
