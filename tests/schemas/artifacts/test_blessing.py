from __future__ import annotations

import dataclasses

import pytest

from ratchet.schemas.artifacts.blessing import Blessing
from ratchet.schemas.base.errors import StateError

BLESSING = Blessing(
    model_digest="candidate",
    baseline_digest="baseline",
    baseline_version="100",
    evaluation="/root/artifacts/MapEvaluator/evaluation/7",
    evaluation_digest="evaluation",
)


def test_a_blessing_comes_back_from_its_properties_whatever_stands_beside_them() -> None:
    assert Blessing.from_properties({**BLESSING.to_properties(), "signature": "s", "blessed": "1"}) == BLESSING


def test_a_first_model_has_no_baseline() -> None:
    properties = {**BLESSING.to_properties(), "baseline_digest": "", "baseline_version": ""}
    assert Blessing.from_properties(properties).baseline_version == ""


@pytest.mark.parametrize("name", ["model_digest", "evaluation_digest"])
def test_a_blessing_that_does_not_say_what_was_measured_is_refused(name: str) -> None:
    properties = BLESSING.to_properties()
    del properties[name]
    with pytest.raises(StateError, match=f"has no {name}, .*run again"):
        Blessing.from_properties(properties)


def test_all_that_was_measured_is_signed_and_its_place_is_not_for_roots_move() -> None:
    signed = BLESSING.signed_values()
    for name in BLESSING.to_properties():
        other = dataclasses.replace(BLESSING, **{name: "another"}).signed_values()
        assert (other == signed) == (name == "evaluation")
