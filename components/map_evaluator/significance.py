"""Is a fall more than chance, and is one of many falls; pure."""

from __future__ import annotations

from collections.abc import Mapping


def fall_p_value(delta: float, std_error: float, drop: float, images: int) -> float:
    """Chance of a difference this low or lower if the true one were -drop (one-sided, Student's t).

    The bootstrap's standard error with the tail of t, not the share of resamples below the limit: with 1,000
    resamples that share cannot be smaller than 1/1,001, which a correction for 80 classes never accepts.

    Args:
        delta: candidate minus baseline.
        std_error: of that difference; 0 if no resample moved it.
        drop: the fall that is still accepted.
        images: with objects of the class, at least 2; the fewer, the less the standard error is to be believed.

    >>> round(fall_p_value(-0.08, 0.01, drop=0.05, images=100_000), 5)
    0.00135
    >>> round(fall_p_value(-0.08, 0.01, drop=0.05, images=20), 5)
    0.00368
    """
    if std_error == 0:
        return 0.0 if delta < -drop else 1.0
    from scipy.special import stdtr  # as long to import as all the rest of a command's start

    return float(stdtr(images - 1, (delta + drop) / std_error))


def holm(p_values: Mapping[str, float], significance: float) -> frozenset[str]:
    """The tests that are significant together (Holm, Scand. J. Statist. 6, 1979).

    Args:
        p_values: of each test, by name.
        significance: accepted chance of one or more false alarms among all tests.

    >>> sorted(holm({"a": 0.01, "b": 0.04, "c": 0.02}, 0.05))
    ['a', 'b', 'c']
    >>> sorted(holm({"a": 0.01, "b": 0.04, "c": 0.03}, 0.05))
    ['a']
    """
    rejected: set[str] = set()
    for place, name in enumerate(sorted(p_values, key=lambda name: p_values[name])):
        if p_values[name] > significance / (len(p_values) - place):
            break
        rejected.add(name)
    return frozenset(rejected)
