from __future__ import annotations

import numpy as np
import pytest

from ratchet.schemas.base.errors import StateError
from ratchet.schemas.data.fingerprints import Fingerprints, line_of, nearest


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


def test_the_nearest_and_how_far_it_is_are_found_in_chunks_too(monkeypatch: pytest.MonkeyPatch) -> None:
    golden = fingerprints(random_bits(1), random_bits(2), random_bits(3))
    training = fingerprints(random_bits(4), flipped(random_bits(3), 13), flipped(random_bits(2), 12), random_bits(1))
    for pairs in (1, 1000):
        monkeypatch.setattr("ratchet.schemas.data.fingerprints._CHUNK_PAIRS", pairs)
        rows, bits = nearest(golden, training)
        assert (rows.tolist(), bits.tolist()) == ([3, 2, 1], [0, 12, 13])


def test_nothing_is_nearest_to_nothing() -> None:
    assert nearest(fingerprints(random_bits(1)), Fingerprints.join([]))[1].tolist() == [257]


def test_a_line_of_an_older_version_knows_nothing_of_file_and_labels() -> None:
    old, new = Fingerprints.parse([line_of(1, random_bits(1)), line_of(2, random_bits(2), bytes(range(24)))], 1).files
    assert (old, new) == (None, bytes(range(16)))


def test_files_hold_spans_ids_and_hashes() -> None:
    joined = Fingerprints.join([fingerprints(random_bits(1), span=1), fingerprints(random_bits(2), span=2)])
    read = Fingerprints.from_bytes(joined.to_bytes(), "f.npz")
    assert (read.spans.tolist(), read.image_ids.tolist()) == ([1, 2], [10, 10])
    assert np.array_equal(read.hashes, joined.hashes)
    assert np.array_equal(read.contents, joined.contents)


@pytest.mark.parametrize("content", [b"", b"no npz", b"PK\x03\x04rubbish"])
def test_another_file_is_named(content: bytes) -> None:
    with pytest.raises(StateError, match=r"f\.npz: not the fingerprints"):
        Fingerprints.from_bytes(content, "f.npz")


def test_an_image_of_candidate_and_baseline_counts_once() -> None:
    first, second = fingerprints(random_bits(1), random_bits(2), span=1), fingerprints(random_bits(1), span=2)
    assert Fingerprints.join([first, second, first]).distinct().spans.tolist() == [1, 1, 2]
