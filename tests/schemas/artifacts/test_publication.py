from __future__ import annotations

from ratchet.schemas.artifacts.decisions import Decision, Reason, Verdict
from ratchet.schemas.artifacts.publication import PublicationResult

PASSED = Reason("serving:loads", "it answers", "it does", passed=True)
REFUSED = Reason("baseline_changed", "version 1", "version 2")
YES = Decision(Verdict.PUSHED, (Reason("map_drop", "no fall", "none", passed=True),))


def test_what_was_refused_at_the_door_is_blocked_for_that_reason() -> None:
    final = PublicationResult(None, (PASSED, REFUSED)).final(YES)
    assert (final.verdict, final.failures) == (Verdict.BLOCKED, (REFUSED,))
    assert PublicationResult("7", (PASSED,)).final(YES).verdict is Verdict.PUSHED


def test_a_refusal_never_turns_a_no_into_something_else() -> None:
    no = Decision(Verdict.INCONCLUSIVE, (REFUSED,))
    assert PublicationResult().final(no) == no
