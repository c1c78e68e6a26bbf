from __future__ import annotations

import numpy as np
import pytest

from schemas.base.errors import StateError
from schemas.data.fingerprints import Fingerprints, line_of, near_duplicates


def fingerprints(*bits: np.ndarray, span: int = 1) -> Fingerprints:
    return Fingerprints.parse([line_of(10 + row, values) for row, values in enumerate(bits)], span)


def random_bits(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 2, 256).astype(bool)


def flipped(bits: np.ndarray, count: int) -> np.ndarray:
    changed = bits.copy()
    changed[:count] ^= True
    return changed


def test_a_line_is_read_back() -> None:
    bits = random_bits(1)
    read = fingerprints(bits, span=3)
    assert (read.spans.tolist(), read.image_ids.tolist()) == ([3], [10])
    assert np.array_equal(np.unpackbits(read.hashes[0]).astype(bool), bits)


def test_pairs_up_to_the_limit_are_found_closest_first() -> None:
    golden = fingerprints(random_bits(1), random_bits(2), random_bits(3))
    training = fingerprints(random_bits(4), flipped(random_bits(3), 13), flipped(random_bits(2), 12), random_bits(1))
    assert near_duplicates(golden, training, max_bits=12) == [(0, 3, 0), (1, 2, 12)]


def test_chunks_do_not_change_the_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    images = fingerprints(*(random_bits(seed) for seed in range(9)))
    monkeypatch.setattr("schemas.data.fingerprints._CHUNK_PAIRS", 20)
    assert near_duplicates(images, images, max_bits=0) == [(row, row, 0) for row in range(9)]


def test_nothing_has_no_duplicates() -> None:
    nothing = Fingerprints.join([])
    assert near_duplicates(nothing, nothing, max_bits=256) == []
    assert near_duplicates(fingerprints(random_bits(1)), nothing, max_bits=256) == []


def test_files_hold_spans_ids_and_hashes() -> None:
    joined = Fingerprints.join([fingerprints(random_bits(1), span=1), fingerprints(random_bits(2), span=2)])
    read = Fingerprints.from_bytes(joined.to_bytes(), "f.npz")
    assert (read.spans.tolist(), read.image_ids.tolist()) == ([1, 2], [10, 10])
    assert np.array_equal(read.hashes, joined.hashes)


@pytest.mark.parametrize("content", [b"", b"no npz", b"PK\x03\x04rubbish"])
def test_another_file_is_named(content: bytes) -> None:
    with pytest.raises(StateError, match=r"f\.npz: not the fingerprints"):
        Fingerprints.from_bytes(content, "f.npz")


def test_an_image_of_candidate_and_baseline_counts_once() -> None:
    first, second = fingerprints(random_bits(1), random_bits(2), span=1), fingerprints(random_bits(1), span=2)
    assert Fingerprints.join([first, second, first]).distinct().spans.tolist() == [1, 1, 2]
