"""What a page says of a rule; pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class RuleWords:
    """Plain words for a rule.

    Attributes:
        title: a short statement of what is wrong; `{of}` is what the rule's name says after its colon.
        right: the same when the rule passed.
        advice: what to do; `{next}` is the directory name of the span's next version. Empty for a fall of mAP: what
            follows from that is for its causes to say.
    """

    title: str
    right: str
    advice: str = ""
