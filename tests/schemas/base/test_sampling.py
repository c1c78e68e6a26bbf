"""Tests of `ratchet.schemas.base.sampling`."""

from __future__ import annotations

import pytest

from ratchet.schemas.base.sampling import fraction_of, is_sampled

NAMES = [str(number) for number in range(10_000)]


# Splits, samples and logs that exist were drawn with these numbers.
@pytest.mark.parametrize(
    ("key", "purpose", "expected"),
    [
        ("a.jpg", "", 0.3148659035229251),
        (b"\xff\xd8", "", 0.4427220132205356),
        ("a.jpg", "look", 0.5688018518436344),
        ("17", "sample", 0.8065668507228345),
        ("a.jpg", "validation", 0.4080275353663545),
    ],
)
def test_a_key_keeps_its_number_for_ever(key: str | bytes, purpose: str, expected: float) -> None:
    assert fraction_of(key, purpose) == expected


def test_a_sample_is_a_share_of_the_keys_and_always_the_same() -> None:
    chosen = [name for name in NAMES if is_sampled(name, 0.2)]
    assert 1900 < len(chosen) < 2100
    assert chosen == [name for name in NAMES if is_sampled(name, 0.2)]


def test_a_larger_share_only_adds_keys() -> None:
    assert all(is_sampled(name, 0.3) for name in NAMES if is_sampled(name, 0.2))
    assert all(is_sampled(name, 1.0) for name in NAMES)
    assert not any(is_sampled(name, 0.0) for name in NAMES)


def test_samples_for_two_purposes_do_not_depend_on_each_other() -> None:
    both = [name for name in NAMES if is_sampled(name, 0.2, "one") and is_sampled(name, 0.2, "other")]
    assert 300 < len(both) < 500
