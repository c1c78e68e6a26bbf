"""What TFMA's components are given."""

from __future__ import annotations

import dataclasses
import json
import re
from typing import Any

import pytest

from ratchet.components.review.tfma_view.figures import tfma_data
from ratchet.schemas.artifacts.evaluation import BASELINE, CANDIDATE
from tests.components.review.tfma_view.runs import NAN, bounded, evaluated_run, number, of_class

SLICES = {
    of_class("cat"): (0.3, 0.5),
    of_class("dog"): (0.6, 0.5),
    of_class("auk"): (NAN, NAN),
    (("object_size", "small"),): (0.2, 0.3),
    (("camera", "north"),): (0.5, 0.5),
    (("data_set", "held_out"),): (0.45, 0.5),
    (("data_set", "held_out"), ("class", "dog")): (0.6, 0.5),
}


def content(*args: Any, **kwargs: Any) -> dict[str, Any]:
    past = kwargs.pop("past", ())
    return json.loads(tfma_data(evaluated_run(*args, **kwargs), past, ()).json)


def table(part: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {row["slice"]: row["metrics"][""][""] for row in part["data"]}


def test_the_whole_has_a_row_per_figure_with_both_models_and_the_difference() -> None:
    overall = content()["overall"]
    assert overall["metrics"] == ["baseline", "candidate", "difference"]
    row = table(overall)["AP"]
    assert (row["baseline"], row["candidate"]) == (number(0.5), number(0.45))
    assert row["difference"] == bounded(pytest.approx(-0.05), pytest.approx(-0.07), pytest.approx(-0.03))  # type: ignore[arg-type]
    assert table(overall)["AP50"]["difference"] == number(0.1)


def test_what_is_undefined_is_null() -> None:
    whole = content(slices=SLICES)
    assert table(whole["overall"])["APl"]["candidate"] == {"doubleValue": None}
    assert table(whole["overall"])["AR1"]["difference"] == {"doubleValue": None}
    assert table(whole["classes"])["class:auk"]["AP difference"] == {"doubleValue": None}


def test_an_interval_with_an_undefined_end_is_null() -> None:
    run = evaluated_run(slices=SLICES)
    figures = {**run.models[CANDIDATE][of_class("cat")], "AP_diff": bounded(0.1, float("nan"), 0.2)}
    run = dataclasses.replace(
        run, models={**run.models, CANDIDATE: {**run.models[CANDIDATE], of_class("cat"): figures}}
    )
    shown = table(json.loads(tfma_data(run, (), ()).json)["classes"])
    assert shown["class:cat"]["AP difference"] == {"doubleValue": None}


def test_a_figure_of_zero_is_no_missing_figure() -> None:
    shown = table(content(slices={of_class("cat"): (0.0, 0.0)})["classes"])
    assert shown["class:cat"]["AP candidate"] == number(0.0)
    assert shown["class:cat"]["AP difference"] == number(0.0)


def test_classes_and_other_slices_are_apart_and_the_largest_fall_is_first() -> None:
    whole = content(slices=SLICES)
    assert list(table(whole["classes"])) == ["class:cat", "class:dog", "class:auk"]
    assert list(table(whole["slices"])) == ["object_size:small", "data_set:held_out", "camera:north"]
    cat = table(whole["classes"])["class:cat"]
    assert (cat["AP baseline"], cat["AP candidate"]) == (number(0.5), number(0.3))
    assert (cat["example_count"], cat["objects"]) == (number(40.0), number(90.0))


def test_a_first_model_has_no_baseline_and_no_difference() -> None:
    whole = content(overall=(0.45, None), slices=SLICES)
    assert whole["overall"]["metrics"] == ["candidate"]
    assert whole["classes"]["metrics"] == ["AP candidate", "example_count", "objects"]
    assert whole["classes"]["shown"] == "AP candidate"
    assert BASELINE not in json.dumps(whole)


def test_the_series_holds_every_run_by_name_and_in_order() -> None:
    past = [evaluated_run(f"span-{span}", (span / 100, None)) for span in range(1, 11)]
    series = content("span-11", past=past)["series"]["data"]
    names = [entry["config"]["modelIdentifier"] for entry in series]
    assert names[:2] + names[-1:] == ["01 span-1", "02 span-2", "11 span-11"]
    assert names == sorted(names)  # TFMA sorts them
    assert [entry["metrics"][""][""]["AP"]["doubleValue"] for entry in series[:2]] == [0.01, 0.02]


def test_runs_that_were_skipped_are_named() -> None:
    assert tfma_data(evaluated_run(), (), ("span-1 (there): gone",)).skipped == ("span-1 (there): gone",)


def test_a_thousand_classes_fit() -> None:
    slices = {of_class(f"class of the number {place}"): (0.4, 0.5) for place in range(1000)}
    data = tfma_data(evaluated_run(slices=slices), (), ())
    assert data.omitted == 0
    assert len(data.json) < 2_000_000


def test_too_many_are_cut_to_the_largest_falls_and_that_is_said() -> None:
    slices = {of_class(f"{place} " + "<" * 190): (0.5 - place / 100_000, 0.5) for place in range(3000)}
    data = tfma_data(evaluated_run(slices=slices), (), ())
    shown = [row["slice"] for row in json.loads(data.json)["classes"]["data"]]
    assert len(data.json) < 2_000_000
    assert data.omitted == 3000 - len(shown) > 0
    assert shown[0].startswith("class:2999 ")
    assert not any(name.startswith("class:0 ") for name in shown)


def test_long_names_are_cut_and_stay_apart() -> None:
    slices = {of_class("x" * 1000 + end): (0.4, 0.5) for end in "ab"}
    names = list(table(content(slices=slices)["classes"]))
    assert len(set(names)) == 2
    assert max(map(len, names)) < 300


def test_nothing_in_the_json_can_end_a_script_element() -> None:
    data = tfma_data(evaluated_run(slices={of_class("</script><!--"): (0.4, 0.5)}), (), ())
    assert "<" not in data.json
    assert "class:</script><!--" in table(json.loads(data.json)["classes"])


def test_characters_that_hide_others_are_shown() -> None:
    names = table(content("span\u202e", slices={of_class("photo\u202egpj"): (0.4, 0.5)})["classes"])
    assert list(names) == ["class:photo\\u202egpj"]


def test_json_is_strict() -> None:
    def refuse(name: str) -> None:
        raise AssertionError(name)

    text = tfma_data(evaluated_run(slices=SLICES), (), ()).json
    json.loads(text, parse_constant=refuse)
    assert not re.search("NaN|Infinity", text)
