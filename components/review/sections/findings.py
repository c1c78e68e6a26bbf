"""What a rule found, in words; pure text, not yet escaped."""

from __future__ import annotations

from components.pages.comparisons import in_words
from components.pages.words import rule_title
from components.review.content import ReviewContent
from schemas.artifacts.decisions import Reason

_LONGEST = 200


def found_in_words(content: ReviewContent, reason: Reason) -> str:
    """A rule that failed and what it found; of compared data the medians rather than the distance."""
    compared = next((entry for entry in content.comparisons if f"{entry.kind}:{entry.feature}" == reason.rule), None)
    found = stopped(shortened(reason.actual)) if compared is None else in_words(compared)
    return f"{rule_title(reason.rule, passed=False)}: {found}"


def shortened(text: str, longest: int = _LONGEST) -> str:
    """The beginning of a long text, up to a word's end; without a full stop.

    >>> shortened("done."), shortened("one two three", 9)
    ('done', 'one two ...')
    """
    if len(text) <= longest:
        return text.rstrip(". ")
    return f"{text[:longest].rpartition(' ')[0].rstrip(',;:. ')} ..."


def stopped(text: str) -> str:
    """A sentence with its full stop; one that was cut has its own.

    >>> stopped("done"), stopped("one two ...")
    ('done.', 'one two ...')
    """
    return text if text.endswith("...") else f"{text}."
