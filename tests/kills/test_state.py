"""What looks at a root after a kill sees what is wrong with it."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from tests.kills.state import Expected, State, contradictions, wrong_in_root
from tests.kills.tiny import PUSH

WHOLE = State(
    served=("200", "new", "run 2"),
    visible={"100": "old", "200": "new"},
    decisions=(("run 1", "BOOTSTRAPPED"), ("run 2", "PUSHED")),
    begun=False,
    blessed="new",
    status={"served": {"version": "200"}, "problem": None},
    files=("registry/versions/200.json", "serving/tiny/200", "runs/run 2/result.json"),
)
EXPECTED = Expected(PUSH, "run 2", frozenset(["old", "new"]), WHOLE)


def test_a_root_that_is_as_it_should_be_whatever_the_time() -> None:
    later = dataclasses.replace(
        WHOLE,
        served=("300", "new", "run 2"),
        visible={"100": "old", "300": "new"},
        status={"served": {"version": "300"}},
        files=("registry/versions/300.json", "serving/tiny/300", "runs/run 2/result.json", "runs/x.7.writing"),
    )
    assert list(wrong_in_root(later, EXPECTED)) == []


@pytest.mark.parametrize(
    ("changed", "complaint"),
    [
        ({"begun": True}, "unfinished"),
        ({"served": None}, "nothing is served"),
        ({"visible": {"100": "old", "200": "new", "300": "half"}}, "TensorFlow Serving sees"),
        ({"visible": {"100": "old", "200": "damaged"}}, "TensorFlow Serving sees"),
        ({"blessed": "old"}, "latest blessed"),
        ({"status": {"served": {"version": "100"}}}, "status says"),
        ({"status": {"served": {"version": "200"}, "problem": "contradiction"}}, "status says"),
    ],
)
def test_a_contradiction_is_seen(changed: dict[str, Any], complaint: str) -> None:
    [found] = contradictions(dataclasses.replace(WHOLE, **changed))
    assert complaint in found


@pytest.mark.parametrize(
    ("changed", "complaint"),
    [
        ({"served": ("200", "new", "run 3")}, "served is"),
        ({"visible": {"100": "old", "150": "new", "200": "new"}}, "visible are"),
        ({"decisions": (("run 2", "PUSHED"),)}, "decisions"),
        ({"files": (*WHOLE.files, "serving/tiny/unfinished-1")}, "should not be there"),
        ({"files": WHOLE.files[:2]}, "or are missing"),
    ],
)
def test_another_end_than_the_expected_one_is_seen(changed: dict[str, Any], complaint: str) -> None:
    assert any(complaint in found for found in wrong_in_root(dataclasses.replace(WHOLE, **changed), EXPECTED))
