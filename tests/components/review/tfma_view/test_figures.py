"""What TFMA's components are given."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ratchet.components.review.tfma_view.figures import component_data
from ratchet.schemas.artifacts.evaluation import BASELINE
from tests.components.review.tfma_view.runs import of_both, of_class, results, run_name

SLICES = {
    of_class("cat"): (0.3, 0.5),
    of_class("dog"): (0.6, 0.5),
    of_class("auk"): (None, None),
    of_both("dog", "object_size", "small"): (0.2, 0.5),
    (("object_size", "small"),): (0.2, 0.3),
    (("camera", "north"),): (0.5, 0.5),
    (("data_set", "held_out"),): (0.45, 0.5),
    (("data_set", "held_out"), ("class", "dog")): (0.6, 0.5),
}


def content(*args: Any, **kwargs: Any) -> dict[str, Any]:
    return json.loads(component_data(results(*args, **kwargs)).json)


def table(part: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {row["slice"]: row["metrics"][""][""] for row in part["data"]}


def number(value: float | None) -> dict[str, Any]:
    return {"doubleValue": value}


def test_the_whole_has_a_row_per_figure_with_both_models_and_the_difference() -> None:
    overall = content()["overall"]
    assert overall["metrics"] == ["baseline", "candidate", "difference"]
    row = table(overall)["AP"]
    assert (row["baseline"], row["candidate"]) == (number(0.5), number(0.45))
    bounds = row["difference"]["boundedValue"]
    assert bounds == {
        "value": pytest.approx(-0.05),
        "lowerBound": pytest.approx(-0.07),
        "upperBound": pytest.approx(-0.03),
    }
    assert table(overall)["AP50"]["difference"] == number(0.1)


def test_what_is_undefined_is_null() -> None:
    whole = content(slices=SLICES)
    assert table(whole["overall"])["APl"]["candidate"] == number(None)
    assert table(whole["overall"])["AR1"]["difference"] == number(None)
    assert table(whole["classes"])["class:auk"]["AP difference"] == number(None)


def test_a_figure_of_zero_is_no_missing_figure() -> None:
    shown = table(content(slices={of_class("cat"): (0.0, 0.0)})["classes"])
    assert shown["class:cat"]["AP candidate"] == number(0.0)
    assert shown["class:cat"]["AP difference"] == number(0.0)


def test_classes_other_slices_and_crossed_ones_are_apart_and_the_largest_fall_is_first() -> None:
    whole = content(slices=SLICES)
    assert list(table(whole["classes"])) == ["class:cat", "class:dog", "class:auk"]
    assert list(table(whole["slices"])) == ["object_size:small", "data_set:held_out", "camera:north"]
    assert list(table(whole["crossed"])) == ["class:dog, object_size:small"]
    cat = table(whole["classes"])["class:cat"]
    assert (cat["AP baseline"], cat["AP candidate"]) == (number(0.5), number(0.3))
    assert (cat["example_count"], cat["objects"]) == (number(40), number(90))


def test_a_first_model_has_no_baseline_and_no_difference() -> None:
    whole = content(overall=(0.45, None), slices=SLICES)
    assert whole["overall"]["metrics"] == ["candidate"]
    assert whole["classes"]["metrics"] == ["AP candidate", "example_count", "objects"]
    assert whole["classes"]["shown"] == "AP candidate"
    assert BASELINE not in json.dumps(whole)


def test_the_series_holds_every_run_by_time_span_and_version() -> None:
    past = {run_name(span, version=f"{span}00"): span / 100 for span in (1, 2)}
    series = content(past=past)["series"]["data"]
    names = [entry["config"]["modelIdentifier"] for entry in series]
    assert names == [
        "2030-01-01 12:00:00, span 1, v100, span-1",
        "2030-01-02 12:00:00, span 2, v200, span-2",
        "2030-01-03 12:00:00, span 3, span-3",
    ]
    assert names == sorted(names)  # TFMA sorts them
    assert [entry["metrics"][""][""]["AP"]["doubleValue"] for entry in series] == [0.01, 0.02, 0.45]
    assert {entry["config"]["dataIdentifier"] for entry in series} == {"d1ge57"}


def test_a_thousand_classes_fit() -> None:
    data = component_data(results(slices={of_class(f"class of the number {n}"): (0.4, 0.5) for n in range(1000)}))
    assert data.omitted == 0
    assert len(data.json) < 2_000_000


def test_too_many_are_cut_to_the_largest_falls_and_that_is_said() -> None:
    slices = {of_class(f"{place} " + "<" * 190): (0.5 - place / 100_000, 0.5) for place in range(3000)}
    data = component_data(results(slices={**slices, of_both("0", "object_size", "small"): (0.1, 0.5)}))
    shown = [row["slice"] for row in json.loads(data.json)["classes"]["data"]]
    assert len(data.json) < 2_000_000
    assert data.omitted >= 3000 - len(shown) > 0
    assert shown[0].startswith("class:2999 ")
    assert not any(name.startswith("class:0 ") for name in shown)


def test_long_names_are_cut_and_stay_apart() -> None:
    names = list(table(content(slices={of_class("x" * 1000 + end): (0.4, 0.5) for end in "ab"})["classes"]))
    assert len(set(names)) == 2
    assert max(map(len, names)) < 300


def test_nothing_in_the_json_can_end_a_script_element() -> None:
    data = component_data(results(slices={of_class("</script><!--"): (0.4, 0.5)}))
    assert "<" not in data.json
    assert "class:</script><!--" in table(json.loads(data.json)["classes"])


def test_what_hides_in_a_name_is_shown() -> None:
    assert "class:photo\\u202egpj" in table(content(slices={of_class("photo\u202egpj"): (0.4, 0.5)})["classes"])
