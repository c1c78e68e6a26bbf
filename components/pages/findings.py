"""What a data gate found: each cause as a card with what shows it and follows from it, then what was not tested."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup
from PIL import Image, UnidentifiedImageError

from ratchet.components.pages.comparisons import Feature, feature_of
from ratchet.components.pages.html import render
from ratchet.components.pages.overlay import Box, Layer, Stage, image_id, layers_of
from ratchet.components.pages.rule_words import rule_title
from ratchet.components.pages.states import STATES
from ratchet.schemas.artifacts.data_evidence import Comparison, DataPictures, Picture, Pictures, View
from ratchet.schemas.artifacts.decisions import DataDecision, Reason, State
from ratchet.schemas.base.formatting import capital, many

MOST_PICTURES = 6  # a rule
_LAYERS = {
    "labels": "labels",
    "detections": "detections of the served model",
    "given": "boxes as the file gives them",
    "read": "boxes read otherwise",
}
_ROUGH_PX = (480, 360)  # of a picture whose file is none


def counts_in_words(decision: DataDecision) -> str:
    """How many rules are in each state, so that they add up to all.

    >>> counts_in_words(DataDecision(True, (Reason("schema", "", "", passed=True),)))
    '1 rule: 1 passed'
    """
    counts = decision.counts
    words = {
        State.FAILED: "{} failed",
        State.FOLLOWS: "{} follows from another" if counts[State.FOLLOWS] == 1 else "{} follow from others",
        State.WARNING: "{} warning" if counts[State.WARNING] == 1 else "{} warnings",
        State.NOT_TESTED: "{} not tested",
        State.PASSED: "{} passed",
    }
    told = [words[state].format(counts[state]) for state in State if counts[state] or state is State.PASSED]
    return f"{many(len(decision.reasons), 'rule')}: {', '.join(told)}"


def untested_in_words(reasons: Iterable[Reason]) -> list[tuple[list[str], str]]:
    """Rules that were not tested, together where the reason is one, and why.

    Args:
        reasons: of the state NOT_TESTED.
    """
    by_why: dict[str, list[str]] = {}
    for reason in reasons:
        found = reason.actual.removeprefix("not tested").lstrip(": ")
        why = found if reason.cause else f"{found}; it takes {reason.expected}"
        by_why.setdefault(why, []).append(reason.rule)
    return [(rules, why) for why, rules in by_why.items()]


def in_short(reason: Reason) -> str:
    """What a rule found, without what is said besides: of a finding that follows from another, that is enough.

    >>> in_short(Reason("drift:qa/contrast", "", "less contrast, by 14 %: 18 here, 21 in training; the model copes"))
    'less contrast, by 14 %: 18 here, 21 in training'
    """
    return reason.actual.partition("; ")[0]


@dataclass(frozen=True)
class Shot:
    """A picture as it is shown: an image, or two side by side, and its caption."""

    stages: tuple[Stage, ...]
    name: str
    caption: str


@dataclass(frozen=True)
class FindingCard:
    """A cause.

    Attributes:
        reason: the rule that failed or warned.
        kind: CSS class of its state.
        word: its state in a word.
        title: of the rule.
        feature: what the rule compares; None if it compares no distributions.
        shots: what shows it.
        usual: images as they should be.
        usual_title: what these are: `training images of span 2`.
        further: names of further images that show it.
        following: what follows from it: title, what was found in short, and rule.
        untested: rules that were not tested because of it.
    """

    reason: Reason
    kind: str
    word: str
    title: str
    feature: Feature | None
    shots: tuple[Shot, ...]
    usual: tuple[Shot, ...]
    usual_title: str
    further: tuple[str, ...]
    following: tuple[tuple[str, str, str], ...]
    untested: tuple[str, ...]


def finding_cards(
    decision: DataDecision, pictures: DataPictures, comparisons: Sequence[Comparison], budget: int
) -> Markup:
    """A card for every cause that failed, then for every one that warned, each with what follows from it folded below.

    Args:
        decision: its rules in the order of explanation.
        pictures: those there are.
        comparisons: what drift and skew rest on.
        budget: bytes of all JPEGs.
    """
    found = [*decision.failures, *decision.warnings]
    rules = [reason.rule for reason in found]
    shown = affordable(rules, pictures.pictures, budget)
    left = budget - sum(picture.size_bytes for each in shown.values() for picture in each)
    usual = affordable(rules, pictures.usual, left)
    compared = {f"{entry.kind}:{entry.feature}": entry for entry in comparisons}
    cards = [
        _card(reason, decision, shown[reason.rule], usual[reason.rule], compared.get(reason.rule)) for reason in found
    ]
    stages = [stage for card in cards for shot in (*card.shots, *card.usual) for stage in shot.stages]
    legend = [(layer.name, "right", layer.title) for layer in layers_of(stages)]
    return render("pages/templates/findings.html", cards=cards, legend=legend)


def _card(
    reason: Reason,
    decision: DataDecision,
    pictures: Sequence[Picture],
    usual: Sequence[Picture],
    comparison: Comparison | None,
) -> FindingCard:
    kind, word = STATES[reason.state]
    following = decision.following_from(reason)
    causes = {reason.rule, *(each.rule for each in following)}
    shots, beside = (tuple(shot_of(reason.rule, each) for each in group) for group in (pictures, usual))
    shown = {picture.file_name for picture in pictures}
    return FindingCard(
        reason=reason,
        kind=kind,
        word=word,
        title=rule_title(reason.rule, passed=False),
        feature=feature_of(comparison, reason) if comparison is not None else None,
        shots=shots,
        usual=beside,
        usual_title=usual[0].views[0].title.replace("image", "images", 1) if usual else "",
        further=tuple(name for name in reason.images if name not in shown),
        following=tuple(
            (rule_title(each.rule, passed=False), capital(in_short(each)), each.rule) for each in following
        ),
        untested=tuple(each.rule for each in decision.untested if each.cause in causes),
    )


def affordable(rules: Sequence[str], pictures: Pictures, budget: int) -> dict[str, list[Picture]]:
    """Pictures of each rule that fit into the page: the worst of every rule first, then the second worst, ...

    Args:
        rules: in the order of importance.
        pictures: those there are.
        budget: bytes of all JPEGs; base64 adds a third.
    """
    chosen: dict[str, list[Picture]] = {rule: [] for rule in rules}
    left = budget
    for place in range(MOST_PICTURES):
        for rule in chosen:
            candidates = pictures.get(rule, ())
            if place < len(candidates) and candidates[place].size_bytes <= left:
                left -= candidates[place].size_bytes
                chosen[rule].append(candidates[place])
    return chosen


def shot_of(rule: str, picture: Picture) -> Shot:
    """A picture as it is shown.

    Args:
        rule: what shows it, for its place in the address.
        picture: what is shown.
    """
    figure = image_id(f"{rule} {picture.views[0].title} {picture.file_name}".replace("  ", " "))
    stages = (_stage(picture, view, figure if not place else "") for place, view in enumerate(picture.views))
    return Shot(tuple(stages), picture.file_name, picture.caption)


def _stage(picture: Picture, view: View, figure: str) -> Stage:
    layers = tuple(
        Layer(
            each.name,
            _LAYERS.get(each.name, each.name),
            tuple(
                Box(box, text, text or _LAYERS.get(each.name, each.name))
                for box, text in zip(each.boxes_xywh_px, each.texts or [""] * len(each.boxes_xywh_px))
            ),
        )
        for each in view.layers
    )
    told = ": ".join(text for text in (view.title, picture.file_name, picture.caption) if text)
    return Stage(picture.file_name, view.jpeg, _size_of(view), told, layers, figure)


def _size_of(view: View) -> tuple[int, int]:
    """Of a picture that an older version drew, its own size: what was drawn is in it."""
    if all(view.size_px):
        return view.size_px
    try:
        with Image.open(io.BytesIO(view.jpeg)) as image:
            return image.size
    except (UnidentifiedImageError, OSError):
        return _ROUGH_PX


def untested_list(reasons: Iterable[Reason]) -> Markup:
    """What was not tested, and why."""
    return render("pages/templates/findings.html", untested=untested_in_words(reasons))
