"""What a reader made of a delivery against what is true; pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any, NamedTuple

from benchmarks.readers.deliveries import Box, Delivery

_TOLERANCE_PX = 1.0  # of every side: VOC counts from 1, and JPEG moves an edge


class Outcome(Enum):
    """What became of a delivery."""

    RIGHT = "right"
    BESIDE = "boxes right, pictures or classes not"
    REFUSED = "refused"
    WRONG = "wrong"
    NO_READER = "no reader"


class Verdict(NamedTuple):
    """An outcome and what it rests on, in words."""

    outcome: Outcome
    why: str = ""


def judge(delivery: Delivery, answer: Mapping[str, Any]) -> Verdict:
    """Judges what a reader answered.

    Args:
        delivery: with what is true.
        answer: as `foreign.answer` gives it.
    """
    if answer.get("no_reader"):
        return Verdict(Outcome.NO_READER)
    if "error" in answer:
        return Verdict(Outcome.REFUSED, " ".join(str(answer["error"]).split()))
    said = "\n".join(answer["words"])
    if delivery.word:
        told = re.search(delivery.word, said) is not None
        return Verdict(Outcome.RIGHT if told else Outcome.WRONG, "told" if told else "read without a word of it")
    wrong = list(_wrong_boxes(delivery, answer["pictures"]))
    heard = f" (it said: {' '.join(said.split())[:120]})" if said else ""
    if wrong:
        return Verdict(Outcome.WRONG, "; ".join(wrong[:3]) + heard)
    beside = [*_missing(delivery, answer["pictures"]), *_phantoms(delivery, answer["classes"])]
    return Verdict(Outcome.BESIDE, "; ".join(beside) + heard) if beside else Verdict(Outcome.RIGHT)


def _wrong_boxes(delivery: Delivery, pictures: Mapping[str, Any]) -> list[str]:
    """What is wrong of labelled pictures, and pictures that there should not be."""
    by_truth, strange = _matched(delivery, pictures)
    wrong = [f"{path}: not a picture of it" for path in strange if pictures[path]["boxes"] or _is_hidden(path)]
    for path, boxes in delivery.truth.items():
        if path not in by_truth:
            wrong += [f"{path}: left out with its {len(boxes)} boxes"] if boxes else []
            continue
        read = by_truth[path]
        size, turned = delivery.upright.get(path, ((0, 0), []))
        true = turned if tuple(read.get("size") or ()) == size else boxes
        if not _same(true, [tuple(box) for box in read["boxes"]], delivery.classes):
            wrong.append(f"{path}: {_shown(read['boxes'])} instead of {_shown(true)}")
    return wrong


def _missing(delivery: Delivery, pictures: Mapping[str, Any]) -> list[str]:
    by_truth, strange = _matched(delivery, pictures)
    lost = [path for path, boxes in delivery.truth.items() if path not in by_truth and not boxes]
    unfound = [path for path in by_truth if not by_truth[path]["found"]]
    return [
        *(f"{path}: left out" for path in lost),
        *(f"{path}: the picture is not found" for path in unfound),
        *(f"{path}: a picture that nobody has annotated, as one without objects" for path in strange),
    ]


def _phantoms(delivery: Delivery, classes: Sequence[str]) -> list[str]:
    extra = sorted(set(classes) - set(delivery.classes))
    return [f"{len(extra)} classes that are none: {', '.join(extra[:3])}"] if extra else []


def _matched(delivery: Delivery, pictures: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """What was read by the true path of its picture, and the paths that are none.

    A name that is not whole counts for the one picture that it may be; boxes of a picture that is not found, for one
    that has just these.
    """
    found: dict[str, Any] = {}
    strange = []
    for path, picture in pictures.items():
        below = path.removeprefix(delivery.directory + "/")
        candidates = [below] if below in delivery.truth else _ending_alike(delivery.truth, below)
        if len(candidates) == 1 and candidates[0] not in found:
            found[candidates[0]] = picture
        else:
            strange.append(path)
    for path in [each for each in strange if not pictures[each]["found"]]:
        boxes = [tuple(box) for box in pictures[path]["boxes"]]
        left = [each for each in delivery.truth if each not in found and delivery.truth[each]]
        match = next((each for each in left if _same(delivery.truth[each], boxes, delivery.classes)), None)
        if match is not None:
            found[match] = pictures[path]
            strange.remove(path)
    return found, strange


def _is_hidden(path: str) -> bool:
    return any(step.startswith(".") for step in path.split("/"))


def _ending_alike(truth: Mapping[str, Any], path: str) -> list[str]:
    """True paths that are as long alike from their ends as any, without suffix, and at least in the name."""
    parts = _steps(path)

    def alike(other: str) -> int:
        pairs = zip(reversed(parts), reversed(_steps(other)))
        return next((n for n, (a, b) in enumerate(pairs) if a != b), min(len(parts), len(_steps(other))))

    best = max(map(alike, truth), default=0)
    return [each for each in truth if best and alike(each) == best]


def _steps(path: str) -> list[str]:
    return re.sub(r"\.(jpe?g|png|bmp)$", "", path, flags=re.I).replace("\\", "/").split("/")


def _same(true: Sequence[Box], read: Sequence[Any], classes: Sequence[str]) -> bool:
    left = list(read)
    for box in true:
        match = next((other for other in left if _near(box, other, classes)), None)
        if match is None:
            return False
        left.remove(match)
    return not left


def _near(true: Box, read: Any, classes: Sequence[str]) -> bool:
    """Whether every side is near; a true box without a class may be of any."""
    if read[0] not in classes or (true[0] and read[0] != true[0]):
        return False
    return all(abs(a - b) <= _TOLERANCE_PX + 1e-3 for a, b in zip(_sides(true), _sides(read)))


def _sides(box: Any) -> tuple[float, ...]:
    return (box[1], box[2], box[1] + box[3], box[2] + box[4])


def _shown(boxes: Sequence[Any]) -> str:
    return ", ".join(f"{box[0]} {[round(n, 1) for n in box[1:]]}" for box in boxes[:2]) or "no box"
