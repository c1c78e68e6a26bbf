"""What the report's own tables show."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from ratchet.components.review.tfma_view.results import Bound, Failure, Threshold, Validation
from ratchet.components.review.tfma_view.runs import RunName, names_of
from ratchet.components.review.tfma_view.tables import (
    Cell,
    Held,
    class_rows,
    crossed_tables,
    held_rows,
    overall_rows,
    series_rows,
    slice_rows,
)
from ratchet.schemas.artifacts.registry_entries import RecordedDecision
from tests.components.review.tfma_view.runs import of_both, of_class, results, run_name

FLOOR, DROP = Threshold((), "AP", Bound(0.4)), Threshold((), "AP", Bound(-0.02, change="absolute"))
CAT = Threshold(of_class("cat"), "AP", Bound(0.3))


def test_a_threshold_has_its_bound_and_the_value_that_was_held_against_it() -> None:
    cat = {of_class("cat"): (0.35, 0.5)}
    validation = Validation(True, thresholds=(FLOOR, DROP, CAT, Threshold(of_class("auk"), "AP", Bound(0.1))))
    assert held_rows(results(slices=cat, validation=validation)) == [
        Held("the golden set", "AP", "at least 0.4000", "0.4500", "passed"),
        Held("the golden set", "AP", "difference at least \u22120.0200", "\u22120.0500", "passed"),
        Held("class:cat", "AP", "at least 0.3000", "0.3500", "passed"),
        Held("class:auk", "AP", "at least 0.1000", "\u2013", "not tested"),
    ]


def test_what_failed_is_as_tfmas_file_says_and_stands_first() -> None:
    rule = Failure(Threshold((), "trust:leak", Bound()), None, "trust:leak: expected no leak; found image 3 in span 2")
    drop = Failure(DROP, -0.05, "map_drop: expected at least 0.5; found 0.45")
    rows = held_rows(results(validation=Validation(False, False, (FLOOR, DROP), (rule, drop))))
    assert rows == [
        Held("the golden set", "trust:leak", "no leak", "image 3 in span 2", "failed"),
        Held("the golden set", "AP", "difference at least \u22120.0200", "\u22120.0500", "failed"),
        Held("the golden set", "AP", "at least 0.4000", "0.4500", "passed"),
    ]


def test_a_bound_below_zero_of_an_interval_has_its_sign() -> None:
    lower = Threshold((), "AP_diff_lower95", Bound(-0.03))
    [row] = held_rows(results(validation=Validation(False, failures=(Failure(lower, -0.07, "map_interval: x"),))))
    assert (row.bound, row.value) == ("at least \u22120.0300", "\u22120.0700")
    assert Bound(-0.0, change="absolute").text == "difference at least +0.0000"
    assert Bound(0.1, 0.9).text == "at least 0.1000 and at most 0.9000"


def test_classes_and_slices_are_by_their_fall() -> None:
    slices = {
        of_class("up"): (0.6, 0.5),
        of_class("none"): (None, 0.5),
        of_class("down"): (0.2, 0.5),
        (("camera", "north"),): (0.5, 0.5),
    }
    shown = results(slices=slices)
    assert [row.name for row in class_rows(shown)] == ["down", "up", "none"]
    [north] = slice_rows(shown)
    assert (north.name, north.images, north.objects) == ("camera:north", 40, 90)
    assert [row.name for row in overall_rows(shown)][:3] == ["AP", "AP50", "AP75"]


def test_crossed_classes_have_a_cell_for_each_value_and_the_largest_fall_first() -> None:
    slices = {
        of_both("cat", "object_size", "small"): (0.4, 0.5),
        of_both("dog", "object_size", "small"): (0.2, 0.5),
        of_both("dog", "object_size", "large"): (0.6, 0.5),
        of_both("cat", "camera", "north"): (0.5, None),
        (("data_set", "held_out"), ("class", "dog")): (0.1, 0.5),
    }
    sizes, cameras = crossed_tables(results(slices=slices), most=1)
    assert (sizes.column, sizes.values, sizes.omitted) == ("object_size", ["small", "large"], 1)
    [(name, (small, large))] = sizes.rows
    assert name == "dog"
    assert [dataclasses.astuple(cell) for cell in (small, large) if cell] == [
        (0.2, pytest.approx(-0.3), 90),
        (0.6, pytest.approx(0.1), 90),
    ]
    assert cameras.rows == [("cat", [Cell(0.5, None, 90)])]
    both, _ = crossed_tables(results(slices=slices), most=9)
    assert [(name, [cell is None for cell in cells]) for name, cells in both.rows] == [
        ("dog", [False, False]),
        ("cat", [False, True]),
    ]


@pytest.mark.parametrize(
    ("difference", "shade"), [(-0.9, -5), (-0.11, -3), (-0.001, -1), (0.0, 0), (None, 0), (0.05, 1), (0.25, 5)]
)
def test_the_shade_grows_with_the_difference(difference: float | None, shade: int) -> None:
    assert Cell(0.5, difference, 1).shade == shade


def test_the_series_has_every_run_and_every_limit_of_detections() -> None:
    past = {run_name(1): 0.2, run_name(2): None}
    names, rows = series_rows(results(past=past))
    assert [row.run.run_id for row in rows] == ["span-1", "span-2", "span-3"]
    assert [row.figures[names.index("AP")] for row in rows] == [0.2, None, 0.45]


def decision(run_id: str, model: str, baseline: tuple[str, str] | None) -> RecordedDecision:
    digest, version = baseline or (None, None)
    made: dict[str, Any] = {"span": 1, "span_version": 1, "data_digest": "", "golden_digest": "d1", "verdict": "PUSHED"}
    made |= {"map": 0.5, "baseline_map": None, "decided_at": "2030-01-01T00:00:00+00:00", "model": "", "evaluation": ""}
    made |= {"delta": None, "delta_ci": None, "reason": None, "evaluation_broken": False}
    return RecordedDecision(run_id=run_id, model_digest=model, baseline_digest=digest, baseline_version=version, **made)


def test_a_run_has_the_version_under_which_a_later_run_found_its_model_served() -> None:
    made = [decision("a", "A", None), decision("b", "B", ("A", "100")), decision("c", "C", ("A", "100"))]
    assert {name: run.version for name, run in names_of(made).items()} == {"a": "100", "b": None, "c": None}
    named = names_of(made, {"C": "300"})
    assert named["c"] == RunName("c", 1, "300", "2030-01-01T00:00:00+00:00", "PUSHED", "d1")
