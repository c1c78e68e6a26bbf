"""Which earlier models a candidate is held against."""

from __future__ import annotations

import dataclasses
from typing import Any

from ratchet.components.registry.references import choose_references, line_of
from ratchet.schemas.artifacts.references import BEST, EARLIER
from ratchet.schemas.artifacts.registry_entries import RecordedDecision, ServedModel
from tests.builders import recorded_decision

STD_ERROR = 0.005


class Past:
    """What a registry holds after some pushes."""

    def __init__(self) -> None:
        self.versions: list[ServedModel] = []
        self.decisions: list[RecordedDecision] = []
        self._serve("BOOTSTRAPPED")

    def push(self, *gains: float, verdict: str = "PUSHED", **fields: Any) -> Past:
        for gain in gains:
            before = self.versions[-1]
            model = self._serve(verdict)
            whole = {"delta": gain, "delta_ci": (gain - 1.96 * STD_ERROR, gain + 1.96 * STD_ERROR)} | fields
            self.decisions.append(
                recorded_decision(
                    run_id=model.run_id,
                    model_digest=model.digest,
                    verdict="BLOCKED" if verdict == "APPROVED" else verdict,
                    baseline_version=before.version,
                    baseline_digest=before.digest,
                    **whole,
                )
            )
        return self

    def rollback(self, to: str) -> Past:
        target = next(model for model in self.versions if model.version == to)
        number = str(len(self.versions) + 1)
        self.versions.append(dataclasses.replace(target, version=number, restores=to, run_id=target.run_id))
        return self

    def _serve(self, verdict: str) -> ServedModel:
        number = str(len(self.versions) + 1)
        model = ServedModel(
            number,
            f"serving/{number}",
            f"digest-{number}",
            1,
            "golden",
            0.5,
            verdict,
            f"run-{number}",
            "2030-01-01",
            True,
        )
        self.versions.append(model)
        return model

    def chosen(self, pushes_ago: int = 5) -> dict[str, tuple[str, int]]:
        found = choose_references(self.versions[-1], self.versions, self.decisions, pushes_ago)
        return {reference.name: (reference.version, reference.pushes_ago) for reference in found}


def test_a_first_model_has_no_earlier_ones() -> None:
    assert Past().chosen() == {}


def test_gains_that_may_be_luck_leave_the_earliest_model_the_best() -> None:
    # Each of ten gains is half a standard error: the last is .025 above the first, which the set cannot tell apart.
    assert Past().push(*[0.0025] * 10).chosen() == {BEST: ("1", 10), EARLIER: ("6", 5)}


def test_a_clear_gain_makes_another_model_the_best() -> None:
    assert Past().push(0.001, 0.05, 0.001, 0.001).chosen() == {BEST: ("3", 2)}


def test_the_served_model_is_no_reference_of_itself() -> None:
    assert Past().push(0.05).chosen() == {}
    assert Past().push(0.05).chosen(pushes_ago=1) == {EARLIER: ("1", 1)}


def test_a_model_that_is_both_is_one_reference() -> None:
    assert Past().push(*[0.001] * 5).chosen() == {BEST: ("1", 5)}


def test_falls_within_a_margin_leave_the_best_where_it_was() -> None:
    assert Past().push(0.05, -0.02, -0.02).chosen(pushes_ago=9) == {BEST: ("2", 2)}


def test_an_approval_begins_anew() -> None:
    past = Past().push(0.001, 0.001).push(-0.2, verdict="APPROVED").push(0.001, 0.001)
    assert past.chosen() == {BEST: ("4", 2)}


def test_what_a_rollback_left_behind_is_no_reference_and_what_it_restored_is_itself() -> None:
    past = Past().push(0.001, 0.001).rollback("2")
    assert past.chosen(pushes_ago=1) == {BEST: ("1", 1)}
    past.push(0.001)
    assert past.chosen(pushes_ago=1) == {BEST: ("1", 2), EARLIER: ("4", 1)}  # version 2 is its bytes, too, and older
    assert [ancestor.model.version for ancestor in line_of(past.versions[-1], past.versions, past.decisions)] == [
        "5",
        "2",
        "1",
    ]


def test_a_decision_without_an_interval_or_a_lost_one_ends_the_line() -> None:
    assert Past().push(0.001, 0.001).push(0.001, delta_ci=None).chosen() == {}
    past = Past().push(0.001, 0.001)
    past.decisions.pop()
    assert past.chosen() == {}


def test_entries_that_restore_each_other_come_to_an_end() -> None:
    past = Past().push(0.001)
    past.versions = [dataclasses.replace(model, restores=other) for model, other in zip(past.versions, ("2", "1"))]
    assert len(past.chosen()) <= 1
