"""Golden images in the training data of a lineage, as far as its images are stored; pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ratchet.components.imaging.copies import Originals, find_copies, same_files
from ratchet.schemas.artifacts.decisions import Reason
from ratchet.schemas.base.formatting import listed, many
from ratchet.schemas.data.fingerprints import Fingerprints, nearest
from ratchet.schemas.data.looks import Looks

if TYPE_CHECKING:  # pydantic is slow to import, and an evaluation of files does without it
    from ratchet.schemas.data.copy_settings import CopySettings

RULE = "trust:leak"
_LISTED = 5


@dataclass(frozen=True)
class Leaks:
    """What was found.

    Attributes:
        copies: in words, each a training image that is a copy of a golden one.
        golden: golden images that are copied.
        doubtful: in words, training images that are copies, or other photographs of the same scene.
        suspected: in words, golden images that training images of which only the hash is left are like.
        images: training images that were looked at.
        gone: of these, those of which only the hash is left.
        unknown: whether the baseline was adopted, so that what it was trained on is not known.
    """

    copies: tuple[str, ...]
    golden: int
    doubtful: tuple[str, ...]
    suspected: tuple[str, ...]
    images: int
    gone: int
    unknown: bool = False


def find_leaks(golden: Looks, training: Fingerprints, stored: Iterable[Callable[[], Looks]], max_bits: int) -> Leaks:
    """Looks for golden images, in every view, among training images.

    Args:
        golden: the golden set.
        training: training images of candidate and baseline, and all their ancestors, each once.
        stored: gives the looks of the images of one span after the other.
        max_bits: hashes that differ in at most this many of 256 bits make a suspicion that nothing can confirm.
    """
    copies: list[str] = []
    doubtful: list[str] = []
    leaked: set[int] = set()
    is_stored = np.zeros(len(training), bool)
    originals = Originals(golden)
    place = {key: row for row, key in enumerate(keys(training))}
    for looks_of in stored:
        looks = looks_of()
        rows = [place.get(key, -1) for key in keys(looks.prints)]
        is_stored[[row for row in rows if row >= 0]] = True
        for copy in find_copies(looks, originals):
            if rows[copy.row] < 0:
                continue  # only what was trained on counts
            if copy.is_certain:
                copies.append(_told(golden.prints, copy.other, looks.prints, copy.row, copy.how))
                leaked.add(copy.other)
            else:
                doubtful.append(_told(golden.prints, copy.other, looks.prints, copy.row, copy.how, verb="may be"))
    gone = training.take(~is_stored)
    exact = {copy.row: copy for copy in same_files(gone, golden.prints)}
    copies += [_told(golden.prints, copy.other, gone, copy.row) for copy in exact.values()]
    leaked |= {copy.other for copy in exact.values()}
    rows, bits = nearest(gone, golden.prints)
    alike = [row for row in np.flatnonzero(bits <= max_bits).tolist() if row not in exact]
    suspected = tuple(_told(golden.prints, int(rows[row]), gone, row, verb="looks like") for row in alike)
    return Leaks(tuple(copies), len(leaked), tuple(doubtful), suspected, len(training), len(gone))


def no_leak(leaks: Leaks | None, settings: CopySettings) -> Reason:
    """Whether a golden image, or a copy of one, is among the images that candidate or baseline were trained on.

    Args:
        leaks: what was found; None if the models do not say what they were trained on, or nothing was looked for.
        settings: whether copies are looked for at all.
    """
    expected = "no golden image in the training data: re-encoded, resized, re-lit, turned, mirrored or cropped"
    if settings.untested:
        return Reason(RULE, expected, settings.untested, passed=True, warning=True, tested=False)
    if leaks is None:
        return Reason(RULE, expected, "the candidate does not say what it was trained on")
    if leaks.copies:
        words = f"{leaks.golden} golden images leaked: {listed(leaks.copies, _LISTED)}"
        return Reason(RULE, expected, words, strength=1.0 + len(leaks.copies))
    whose = " of the candidate" if leaks.unknown else ""
    words = [f"none {'for certain ' if leaks.doubtful else ''}among {many(leaks.images, 'training image')}{whose}"]
    if leaks.doubtful:
        words.append(f"to be looked at, one photograph or two of the same scene: {listed(leaks.doubtful, _LISTED)}")
    if leaks.suspected:
        words.append(
            f"of {leaks.gone} of them only a hash is left, since what is stored of their spans is gone, and by it "
            f"{len(leaks.suspected)} may be copies: {listed(leaks.suspected, _LISTED)}; restore their spans to be sure"
        )
    if leaks.unknown:
        words.append(
            "what the baseline was trained on is not known, for it was adopted: if golden images are among it, its mAP "
            "is too high"
        )
    found = len(leaks.doubtful) + len(leaks.suspected)
    return Reason(
        rule=RULE,
        expected=expected,
        actual="; ".join(words),
        passed=True,
        warning=found > 0 or leaks.unknown,
        strength=1.0 + found if found else 0.0,
    )


def keys(prints: Fingerprints) -> list[tuple[int, int, bytes]]:
    """What tells one image of a lineage from all others: its span, its id, and its hash, since spans have versions."""
    hashes = [row.tobytes() for row in prints.hashes]
    return list(zip(prints.spans.tolist(), prints.image_ids.tolist(), hashes))


def _told(golden: Fingerprints, other: int, images: Fingerprints, row: int, how: str = "", verb: str = "is") -> str:
    words = f"golden image {golden.image_ids[other]} {verb} image {images.image_ids[row]} of span {images.spans[row]}"
    return f"{words} ({how})" if how else words
