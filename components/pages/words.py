"""What a rule is called on the page, and what a person can do when it fails."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable

from components.pages.data_words import DATA_WORDS, RELABEL
from components.pages.evaluation_words import EVALUATION_WORDS
from components.pages.features import short_title
from components.pages.rule_words import RuleWords
from schemas.base.formatting import capital, listed
from schemas.data.dataset import DataSetInfo

_WORDS = DATA_WORDS | EVALUATION_WORDS
_NAMED = 4  # classes or features in one piece of advice


def rule_title(rule: str, passed: bool) -> str:
    """A rule's name in plain words.

    >>> rule_title("drift:qa/contrast", passed=False)
    'Contrast: not like the data the served model was trained on'
    >>> rule_title("something_new:x", passed=True)
    'Something new: x'
    """
    words, of = _found(rule)
    title = (words.right if passed else words.title) if words else ""
    if not title or ("{of}" in title and not of):
        return capital(rule.replace("_", " ").replace(":", ": "))
    return capital(title.replace("{of}", _subject(rule, of)))


def _found(rule: str) -> tuple[RuleWords | None, str]:
    """The words of the longest beginning of a rule's name that has some, and the rest of the name."""
    parts = rule.split(":")
    for length in range(len(parts), 0, -1):
        words = _WORDS.get(":".join(parts[:length]))
        if words:
            return words, ":".join(parts[length:])
    return None, ""


def next_steps(span: DataSetInfo, failed: Iterable[str]) -> list[str]:
    """What a person can do about rules that failed, without repetition, in their order.

    Args:
        span: the data set that was judged.
        failed: names of the rules.
    """
    following = f"span-{span.span}-version-{span.version + 1}"
    place = f" It is a directory beside {posixpath.basename(span.source)}; the newest version is taken by itself."
    subjects: dict[str, list[str]] = {}
    for rule in failed:
        words, of = _found(rule)
        subjects.setdefault(words.advice if words else RELABEL, []).append(_subject(rule, of))
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
