"""Rules about what can be counted without a model; they judge the first span of a pipeline too; pure.

What rejects is an export that went wrong beyond doubt, and is cheap to mend. What natural data may be as well, such as
many images without an object or a class that is not there this time, warns.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ratchet.components.data_gate.settings import FactLimits
from ratchet.schemas.artifacts.decisions import Reason
from ratchet.schemas.base.formatting import listed, many, percent
from ratchet.schemas.data import facts as counted
from ratchet.schemas.data.facts import DataSetFacts, Fact
from ratchet.schemas.data.feature_sample import FeatureSample

DUPLICATES, MISSING_CLASSES = "labels:duplicates", "facts:missing_classes"
_LOOK = 0.1  # of a limit, from which on a person should look
_MANY_EMPTY = 0.5  # of the images without an object, from which on a person should look
_FEW = 0.01  # of the objects with two classes
_MANY_CROWDS = 0.1  # of the objects
_ONLY_CROWDS = (
    ": nothing is left to train on or to measure; set iscrowd to 0 where a box holds one object, also where its mask "
    "is run-length encoded"
)
_CHANCE = 0.001  # of a class being in none of the images, from which on it is none
_EXPECTED = 2  # images of a class, from which on a person is told that there is none
_LISTED = 5


@dataclass(frozen=True)
class DetectorSight:
    """How small a detector can see.

    Attributes:
        input_px: longer side of its input.
        stride_px: of its finest level; what is smaller lies between two of its places.
    """

    input_px: int
    stride_px: int

    @classmethod
    def of(cls, model: Mapping[str, object]) -> DetectorSight | None:
        """Of a model's settings; None where the input size is still to be derived from data."""
        size, level = model.get("input_size"), model.get("min_level")
        if not isinstance(size, (list, tuple)) or not isinstance(level, int):
            return None
        return cls(max(int(side) for side in size), 2**level)


@dataclass(frozen=True)
class ClassShare:
    """Shares that a class has, 0..1: of the objects, and of the images that show it."""

    objects: float
    images: float


def class_shares(sample: FeatureSample, names: Sequence[str]) -> dict[str, ClassShare]:
    """The share of each class in what a served model was trained on.

    Args:
        sample: of its training images.
        names: its classes in label order.
    """
    owner = np.repeat(np.arange(len(sample)), sample.box_counts)
    return {
        name: ClassShare(
            float(np.mean(sample.labels == label)) if len(sample.labels) else 0.0,
            len(np.unique(owner[sample.labels == label])) / max(1, len(sample)),
        )
        for label, name in enumerate(names, start=1)
    }


def fact_reasons(
    facts: DataSetFacts,
    golden: DataSetFacts | None,
    trained_on: Mapping[str, ClassShare] | None,
    sight: DetectorSight | None,
    limits: FactLimits,
) -> list[Reason]:
    """Judges what was counted in a span.

    Args:
        facts: what was counted in the span.
        golden: the same of the golden set; None: there is none.
        trained_on: the share of each class in the served model's training data; None before the first model.
        sight: of the detector that is trained; None if its input size is not known yet.
        limits: what rejects.

    Returns:
        One reason a rule, passed ones too; each not tested for a span of an older version, which has no counts.
    """
    if not facts.images:
        expected = "a span whose images and labels were counted"
        return [Reason(DUPLICATES, expected, "nothing was counted when it was read", passed=True, tested=False)]
    reasons = [
        _share(
            DUPLICATES, "objects are", "labelled twice", facts.of(counted.REPEATED_OBJECTS), limits.repeated_objects
        ),
        _share("facts:blank", "images are", "empty: black, white or flat", facts.of(counted.BLANK), limits.blank),
        _share(
            "facts:outside_content",
            "objects are",
            "on an even border, outside of the picture",
            facts.of(counted.OUTSIDE_CONTENT),
            limits.outside_content,
        ),
        _unlabelled_end(facts, limits),
        _without_objects(facts, limits),
        _two_classes(facts.of(counted.TWO_CLASSES)),
        _crowds(facts.of(counted.CROWDS)),
        _class_ends(facts),
        _missing_classes(facts, golden, trained_on),
    ]
    reasons += [_few_objects(facts, limits)] if trained_on is None else []
    return reasons + ([_small(facts, sight, limits)] if sight else [])


def _share(rule: str, things: str, what: str, fact: Fact, limit: float) -> Reason:
    """A share that natural data has next to nothing of: beyond the limit the export is broken."""
    fails, warns = fact.share > limit, fact.share > _LOOK * limit
    return Reason(
        rule,
        f"at most {percent(limit)} of the {things.removesuffix(' are')} {what}",
        f"{_counted(fact, things)} {what}" + (f": {fact.detail}" if fact.detail else ""),
        passed=not fails,
        warning=warns and not fails,
        images=fact.images if warns else (),
        strength=_strength(fact.share, limit),
    )


def _counted(fact: Fact, things: str) -> str:
    """How many things there are, `objects are` or `images`.

    >>> _counted(Fact(0, 9), "objects are"), _counted(Fact(3, 9), "images")
    ('no object is', '3 of 9 images (33 %)')
    """
    if not fact.count:
        return f"no {things.replace('s are', ' is')}" if things.endswith("are") else f"no {things[:-1]}"
    things, _, verb = things.partition(" ")
    return f"{fact.count:,} of {fact.of:,} {things} ({percent(fact.share)}) {verb}".rstrip()


def _strength(found: float, limit: float) -> float | None:
    return found / limit if limit > 0 else None


def _unlabelled_end(facts: DataSetFacts, limits: FactLimits) -> Reason:
    fact = facts.of(counted.UNLABELLED_END)
    empty = facts.of(counted.WITHOUT_OBJECTS).count - fact.count
    fails = fact.share > limits.unlabelled_end
    others = f"of the {fact.of - fact.count:,} before them {empty or 'none'} {'have' if empty > 1 else 'has'} none"
    return Reason(
        "facts:unlabelled_end",
        f"labels to the last image, or at most {percent(limits.unlabelled_end)} of the images after them",
        f"the last {many(fact.count, 'image')} of {fact.of:,} have no object, {others}: an export before the labelling "
        "was done"
        if fact.count
        else "labels go on to the last image",
        passed=not fails,
        warning=bool(fact.count) and not fails,
        images=fact.images,
        strength=_strength(fact.share, limits.unlabelled_end),
    )


def _without_objects(facts: DataSetFacts, limits: FactLimits) -> Reason:
    fact = facts.of(counted.WITHOUT_OBJECTS)
    fails, warns = fact.share > limits.without_objects, fact.share > _MANY_EMPTY
    return Reason(
        "facts:without_objects",
        f"at most {percent(limits.without_objects)} of the images without an object",
        f"{_counted(fact, 'images are')} without an object",
        passed=not fails,
        warning=warns and not fails,
        images=fact.images if warns else (),
        strength=_strength(fact.share, limits.without_objects),
    )


def _two_classes(fact: Fact) -> Reason:
    """Only a warning: where classes contain each other, a box of each is right."""
    warns = fact.share > _FEW
    return Reason(
        "facts:two_classes",
        f"at most {percent(_FEW)} of the objects with a second box of another class",
        f"{_counted(fact, 'objects')} {'have' if fact.count else 'has'} a second box of another class",
        passed=True,
        warning=warns,
        images=fact.images if warns else (),
        strength=fact.share / _FEW,
    )


def _crowds(fact: Fact) -> Reason:
    """Crowds alone are no labels; of natural data sets OpenImages has most, 6 % of its boxes."""
    fails, warns = 0 < fact.count == fact.of, fact.share > _MANY_CROWDS
    return Reason(
        "facts:crowds",
        f"at most {percent(_MANY_CROWDS)} of the objects marked as crowds, which teach nothing and are not measured",
        f"{_counted(fact, 'objects are')} marked as a crowd (iscrowd 1)" + (_ONLY_CROWDS if fails else ""),
        passed=not fails,
        warning=warns and not fails,
        images=fact.images if warns else (),
        strength=fact.share / _MANY_CROWDS,
    )


def _class_ends(facts: DataSetFacts) -> Reason:
    ended = [
        f"{each.name} is in {each.images:,} of the first {each.ends_after:,} images and in none of the "
        f"{facts.images - each.ends_after:,} after them"
        for each in facts.classes
        if each.ends_after is not None
    ]
    expected = "every class in all parts of the span, or all classes one after the other"
    actual = listed(ended, _LISTED) if ended else "no class stops while the others go on"
    return Reason("facts:class_ends", expected, actual, passed=True, warning=bool(ended))


def _missing_classes(
    facts: DataSetFacts, golden: DataSetFacts | None, trained_on: Mapping[str, ClassShare] | None
) -> Reason:
    """Classes without an object that were there before, or are in the golden set.

    A served model keeps by replay what it learnt of a class from earlier spans: there it is a warning, and so is what
    may be chance. Before a first model it is the end of the class.
    """
    golden_shares = _shares(golden) if golden and golden.images else {}
    missing, least_chance = [], 0.0
    for name in (each.name for each in facts.classes if not each.objects):
        sources = {"before": trained_on or {}, "in the golden set": golden_shares}
        shares = {where: source[name] for where, source in sources.items() if name in source}
        where = max(shares, key=lambda where: shares[where].images, default="")
        if where and shares[where].images * facts.images >= _EXPECTED:
            missing.append(f"no {name} in this span; {percent(shares[where].objects)} of the objects {where}")
            least_chance = min(least_chance, facts.images * float(np.log1p(-min(shares[where].images, 0.999))))
    fails = trained_on is None and least_chance < np.log(_CHANCE)
    return Reason(
        MISSING_CLASSES,
        "objects of every class that was there before or is in the golden set",
        listed(missing, _LISTED) if missing else "no class is missing",
        passed=not fails,
        warning=bool(missing) and not fails,
        strength=float(least_chance / np.log(_CHANCE)),
    )


def _shares(facts: DataSetFacts) -> dict[str, ClassShare]:
    return {
        each.name: ClassShare(each.objects / max(1, facts.objects), each.images / facts.images)
        for each in facts.classes
    }


def _few_objects(facts: DataSetFacts, limits: FactLimits) -> Reason:
    singles = {each: each.objects - each.crowds for each in facts.classes}
    few = [
        f"{each.name} {count:,}" + (f" beside {many(each.crowds, 'crowd')}" if each.crowds else "")
        for each, count in singles.items()
        if count < limits.min_objects
    ]
    return Reason(
        "facts:few_objects",
        f"at least {limits.min_objects} objects of every class to learn it from",
        listed(few, _LISTED) if few else f"at least {min(singles.values(), default=0):,} of every class",
        passed=True,
        warning=bool(few),
    )


def unseen_small_objects(trainer: str) -> Reason:
    """That nobody knows how small a detector can see.

    Args:
        trainer: the function that trained it.
    """
    return Reason(
        "facts:small_objects",
        "objects above the detector's finest stride",
        f"the served model was trained by {trainer}, and its finest stride is not known",
        passed=True,
        tested=False,
    )


def _small(facts: DataSetFacts, sight: DetectorSight, limits: FactLimits) -> Reason:
    share = facts.share_below(sight.stride_px / sight.input_px)
    median = facts.side_shares[50] * sight.input_px if facts.side_shares else 0.0
    return Reason(
        "facts:small_objects",
        f"at most {percent(limits.small)} of the objects below {sight.stride_px} px, the detector's finest stride, at "
        f"its input of {sight.input_px} px",
        f"{f'{percent(share)} of the objects are' if share else 'no object is'} below {sight.stride_px} px at the "
        f"detector's input size of {sight.input_px} px; the median object has {median:.0f} px"
        if facts.side_shares
        else "there is no object",
        passed=True,
        warning=share > limits.small,
        strength=_strength(share, limits.small),
    )
