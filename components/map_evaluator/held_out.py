"""Which images have chosen nothing: the held-out parts of a candidate's spans, without copies of other images; pure."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from ratchet.components.detector.detections import renumbering
from ratchet.components.imaging.copies import find_repeats, near_copies
from ratchet.components.map_evaluator.leaks import keys
from ratchet.schemas.artifacts.evaluation import EARLIER_SPANS, HELD_OUT
from ratchet.schemas.base.files import Files
from ratchet.schemas.base.sampling import fraction_of
from ratchet.schemas.data.dataset import EVAL_SPLIT, HELD_OUT_SPLIT, TRAIN_SPLIT
from ratchet.schemas.data.examples_artifact import ExamplesArtifact
from ratchet.schemas.data.fingerprints import Fingerprints, nearest
from ratchet.schemas.data.looks import Looks

if TYPE_CHECKING:
    from ratchet.schemas.artifacts.training_record import TrainedData

_PURPOSE = "second opinion"  # of the sample that is taken where there are too many


@dataclass(frozen=True)
class ChosenImages:
    """What is taken of a file of images.

    Attributes:
        image_ids: the id by which each is known from here on, by its own; others are left out.
        labels: by label of the file, its label in the golden set's label map; the first is of no class.
    """

    image_ids: Mapping[int, int]
    labels: tuple[int, ...]


@dataclass(frozen=True)
class HeldOutImages:
    """The images of the second opinion.

    Attributes:
        files: what is taken of each file, by data set.
        spans: how many spans they are of.
        copies: how many were left out as copies.
        unused: how many further ones there are.
        class_names: the classes that all of these spans know, in the golden set's order.
        missing: the spans that could not be had, in words.
        images_of_files: how many images each of these files holds, by path.
    """

    files: Mapping[str, Mapping[str, ChosenImages]] = field(default_factory=dict)
    spans: int = 0
    copies: int = 0
    unused: int = 0
    class_names: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    images_of_files: Mapping[str, int] = field(default_factory=dict)

    def labels(self, golden: Sequence[str], models: Iterable[Sequence[str]]) -> dict[int, str]:
        """The classes that the golden set, these spans and all models know, by label."""
        known = [self.class_names, *models]
        return {label: name for label, name in enumerate(golden, start=1) if all(name in names for names in known)}


@dataclass(frozen=True)
class Lineage:
    """The spans of a candidate.

    Attributes:
        new: the one that it was trained on last.
        earlier: those before.
        missing: those that could not be had, in words.
    """

    new: ExamplesArtifact
    earlier: tuple[ExamplesArtifact, ...] = ()
    missing: tuple[str, ...] = ()


def lineage_of(
    new: ExamplesArtifact, trained_on: Sequence[TrainedData], files: Files, artifacts: str | None, golden: Sequence[str]
) -> Lineage:
    """Finds the earlier spans of a lineage.

    Args:
        new: the span of this run.
        trained_on: all spans of the candidate's training record.
        files: the file system.
        artifacts: the artifacts directory of the pipeline root; None: there is none.
        golden: the classes of the golden set.
    """
    found: list[ExamplesArtifact] = []
    missing: list[str] = []
    for data in trained_on:
        if data.span == new.info.span:
            continue
        earlier = ExamplesArtifact.find(data.examples, data.digest, files, artifacts)
        if earlier is None:
            missing.append(f"span {data.span}: its stored images are gone; bring {data.examples} back to have them")
        elif not _is_whole(earlier):
            missing.append(
                f"span {data.span}: what is stored of it ({earlier.uri}) is not whole; restore it to have it"
            )
        elif not set(earlier.info.class_names) <= set(golden):
            missing.append(f"span {data.span}: it has classes that the golden set lacks")
        else:
            found.append(earlier)
    return Lineage(new, tuple(found), tuple(missing))


def _is_whole(examples: ExamplesArtifact) -> bool:
    try:
        for split in (EVAL_SPLIT, HELD_OUT_SPLIT):
            examples.fingerprints(split)
    except Exception:  # each file system has errors of its own, and none of them may end a run: it is told as missing
        return False
    return examples.is_whole(HELD_OUT_SPLIT)


def choose_held_out(
    lineage: Lineage,
    chosen_by: Fingerprints,
    golden: Sequence[str],
    max_bits: int,
    max_images: int,
    golden_set: ExamplesArtifact | None = None,
) -> HeldOutImages:
    """Chooses the images.

    Args:
        lineage: the spans.
        chosen_by: the training images of every model that is compared, and the golden images.
        golden: the classes of the golden set, which has all of the spans'.
        max_bits: an image whose hash differs in at most this many of 256 bits from that of one of which nothing else is
            known counts as its copy.
        max_images: of more than these a fixed random sample of the earlier spans' is taken.
        golden_set: to tell copies of its images from other frames of their scenes; None: by hashes alone.
    """
    spans = [span for span in (lineage.new, *lineage.earlier) if span.info.images.get(HELD_OUT_SPLIT)]
    prints = [span.fingerprints(HELD_OUT_SPLIT) for span in spans]
    validation = [span.fingerprints(EVAL_SPLIT) for span in (lineage.new, *lineage.earlier)]
    owner = np.repeat(np.arange(len(spans)), [len(part.image_ids) for part in prints])
    images = Fingerprints.join(prints)
    stored = [(golden_set, EVAL_SPLIT)] if golden_set else []
    stored += [(span, split) for span in (lineage.new, *lineage.earlier) for split in (TRAIN_SPLIT, EVAL_SPLIT)]
    is_own = ~_is_copy(_looks_of(spans), images, Fingerprints.join([chosen_by, *validation]), stored, max_bits)
    rows = np.flatnonzero(is_own).tolist()
    wanted = sorted(rows, key=lambda row: (spans[owner[row]] is not lineage.new, _number(images, row)))[:max_images]
    places = sorted(wanted)
    ids = _numbers([int(images.image_ids[row]) for row in places], [spans[owner[row]] is lineage.new for row in places])
    files: dict[str, dict[str, ChosenImages]] = {}
    for place, span in enumerate(spans):
        chosen = {int(images.image_ids[row]): ids[n] for n, row in enumerate(places) if owner[row] == place}
        labels = tuple(renumbering(span.info.class_names, golden).tolist())
        if chosen:
            of_set = files.setdefault(HELD_OUT if span is lineage.new else EARLIER_SPANS, {})
            of_set |= dict.fromkeys(span.record_files(HELD_OUT_SPLIT), ChosenImages(chosen, labels))
    used = {int(owner[row]) for row in places}
    return HeldOutImages(
        files=files,
        spans=len(used),
        copies=len(images.image_ids) - len(rows),
        unused=len(rows) - len(places),
        class_names=tuple(name for name in golden if all(name in spans[n].info.class_names for n in used)),
        missing=lineage.missing,
        images_of_files={
            path: images for span in spans for path, images in span.images_of_files(HELD_OUT_SPLIT).items()
        },
    )


def _looks_of(spans: Sequence[ExamplesArtifact]) -> Looks | None:
    parts = [span.looks(HELD_OUT_SPLIT) for span in spans]
    return None if None in parts else Looks.join([part for part in parts if part is not None])


def _is_copy(
    looks: Looks | None,
    images: Fingerprints,
    others: Fingerprints,
    stored: Sequence[tuple[ExamplesArtifact, str]],
    max_bits: int,
) -> np.ndarray:
    """Whether an image is a copy of others or of one in an earlier row, [n] bool.

    Where an image and others like it can be looked at, frames of one scene are no copies; elsewhere hashes decide.
    """
    is_copy = np.zeros(len(images), bool)
    seen: set[tuple[int, int, bytes]] = set()
    for examples, split in stored if looks is not None else []:
        known = examples.looks(split)
        if looks is None or known is None:
            continue
        seen.update(keys(known.prints))
        is_copy[[copy.row for copy in near_copies(looks, known)]] = True
    unseen = others.take(np.array([key not in seen for key in keys(others)], bool))
    is_copy |= nearest(images, unseen)[1] <= max_bits
    if looks is None:
        return is_copy | (nearest(images, images, earlier_only=True)[1] <= max_bits)
    is_copy[[copy.row for copy in find_repeats(looks)]] = True
    return is_copy


def _number(images: Fingerprints, row: int) -> float:
    return fraction_of(f"{images.spans[row]} {images.image_ids[row]}", _PURPOSE)


def _numbers(own: Sequence[int], is_new: Sequence[bool]) -> list[int]:
    """An id of its own for every image; those of the new span keep theirs."""
    taken = {number for number, new in zip(own, is_new) if new}
    free = (number for number in itertools.count(1) if number not in taken)
    return [number if new else next(free) for number, new in zip(own, is_new)]
