from __future__ import annotations

import numpy as np

from components.data_gate.copies import leaked, repeated
from schemas.data.fingerprints import Fingerprints

RNG = np.random.default_rng(0)


def prints(hashes: np.ndarray, first_id: int = 1) -> Fingerprints:
    count = len(hashes)
    return Fingerprints(np.zeros(count, np.int64), np.arange(first_id, first_id + count), hashes)


def noise(count: int) -> np.ndarray:
    return RNG.integers(0, 256, (count, 32), dtype=np.uint8)


def flipped(hash_bytes: np.ndarray, bits: int) -> np.ndarray:
    values = np.unpackbits(hash_bytes)
    values[RNG.permutation(256)[:bits]] ^= 1
    return np.packbits(values)


def test_near_copies_of_golden_images_are_named_closest_first() -> None:
    golden = noise(30)
    span = noise(50)
    span[7], span[9] = flipped(golden[3], 10), flipped(golden[20], 2)
    found = leaked(prints(span), prints(golden, first_id=100), max_bits=12)
    assert found.pairs == ((10, 120), (8, 103))
    assert found.images == 50


def test_images_up_to_the_limit_are_copies_and_those_beyond_it_are_not() -> None:
    golden = noise(5)
    span = np.stack([flipped(golden[0], 13), flipped(golden[0], 12)])
    assert leaked(prints(span), prints(golden), max_bits=12).pairs == ((2, 1),)


def test_the_first_of_equal_images_is_no_copy_and_the_others_are() -> None:
    span = noise(6)
    span[4] = span[2] = span[1]
    assert sorted(repeated(prints(span), max_bits=12).pairs) == [(3, 2), (5, 2)]


def test_a_fixed_camera_gives_one_pair_an_image_not_one_a_pair() -> None:
    span = np.repeat(noise(1), 500, axis=0)
    assert len(repeated(prints(span), max_bits=12).pairs) == 499


def test_without_a_golden_set_nothing_leaked() -> None:
    assert leaked(prints(noise(3)), prints(noise(0)), max_bits=12).pairs == ()
