"""What a rule found, in words; pure text, not yet escaped."""

from __future__ import annotations

from components.pages.comparisons import in_words
from components.pages.words import rule_title
from components.review.content import ReviewContent
from schemas.decisions import Reason

_CUT = 300


def found_in_words(content: ReviewContent, reason: Reason) -> str:
    """A rule that failed and what it found; of compared data the medians rather than the distance."""
    compared = next((entry for entry in content.comparisons if f"{entry.kind}:{entry.feature}" == reason.rule), None)
    found = f"{reason.actual[:_CUT]}." if compared is None else in_words(compared)
    return f"{rule_title(reason.rule, passed=False)}: {found}"
