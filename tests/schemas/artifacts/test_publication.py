from __future__ import annotations

import json

import pytest

from schemas.artifacts.decisions import Decision, Reason, Verdict
from schemas.artifacts.publication import PublicationResult
from schemas.base.errors import StateError

PASSED = Reason("serving:loads", "it answers", "it does", passed=True)
REFUSED = Reason("baseline_changed", "version 1", "version 2")
YES = Decision(Verdict.PUSHED, (Reason("map_drop", "no fall", "none", passed=True),))


def test_it_goes_to_json_and_back() -> None:
    for result in (PublicationResult("7", (PASSED,)), PublicationResult(None, (PASSED, REFUSED)), PublicationResult()):
        assert PublicationResult.from_json(result.to_json(), "x") == result


def test_what_was_refused_at_the_door_is_blocked_for_that_reason() -> None:
    final = PublicationResult(None, (PASSED, REFUSED)).final(YES)
    assert (final.verdict, final.failures) == (Verdict.BLOCKED, (REFUSED,))
    assert PublicationResult("7", (PASSED,)).final(YES).verdict is Verdict.PUSHED


def test_a_refusal_never_turns_a_no_into_something_else() -> None:
    no = Decision(Verdict.INCONCLUSIVE, (REFUSED,))
    assert PublicationResult().final(no) == no


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"format": 1}', '{"format": "x", "version": null}'])
def test_a_torn_file_is_named_with_the_way_out(text: str) -> None:
    with pytest.raises(StateError, match=r"publication\.json: not what the Pusher wrote .*--anew"):
        PublicationResult.from_json(text, "publication.json")


def test_a_later_format_is_not_guessed_at() -> None:
    later = json.loads(PublicationResult("7").to_json()) | {"format": 2}
    with pytest.raises(StateError, match="format 2 is newer"):
        PublicationResult.from_json(json.dumps(later), "publication.json")
