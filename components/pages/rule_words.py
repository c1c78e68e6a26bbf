"""What can be said about a rule in plain words."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class RuleWords:
    """Plain words for a rule.

    Attributes:
        title: a short statement of what is wrong; `{of}` is what the rule's name says after its colon.
        right: the same when the rule passed.
        advice: what to do; `{next}` is the directory name of the span's next version.
    """

    title: str
    right: str
    advice: str
