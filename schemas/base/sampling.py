"""Fixed random samples: whether something belongs to one follows from its name, the same in every run and process."""

from __future__ import annotations

import hashlib


def fraction_of(key: str | bytes, purpose: str = "") -> float:
    """A number in 0..1 that is the key's own, evenly spread over many keys.

    Args:
        key: of what is sampled, such as a file name.
        purpose: keys have other numbers for another purpose, so that samples do not depend on each other.

    >>> round(fraction_of("a.jpg"), 6), round(fraction_of("a.jpg", "validation"), 6)
    (0.314866, 0.408028)
    """
    salt = f"{purpose} ".encode() if purpose else b""
    digest = hashlib.sha256(salt + (key.encode() if isinstance(key, str) else key)).digest()
    return int.from_bytes(digest[:6], "big") / 2**48


def is_sampled(key: str | bytes, share: float, purpose: str = "") -> bool:
    """Whether a key belongs to a sample of a share, 0..1, of all keys; a larger share only adds to it."""
    return fraction_of(key, purpose) < share
