"""Which images are copies of others: the one definition that data gate and evaluator have. Pure.

A hash makes a suspicion, thumbnails and boxes confirm it. Suspicious are images whose hashes agree in the lowest
frequencies with a turn, mirror or crop of another; two frames of a fixed camera are, too, and no copies.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from ratchet.components.imaging.fine_detail import Detail, detail_of
from ratchet.components.imaging.same_picture import (
    aligned,
    alike_in_boxes,
    is_crop,
    is_same_picture,
    likeness,
    may_be_cropped,
    roughly_alike,
)
from ratchet.components.imaging.views import (
    HASH_SIDE,
    LOW_SIDE,
    TURNS,
    WINDOWS,
    View,
    bits_of_views,
    cropped,
    low_bits,
    turned,
    turned_boxes,
)
from ratchet.schemas.data.fingerprints import BITS, Fingerprints
from ratchet.schemas.data.looks import Looks

# Of 64 bits. Copies on the three sets of same_picture.py reach 14, pictures of other scenes rarely less than 8.
_SUSPICIOUS = 16
# And of all 256 in one of these views. Crops by up to 10 % at each side, turned, re-lit and re-encoded at quality 50,
# reach 78 (digits, blood cells, cards, drawn boards); of suspicions by other pictures one in 25 is below 88.
_SUSPICIOUS_BITS = 88
_NEAR_BITS = 24  # of 256, of an image as it is; copies on the same sets reach 16
_ALIKE_LABELLED = 0.003  # of a side; rounded labels
_MOST_GLANCED = 8  # of the views that one may be
_MOST_TRIED = 2  # of the images that one may be a copy of
_MOST_OF_SCENE = 40  # that are looked at where a crop of one of them is suspected
_CHUNK_VIEWS, _CHUNK_IMAGES, _CHUNK_PAIRS = 4000, 4096, 4_000_000


@dataclass(frozen=True)
class Copy:
    """An image that shows the same photograph as another one.

    Attributes:
        row: of the image.
        other: row of the other one.
        how: what was done to it, in words: `mirrored, cropped to 90 %`; empty for nothing but re-encoding and light.
        is_file: whether the files are byte for byte the same.
        is_certain: False: it may be another photograph of the same scene; a person has to look.
    """

    row: int
    other: int
    how: str = ""
    is_file: bool = False
    is_certain: bool = True


def same_files(images: Fingerprints, others: Fingerprints, earlier_only: bool = False) -> list[Copy]:
    """Images whose files others have, byte for byte.

    Args:
        images: n of them.
        others: m of them.
        earlier_only: others are the same images, and only those in earlier rows count.
    """
    known: dict[bytes, int] = {}
    copies: list[Copy] = []
    if not earlier_only:
        known = {digest: row for row, digest in reversed([*enumerate(others.files)]) if digest is not None}
    for row, digest in enumerate(images.files):
        if digest is not None and digest in known:
            copies.append(Copy(row, known[digest], is_file=True))
        elif digest is not None and earlier_only:
            known[digest] = row
    return copies


class Originals:
    """Images whose copies are looked for, with what is made of them once: the hashes of all their views.

    Args:
        looks: m of them, fewer than the images if one may choose.
    """

    def __init__(self, looks: Looks) -> None:
        self.looks = looks

    @functools.cached_property
    def packed_views(self) -> np.ndarray:
        """The hashes [m, turns * windows, 32] of their views, the bits of the lowest frequencies not apart."""
        views, chunks = TURNS * len(WINDOWS), []
        for start in range(0, len(self.looks), _CHUNK_VIEWS // views):
            of_views = bits_of_views(self.looks.thumbnails[start : start + _CHUNK_VIEWS // views])
            chunks.append(np.packbits(of_views.reshape(len(of_views), views, BITS), axis=2))
        return np.concatenate(chunks) if chunks else np.zeros((0, views, BITS // 8), np.uint8)


def find_copies(images: Looks, originals: Originals) -> list[Copy]:
    """Images that are copies of originals: re-encoded, resized, re-lit, turned, mirrored, cropped.

    Args:
        images: n of them.
        originals: all their views are tried.

    Returns:
        At most one for each image, by its row.
    """
    looks = originals.looks
    found = {copy.row: copy for copy in same_files(images.prints, looks.prints)}
    suspects = [*_suspects(images.prints.hashes, originals.packed_views), *_labelled_alike(images, looks)]
    by_image: dict[int, list[_Suspect]] = {}
    for suspect in suspects:
        if suspect.row not in found:
            by_image.setdefault(suspect.row, []).append(suspect)
    views = _Views(looks)
    for row, of_image in by_image.items():
        copy = _confirmed(images, looks, views, row, of_image)
        if copy is not None:
            found[row] = copy
    return [found[row] for row in sorted(found)]


def find_repeats(images: Looks) -> list[Copy]:
    """Images that are copies of earlier ones among them, as they are: re-encoded, resized or re-lit, but not turned."""
    found = {copy.row: copy for copy in same_files(images.prints, images.prints, earlier_only=True)}
    for row, others in _near_earlier(images.prints).items():
        if row in found:
            continue
        thumbnail, boxes = images.thumbnails[row].astype(np.float64), images.boxes(row)
        for other in others:
            if is_same_picture(images.thumbnails[other].astype(np.float64), thumbnail, images.boxes(other), boxes):
                found[row] = Copy(row, other)
                break
    return [found[row] for row in sorted(found)]


def near_copies(images: Looks, others: Looks) -> list[Copy]:
    """Images that are copies of others as they are, where others are too many to try all their views.

    Args:
        images: n of them.
        others: m of them.
    """
    found = {copy.row: copy for copy in same_files(images.prints, others.prints)}
    for row, near in _near(images.prints.hashes, others.prints.hashes).items():
        thumbnail, boxes = images.thumbnails[row].astype(np.float64), images.boxes(row)
        for other in near if row not in found else []:
            if is_same_picture(others.thumbnails[other].astype(np.float64), thumbnail, others.boxes(other), boxes):
                found[row] = Copy(row, other)
                break
    return [found[row] for row in sorted(found)]


def _near_earlier(prints: Fingerprints) -> dict[int, list[int]]:
    return _near(prints.hashes, prints.hashes, earlier_only=True)


def _near(hashes: np.ndarray, others: np.ndarray, earlier_only: bool = False) -> dict[int, list[int]]:
    """By row, the few rows of others whose hashes are nearest and near enough, the nearest first."""
    found: dict[int, list[int]] = {}
    columns = _signs(others)
    step = max(1, _CHUNK_PAIRS // max(1, len(others)))
    for start in range(0, len(hashes) if len(others) else 0, step):
        equal = _signs(hashes[start : start + step]) @ columns.T
        if earlier_only:
            equal[np.arange(len(others)) >= np.arange(start, start + len(equal))[:, None]] = -BITS
        for row in np.flatnonzero(equal.max(axis=1) >= BITS - 2 * _NEAR_BITS).tolist():
            near = np.flatnonzero(equal[row] >= BITS - 2 * _NEAR_BITS)
            order = np.argsort(-equal[row][near], kind="stable")[:_MOST_TRIED]
            found[start + row] = near[order].tolist()
    return found


def _signs(hashes: np.ndarray) -> np.ndarray:
    return np.unpackbits(hashes, axis=1).astype(np.float32) * 2 - 1


@dataclass(frozen=True)
class _Suspect:
    """An image that looks like a view of an original, and in how many of 64 bits they differ."""

    row: int
    other: int
    bits: int
    view: View
    is_labelled_alike: bool = False


def _suspects(hashes: np.ndarray, packed_views: np.ndarray) -> list[_Suspect]:
    """All pairs within the limits, each in its most similar view.

    Args:
        hashes: [n, 32], packed.
        packed_views: [m, views, 32], of originals.
    """
    bits = low_bits(hashes)
    found: list[_Suspect] = []
    views = TURNS * len(WINDOWS)
    step = max(1, _CHUNK_VIEWS // views)
    signs = bits.astype(np.float32) * 2 - 1
    for first in range(0, len(packed_views), step):
        whole = np.unpackbits(packed_views[first : first + step], axis=2).astype(np.float32) * 2 - 1
        of_views = whole.reshape(len(whole), views, HASH_SIDE, HASH_SIDE)
        columns = of_views[..., :LOW_SIDE, :LOW_SIDE].reshape(-1, LOW_SIDE**2)
        for start in range(0, len(signs), _CHUNK_IMAGES):
            # Of vectors of +1 and -1 the product is the number of equal bits minus that of unequal ones.
            equal = (signs[start : start + _CHUNK_IMAGES] @ columns.T).reshape(-1, len(of_views), views)
            rows, others = np.nonzero(equal.max(axis=2) >= LOW_SIDE**2 - 2 * _SUSPICIOUS)
            rows, others = _alike_in_full(whole, equal, hashes[start : start + _CHUNK_IMAGES], rows, others)
            best = equal[rows, others].argmax(axis=1)
            distance = (LOW_SIDE**2 - equal[rows, others, best]) / 2
            for row, other, view, bits_apart in zip(rows, others, best, distance):
                shown = View(int(view) // len(WINDOWS), WINDOWS[int(view) % len(WINDOWS)])
                found.append(_Suspect(int(row) + start, int(other) + first, int(bits_apart), shown))
    return found


def _alike_in_full(
    whole: np.ndarray, equal: np.ndarray, hashes: np.ndarray, rows: np.ndarray, others: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Of pairs that agree in the lowest frequencies those that do so in all of them, in one of these views."""
    signs = _signs(hashes)
    keep = np.zeros(len(rows), np.bool_)
    for other in np.unique(others).tolist():
        own = np.flatnonzero(others == other)
        in_full = signs[rows[own]] @ whole[other].T
        in_full[equal[rows[own], other] < LOW_SIDE**2 - 2 * _SUSPICIOUS] = -BITS
        keep[own] = in_full.max(axis=1) >= BITS - 2 * _SUSPICIOUS_BITS
    return rows[keep], others[keep]


def _labelled_alike(images: Looks, originals: Looks) -> list[_Suspect]:
    """Pairs whose boxes lie alike in a turn: of a nearly empty scene a hash says little."""
    found: list[_Suspect] = []
    summaries = _summaries(images, 0)
    for turn in range(TURNS):
        of_turn = _summaries(originals, turn)
        for other in np.flatnonzero(originals.box_counts).tolist():
            rows = np.flatnonzero(np.abs(summaries - of_turn[other]).max(axis=1) <= _ALIKE_LABELLED)
            found += [_Suspect(int(row), other, _SUSPICIOUS, View(turn), True) for row in rows[:_MOST_OF_SCENE]]
    return found


def _summaries(looks: Looks, turn: int) -> np.ndarray:
    """How many boxes each image has, and their mean place and size, [n, 5]."""
    boxes = turned_boxes(looks.boxes_xywh.astype(np.float64), turn)
    image = np.repeat(np.arange(len(looks)), looks.box_counts)
    counts = np.maximum(looks.box_counts, 1)
    sums = [np.bincount(image, boxes[:, column], len(looks)) / counts for column in range(4)]
    return np.stack([looks.box_counts.astype(np.float64), *sums], axis=1)


class _Views:
    """Thumbnails of originals in each turn, blurred a little by halving, to rank what looks alike; made when needed."""

    def __init__(self, originals: Looks) -> None:
        self._originals = originals
        self._turned: dict[int, np.ndarray] = {}

    def nearest(self, thumbnail: np.ndarray, turn: int, others: list[int]) -> list[int]:
        """Those of some originals, in a turn, that differ least from a thumbnail."""
        if len(others) <= _MOST_TRIED:
            return others
        if turn not in self._turned:
            self._turned[turn] = _flat(turned(self._originals.thumbnails, turn))
        likeness_of = self._turned[turn][others] @ _flat(thumbnail[None])[0]
        return [others[place] for place in np.argsort(-likeness_of, kind="stable")[:_MOST_TRIED]]


def _flat(thumbnails: np.ndarray) -> np.ndarray:
    """[n, 1024] float32, each of mean 0 and length 1."""
    small = thumbnails.astype(np.float32).reshape(len(thumbnails), 32, 2, 32, 2).mean(axis=(2, 4)).reshape(-1, 1024)
    small -= small.mean(axis=1, keepdims=True)
    return small / np.maximum(np.linalg.norm(small, axis=1, keepdims=True), 1e-6)


def _confirmed(images: Looks, originals: Looks, views: _Views, row: int, suspects: list[_Suspect]) -> Copy | None:
    thumbnail, boxes = images.thumbnails[row].astype(np.float64), images.boxes(row)
    is_scene_there = False
    uncropped = {suspect.other for suspect in suspects if suspect.view.is_whole}
    turns = sorted({suspect.view.turn for suspect in suspects}, key=lambda turn: _least_bits(suspects, turn))
    for turn in turns[:2]:
        others = list(dict.fromkeys(suspect.other for suspect in suspects if suspect.view.turn == turn))
        labelled = {suspect.other for suspect in suspects if suspect.is_labelled_alike}
        for place, other in enumerate(views.nearest(images.thumbnails[row], turn, others)):
            whole = turned(originals.thumbnails[other], turn).astype(np.float64)
            whole_boxes = turned_boxes(originals.boxes(other), turn)
            is_alike = other in labelled and alike_in_boxes(whole, thumbnail, whole_boxes)
            if not is_alike and not roughly_alike(whole, thumbnail):
                continue
            if is_same_picture(whole, thumbnail, whole_boxes, boxes):
                return Copy(row, other, str(View(turn)))
            # Frames of a fixed camera end here: their scene lies as it did.
            if place == 0 and other in uncropped:
                is_scene_there |= not may_be_cropped(whole, thumbnail, whole_boxes, boxes)
    return None if is_scene_there else _confirmed_crop(originals, thumbnail, boxes, row, suspects)


def _least_bits(suspects: Iterable[_Suspect], turn: int) -> int:
    return min(suspect.bits for suspect in suspects if suspect.view.turn == turn)


def _confirmed_crop(
    originals: Looks, thumbnail: np.ndarray, boxes: np.ndarray, row: int, suspects: list[_Suspect]
) -> Copy | None:
    tried = 0
    for suspect in sorted(suspects, key=lambda each: each.bits)[:_MOST_GLANCED]:
        turn = suspect.view.turn

        def whole(other: int, turn: int = turn) -> np.ndarray:
            return turned(originals.thumbnails[other], turn).astype(np.float64)

        if tried == _MOST_TRIED or not roughly_alike(cropped(whole(suspect.other), suspect.view.window), thumbnail):
            continue
        tried += 1
        window = aligned(whole(suspect.other), thumbnail, suspect.view.window)
        # Pictures of one scene were cropped alike, and the one that this is may be another one of them.
        others = list(dict.fromkeys(each.other for each in suspects if each.view.turn == turn))[:_MOST_OF_SCENE]
        others.sort(key=lambda other: -likeness(cropped(whole(other), window), thumbnail))
        for other in others[:_MOST_TRIED]:
            if not is_crop(whole(other), window, thumbnail, turned_boxes(originals.boxes(other), turn), boxes):
                continue
            detail = detail_of(cropped(whole(other), window), thumbnail)
            if detail is not Detail.OTHER:
                return Copy(row, other, str(View(turn, window)), is_certain=detail is Detail.SAME)
    return None
