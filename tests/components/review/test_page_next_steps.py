"""What a person is told to do next: advice, and commands that can be given as they stand."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from ratchet.components.review.sections.next_steps import advice, first_command, next_section
from ratchet.schemas.artifacts.decisions import Verdict
from ratchet.schemas.artifacts.history import History
from ratchet.schemas.artifacts.shadow import Disagreement, Shadow
from tests.builders import training_record
from tests.components.review.content import bootstrapped, content, data_set, evaluation, reason, rejected, unnamed
from tests.components.review.test_page import FALLEN, NO_FINDINGS, text_of


def test_what_changed_a_training_on_purpose_is_not_repeated_by_habit() -> None:
    record = training_record(declared_changes=("learning_rate: peak 0.002 -> 0.1",))
    changed = "--set training.retrain.learning_rate_fraction=12 --set 'training.allow=[learning_rate]'"
    given = f"ratchet run --data spans {changed} --root r"
    shown = content(evaluation=FALLEN, data=NO_FINDINGS, candidate=record, command=given)
    seen = text_of(next_section(shown))
    assert "ratchet run --data spans --root r Copy" in seen
    assert "Left out: --set training.retrain.learning_rate_fraction=12, --set training.allow=[learning_rate]" in seen


def test_advice_on_a_broken_evaluation_comes_first() -> None:
    broken = evaluation(reason("trust:leak"), reason())
    steps = advice(content(evaluation=broken, diagnosis=unnamed(action="Mend the evaluation first.")))
    assert steps[0].startswith("Remove the copies")
    assert steps[-1] == "Mend the evaluation first."


def test_a_served_model_needs_no_advice() -> None:
    assert advice(bootstrapped()) == []


@pytest.mark.parametrize(
    ("shown", "expected", "absent"),
    [
        (
            content(),
            ["ratchet approve span-2-0123abcd-1 --root ratchet-root", "--expires 2030-01-29"],
            ["--evaluation-broken"],
        ),
        (content(evaluation=evaluation(reason("trust:leak"))), ["--expires 2030-01-29 --evaluation-broken"], []),
        (rejected(), ["--set data_gate.mode=observe"], ["ratchet approve"]),
        (bootstrapped(), ["ratchet history --root ratchet-root --open"], ["ratchet approve", "ratchet rollback"]),
    ],
)
def test_the_commands_are_those_that_can_be_given(shown: Any, expected: list[str], absent: list[str]) -> None:
    seen = text_of(next_section(shown))
    assert all(part in seen for part in expected)
    assert not any(part in seen for part in absent)


def test_run_again_repeats_what_let_the_span_pass_until_a_model_was_pushed_with_it() -> None:
    command = "ratchet run --config pets.yaml --data spans --span 2"
    assert f"{command} --set data_gate.mode=observe Copy" in text_of(next_section(content()))
    pushed = content(evaluation=evaluation(verdict=Verdict.PUSHED, golden=data_set(0.8)))
    seen = text_of(next_section(pushed))
    assert "ratchet run --config pets.yaml --data spans --span 3 Copy" in seen
    assert "Left out: --set data_gate.mode=observe" in seen


def test_the_next_span_needs_no_bootstrap_and_what_was_served_before_can_be_served_again() -> None:
    command = "/opt/venv/bin/ratchet run --data spans --span 2 --bootstrap --root r"
    first = text_of(next_section(dataclasses.replace(bootstrapped(), command=command)))
    assert "/opt/venv/bin/ratchet run --data spans --span 3 --root r Copy" in first
    assert "/opt/venv/bin/ratchet status --root" in first
    pushed = evaluation(verdict=Verdict.PUSHED, golden=data_set(0.8))
    assert "rollback" in text_of(next_section(content(evaluation=pushed, pushed_version="5", served="4")))
    assert "rollback" not in text_of(next_section(content(history=History((), ()))))


def test_a_placeholder_of_a_command_is_one_that_is_refused() -> None:
    assert """--by "$USER" --reason 'REPLACE: """ in text_of(next_section(content()))


def test_after_an_observed_run_observing_is_not_proposed() -> None:
    observed = dataclasses.replace(content().data, passed=True)
    assert observed.failures
    seen = text_of(next_section(content(data=observed)))
    assert "train on it in observe mode" not in seen
    assert "Train on this span all the same" not in seen


def test_run_again_does_not_repeat_by_habit_that_a_decided_run_was_wanted_once_more() -> None:
    seen = text_of(next_section(content(command="ratchet run --data spans --again --span 2 --anew")))
    assert "ratchet run --data spans --span 2 Copy" in seen
    assert "as it was, with --again" in seen


def test_a_root_with_spaces_is_quoted_in_commands() -> None:
    assert "--root 'my root'" in text_of(next_section(content(root="my root")))


def test_where_logged_requests_alone_hold_a_candidate_the_first_command_shows_them() -> None:
    shadow = Shadow(log="/data/a log", overall=Disagreement(40, 9, 90, 2, 6, 2))
    held = dataclasses.replace(evaluation(reason("shadow"), verdict=Verdict.INCONCLUSIVE), shadow=shadow)
    text = "ratchet shadow span-2-0123abcd-1 --log '/data/a log' --root ratchet-root --open"
    assert first_command(content(evaluation=held)) == text
    assert "ratchet approve span-2-0123abcd-1" in text_of(next_section(content(evaluation=held)))
    fallen = dataclasses.replace(evaluation(reason("map_drop"), reason("shadow")), shadow=shadow)
    assert "ratchet shadow" not in first_command(content(evaluation=fallen))
