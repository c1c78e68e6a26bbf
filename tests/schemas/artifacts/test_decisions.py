from __future__ import annotations

import pytest

from ratchet.schemas.artifacts.decisions import Decision, Reason, Verdict


def test_a_reason_is_a_sentence() -> None:
    assert Reason("map_drop", "at least .5", ".4").sentence == "map_drop: expected at least .5; found .4"


@pytest.mark.parametrize(
    ("rules", "broken"),
    [
        (["map_drop", "class_drop:cat"], False),
        (["map_drop", "trust:leak"], True),
        (["map_defined"], True),
        (["no_rules"], True),
        (["trust:golden_budget"], False),
        (["trust:golden_budget", "trust:leak"], True),
        ([], False),
    ],
)
def test_an_evaluation_is_broken_if_a_rule_about_itself_failed(rules: list[str], broken: bool) -> None:
    passed = Reason("trust:enough", "10 images", "200 images", passed=True)
    failed = [Reason(rule, "this", "that") for rule in rules]
    assert Decision(Verdict.BLOCKED, (passed, *failed)).evaluation_broken is broken


def test_only_a_pushed_candidate_and_a_first_model_go_into_service() -> None:
    assert [verdict for verdict in Verdict if verdict.pushes] == [Verdict.PUSHED, Verdict.BOOTSTRAPPED]
