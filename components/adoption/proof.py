"""Known answers: whether the boxes and classes of a foreign detector mean what they are taken for; pure.

A golden set is labelled, so what a detector finds in it shows how its four numbers and its class numbers are to be
read: a bad detector does not find objects by its numbers in another order, and names other classes, but not always the
one before. Only the surest detections of an image count, a few more than it has objects: a hundred boxes hit something
in any order.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ratchet.components.adoption.answers import Answer, BoxReading, Order, Unit, boxes_yxyx_px
from ratchet.components.adoption.labels import Labels
from ratchet.components.metrics.boxes import overlapping
from ratchet.schemas.base.checked_json import shown
from ratchet.schemas.base.errors import InputError
from ratchet.schemas.base.formatting import listed, many, percent
from ratchet.schemas.base.visible import visible_line
from ratchet.schemas.data.columns import TruthColumns

_LIES_ON = 0.5  # IoU
_TIMES_OBJECTS, _AT_LEAST = 2, 5  # detections of an image that count
_LEAST_OBJECTS = 10  # that another order finds, or that classes are held against
_SEVERAL = 2  # numbers that seem to mean another class; a single one may be a class that is badly learnt
_TWICE = 2  # times as many objects as by the numbers as they are read
_FINDS = 0.1  # of the objects: what the other order finds at least
_RIGHT, _WRONG = 0.5, 0.1  # of the objects that a detection lies on: named right otherwise, and as they are at most
_PURE = 0.6  # of the detections of one number that lie on one class: what the number seems to mean
_LEAST_OF_A_NUMBER = 5  # objects that its detections lie on
_OTHERWISE = 0.25  # of the objects, by numbers that seem to mean another class: no detector confuses so many


@dataclass(frozen=True)
class Proof:
    """What a golden set says of a reading.

    Attributes:
        reading: of the boxes.
        objects: that count.
        hit: objects that one of the surest detections lies on, whatever its class.
        named: of these, objects whose class is that of the surest such detection.
        odd: numbers that seem to mean another class than the label file says, a sentence each.
    """

    reading: BoxReading
    objects: int
    hit: int
    named: int
    odd: tuple[str, ...] = ()

    @property
    def is_proven(self) -> bool:
        """Whether enough objects were found to tell orders and classes apart."""
        return self.hit >= _LEAST_OBJECTS

    def to_text(self) -> str:
        """In a sentence."""
        text = (
            f"boxes are {self.reading.words}: so they lie on {self.hit} of {many(self.objects, 'golden object')}, and "
            f"{self.named} of these get the right class"
        )
        return text if self.is_proven else f"{text}; that is too few to prove the order of boxes and classes"


@dataclass(frozen=True, eq=False)
class Golden:
    """A labelled set, as far as a proof needs it.

    Attributes:
        objects: of all images, by position.
        names: of its classes, labels 1..K.
    """

    objects: TruthColumns
    names: tuple[str, ...]

    @property
    def counted(self) -> np.ndarray:
        """Rows of the objects that count."""
        return np.flatnonzero(~self.objects.is_crowd)

    def of_images(self, images: Sequence[int]) -> Golden:
        """The part with some images, ascending."""
        keep = np.zeros(max([*images, int(self.objects.image.max(initial=0))]) + 1, np.bool_)
        keep[list(images)] = True
        return Golden(self.objects.of_images(keep), self.names)


def hits(answers: Sequence[Answer], golden: Golden, reading: BoxReading) -> int:
    """How many objects one of the surest detections lies on; 0 where an answer is no number."""
    if not all(answer.is_finite for answer in answers):
        return 0
    return len(_Sure.of(answers, golden).pairs(reading).number)


def prove(
    answers: Sequence[Answer],
    golden: Golden,
    reading: BoxReading,
    labels: Labels,
    model: str,
    files: Sequence[str] = (),
) -> Proof:
    """Holds a detector's answers against a golden set.

    Args:
        answers: one an image of the golden set, in its order.
        golden: the labelled set.
        reading: how boxes are taken to be given.
        labels: what class numbers are taken to mean.
        model: the model's place, for messages.
        files: names of the images, for messages; none: they are counted.

    Raises:
        InputError: boxes or classes mean something else, no object is found at all, or answers are no numbers.
    """
    spoilt = next((place for place, answer in enumerate(answers) if not answer.is_finite), None)
    if spoilt is not None:
        which = visible_line(files[spoilt]) if files else spoilt + 1
        raise InputError(
            f"{model}: its answer for golden image {which} holds what is no finite number; a model that answers "
            "so cannot be served: export it again, or adopt another one"
        )
    sure = _Sure.of(answers, golden)
    _refuse_other_boxes(sure, reading, model)
    pairs = sure.pairs(reading)
    if not len(pairs.number):
        raise InputError(_found_nothing(sure, reading, labels, model))
    _refuse_other_classes(pairs, labels, golden.names, model)
    named = _named(pairs, labels, golden.names)
    odd = tuple(meaning.words for meaning in _meanings(pairs, labels, golden.names))
    return Proof(reading, len(golden.counted), len(pairs.number), int(np.sum(named)), odd)


@dataclass(frozen=True, eq=False)
class _Pairs:
    """Objects that a detection lies on: the object's label, and the class number of the surest such detection."""

    label: np.ndarray
    number: np.ndarray


@dataclass(frozen=True, eq=False)
class _Sure:
    """The surest detections of each image, unread; `image` counts the answers."""

    answers: Sequence[Answer]
    golden: Golden
    image: np.ndarray
    row: np.ndarray
    number: np.ndarray
    score: np.ndarray

    @classmethod
    def of(cls, answers: Sequence[Answer], golden: Golden) -> _Sure:
        objects = np.bincount(golden.objects.image[golden.counted], minlength=len(answers))
        most = np.maximum(_TIMES_OBJECTS * objects, _AT_LEAST)
        rows = [np.argsort(-answer.scores, kind="stable")[:count] for answer, count in zip(answers, most)]
        rows = [own[answer.scores[own] > 0] for answer, own in zip(answers, rows)]
        image = np.repeat(np.arange(len(answers)), [len(own) for own in rows])
        row = np.concatenate([np.empty(0, np.int64), *rows])
        number = np.concatenate([np.empty(0), *(answer.numbers[own] for answer, own in zip(answers, rows))])
        score = np.concatenate([np.empty(0), *(answer.scores[own] for answer, own in zip(answers, rows))])
        return cls(answers, golden, image, row, np.rint(number).astype(np.int64), score)

    def boxes(self, reading: BoxReading) -> np.ndarray:
        """[m, 4] xywh in px of the image; of what is no box in this reading NaN."""
        whole = [boxes_yxyx_px(answer, reading) for answer in self.answers]
        starts = np.cumsum([0, *(len(boxes) for boxes in whole)])[:-1]
        ymin, xmin, ymax, xmax = np.concatenate([np.empty((0, 4)), *whole])[starts[self.image] + self.row].T
        boxes = np.stack([xmin, ymin, xmax - xmin, ymax - ymin], axis=1)
        return np.where(np.all(boxes[:, 2:] > 0, axis=1, keepdims=True), boxes, np.nan)

    def pairs(self, reading: BoxReading) -> _Pairs:
        """Each object that a detection lies on, with the surest such detection."""
        counted = self.golden.counted
        found = overlapping(
            self.image,
            self.boxes(reading),
            self.golden.objects.image[counted],
            self.golden.objects.boxes_xywh_px[counted],
            least_iou=_LIES_ON,
        )
        order = np.lexsort((-self.score[found.one], found.other))
        objects, first = np.unique(found.other[order], return_index=True)
        return _Pairs(self.golden.objects.labels[counted][objects], self.number[found.one[order][first]])


def _readings(reading: BoxReading) -> Iterator[BoxReading]:
    """All others; pixels of the model's input are what a toolkit says, so no other unit turns into them."""
    units = (Unit.FRACTIONS, Unit.PIXELS, *((Unit.INPUT_PIXELS,) if reading.unit is Unit.INPUT_PIXELS else ()))
    yield from (BoxReading(order, unit) for order in Order for unit in units if BoxReading(order, unit) != reading)


def _refuse_other_boxes(sure: _Sure, reading: BoxReading, model: str) -> None:
    objects, as_read = len(sure.golden.counted), len(sure.pairs(reading).number)
    best, other = max(((len(sure.pairs(one).number), one) for one in _readings(reading)), key=lambda pair: pair[0])
    if best < max(_LEAST_OBJECTS, _FINDS * objects, _TWICE * as_read):
        return
    order = "" if other.order is reading.order else f"--boxes {other.order.value}"
    unit = "" if other.unit is reading.unit else f"a model whose boxes are {reading.unit.words}"
    fix = f"give {order} to read them so" if order and not unit else f"export {unit or 'it anew'}"
    raise InputError(
        f"{model}: its boxes look like {other.words}, where {reading.words} were expected: of "
        f"{many(objects, 'golden object')} a box lies on {percent(as_read / objects)} as expected, and on "
        f"{percent(best / objects)} as {other.words}; {fix}"
    )


def _found_nothing(sure: _Sure, reading: BoxReading, labels: Labels, model: str) -> str:
    detections = len(sure.image)
    if not detections:
        what = "it detects nothing in any golden image"
    else:
        what = f"none of its {many(detections, 'surest detection')} lies on one of the golden objects"
    return (
        f"{model}: {what} ({many(len(sure.golden.counted), 'object')} in {many(len(sure.answers), 'image')}; boxes "
        f"taken as {reading.words}, classes of {labels.source}): give the golden set of this model's own task, or the "
        "model that was in production for it"
    )


def _named(pairs: _Pairs, labels: Labels, names: Sequence[str]) -> np.ndarray:
    """[p] bool, whether the number names the object's class."""
    meaning = dict(zip(labels.ids, labels.names))
    return np.array([meaning.get(number) == names[label - 1] for label, number in zip(pairs.label, pairs.number)])


def _refuse_other_classes(pairs: _Pairs, labels: Labels, names: Sequence[str], model: str) -> None:
    known = set(labels.names)
    judged = np.array([names[label - 1] in known for label in pairs.label], np.bool_)
    own = _Pairs(pairs.label[judged], pairs.number[judged])
    if len(own.number) < _LEAST_OBJECTS:
        return
    right = float(np.mean(_named(own, labels, names)))
    meant = list(_meanings(own, labels, names))
    otherwise = sum(meaning.objects for meaning in meant) / len(own.number)
    if right > _WRONG and (otherwise < _OTHERWISE or len(meant) < _SEVERAL):
        return
    counts = [(float(np.mean(_named(own, other, names))), words, fix) for words, other, fix in _other_counts(labels)]
    would_be, words, fix = max(counts, key=lambda count: count[0])  # the first of equals
    if would_be >= max(_RIGHT, right):
        raise InputError(
            f"{model}: its class numbers are not those of {labels.source}: {words}; of "
            f"{many(len(own.number), 'golden object')} that a detection lies on, it names the class of "
            f"{percent(right)}, and would name that of {percent(would_be)} otherwise; {fix}"
        )
    if meant:
        raise InputError(
            f"{model}: {labels.source} names its classes otherwise: {listed([one.words for one in meant], 3)}; of "
            f"{many(len(own.number), 'golden object')} that a detection lies on, it names the class of "
            f"{percent(right)}; give the label file that the model was trained with"
        )


def _other_counts(labels: Labels) -> Iterator[tuple[str, Labels, str]]:
    """The ways to be off by one, each with its words and the fix; and places in a list instead of numbers with gaps."""
    first = labels.ids[0]
    option = "give --first-class {} to read them so"
    yield "they are one lower, as if it counted them from 0", labels.shifted(-1), option.format(first - 1)
    yield "they are one higher, as if the background were class 1", labels.shifted(1), option.format(first + 1)
    gapless = tuple(range(1, len(labels.ids) + 1))
    fix = "give a label file that numbers them so, such as a text file with one class a line"
    for start in (1, 0):
        if labels.ids != gapless:
            words = f"they count its classes from {start} on without gaps, and the file numbers them up to "
            yield f"{words}{labels.ids[-1]}", labels.placed(start), fix
    for step, which in ((1, "after"), (-1, "before")):
        yield (
            f"each stands for the class {which} the one that the file names",
            labels.turned(step),
            "give the label file that the model was trained with",
        )


@dataclass(frozen=True)
class _Meaning:
    """What a number seems to mean, in words, and how many objects of that class its detections lie on."""

    words: str
    objects: int


def _meanings(pairs: _Pairs, labels: Labels, names: Sequence[str]) -> Iterator[_Meaning]:
    """What numbers seem to mean, where that is clear and not what the label file says."""
    meaning = dict(zip(labels.ids, labels.names))
    for number in np.unique(pairs.number).tolist():
        lying = pairs.label[pairs.number == number]
        label = int(np.bincount(lying).argmax())
        share = float(np.mean(lying == label))
        if len(lying) >= _LEAST_OF_A_NUMBER and share >= _PURE and meaning.get(number) != names[label - 1]:
            said = shown(meaning[number]) if number in meaning else "no class"
            words = f"its class {number} lies on {shown(names[label - 1])} and is {said} there"
            yield _Meaning(words, int(np.sum(lying == label)))
