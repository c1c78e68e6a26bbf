"""What a rule is called on the page, and what a person can do when it fails, by a rule's name or its beginning."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterable, Mapping

from ratchet.components.pages.data_words import DATA_WORDS, OBSERVED, RELABEL
from ratchet.components.pages.evaluation_words import EVALUATION_WORDS, UNCLEAR_WORDS
from ratchet.components.pages.features import short_title
from ratchet.components.pages.rule_text import RuleWords
from ratchet.schemas.base.differences import Clarity
from ratchet.schemas.base.formatting import capital, listed
from ratchet.schemas.data.dataset import DataSetInfo

NO_WORDS: Mapping[str, RuleWords] = {}
_WORDS = DATA_WORDS | EVALUATION_WORDS
_NAMED = 4  # classes or features in one piece of advice


_PART = "part:"  # before the name of a rule that is asked of a part of a span


def rule_title(
    rule: str, passed: bool, clarity: Clarity = Clarity.CLEAR, own: Mapping[str, RuleWords] = NO_WORDS
) -> str:
    """A rule's name in plain words.

    Args:
        rule: its name.
        passed: whether it passed.
        clarity: whether the difference that it is about is one.
        own: words of the page, which stand before the usual ones.

    >>> rule_title("drift:qa/contrast", passed=False)
    'Drift of contrast from the training data'
    >>> rule_title("something_new:x", passed=True)
    'Something new: x'
    >>> rule_title("map_drop", passed=False, clarity=Clarity.NOISE)
    'No measurable difference of mAP'
    >>> rule_title("part:labels:size", passed=False)
    'Labelled boxes have the wrong size, in a part of the span'
    """
    if rule.startswith(_PART):
        return f"{rule_title(rule.removeprefix(_PART), passed, clarity, own)}, in a part of the span"
    words, of = _found(rule, clarity, own)
    title = (words.right if passed else words.title) if words else ""
    if not title or ("{of}" in title and not of):
        return capital(rule.replace("_", " ").replace(":", ": "))
    return capital(title.replace("{of}", _subject(rule, of)))


def rule_subject(rule: str) -> str:
    """What a rule is about, where nobody knows whether it is kept.

    >>> rule_subject("labels:noise"), rule_subject("drift:qa/contrast"), rule_subject("drift")
    ('Labels: noise', 'Contrast: drift', 'Drift')
    """
    kind, _, of = rule.partition(":")
    if kind in ("drift", "skew") and of:
        return f"{capital(short_title(of))}: {kind}"
    return capital(rule.replace("_", " ").replace(":", ": "))


def _found(rule: str, clarity: Clarity, own: Mapping[str, RuleWords] = NO_WORDS) -> tuple[RuleWords | None, str]:
    """The words of the longest beginning of a rule's name that has some, and the rest of the name."""
    parts, unclear = rule.removeprefix(_PART).split(":"), UNCLEAR_WORDS.get(clarity, {})
    tables = (unclear, own, _WORDS) if clarity is Clarity.NOISE else (own, unclear, _WORDS)
    for length in range(len(parts), 0, -1):
        name = ":".join(parts[:length])
        words = next((table[name] for table in tables if name in table), None)
        if words:
            return words, ":".join(parts[length:])
    return None, ""


def next_steps(
    span: DataSetInfo,
    failed: Iterable[str],
    clarity_of: Callable[[str], Clarity] = lambda _: Clarity.CLEAR,
    observed: bool = False,
) -> list[str]:
    """What a person can do about rules that failed, without repetition, in their order.

    Args:
        span: the data set that was judged.
        failed: names of the rules.
        clarity_of: whether the difference that a rule is about is one.
        observed: whether observing is no way on, because it was done or because another rule stops every run.
    """
    following, place = _next_delivery(span)
    subjects: dict[str, list[str]] = {}
    for rule in failed:
        words, of = _found(rule, clarity_of(rule))
        text = words.advice if words else RELABEL
        if not text:
            continue
        subjects.setdefault(OBSERVED.get(text, text) if observed else text, []).append(_subject(rule, of))
    return [
        advice.replace("{next}", following).replace("{of}", listed(names, _NAMED))
        + (place if "{next}" in advice else "")
        for advice, names in subjects.items()
    ]


def _subject(rule: str, of: str) -> str:
    name = rule.partition(":")[0]
    if name in ("drift", "skew", "schema"):
        return short_title(of)
    return of if name.startswith(("class_", "slice_")) else of.replace("_", " ")


def _next_delivery(span: DataSetInfo) -> tuple[str, str]:
    """What the corrected data is to be called, and where it goes."""
    if not span.span:
        return "a corrected copy", ""
    directory = posixpath.dirname(span.source)
    name = f"span-{span.span}-version-{span.version + 1}"
    return name, f" Put it into {directory or '.'}; of each span the newest version is taken."
