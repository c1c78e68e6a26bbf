"""The best served model stays the mark when worse ones are let into service; one that was taken back is none."""

from __future__ import annotations

from typing import Any

from ratchet.components.registry.high_water import high_water_marks
from ratchet.schemas.artifacts.high_water import HighWaterMark
from ratchet.schemas.artifacts.overrides import Override
from ratchet.schemas.artifacts.registry_entries import ServedModel
from tests.pipeline.roots import approval, rollback


def model(version: int, mean_ap: float, **fields: Any) -> ServedModel:
    whole: dict[str, Any] = {
        **{"version": str(version), "path": "", "digest": f"bytes of {version}", "span": 1, "golden_digest": "g"},
        **{"map": mean_ap, "verdict": "PUSHED", "run_id": "", "pushed_at": "", "blessed": True},
    }
    return ServedModel(**whole | fields)


def mark(*models: ServedModel, overrides: tuple[Override, ...] = ()) -> HighWaterMark:
    return high_water_marks(models, overrides)["g"]


def test_pushes_that_rise_leave_the_served_model_as_its_own_mark() -> None:
    found = mark(model(100, 0.5), model(200, 0.6))
    assert (found.version, found.map, found.lowered_by, found.taken_back) == ("200", 0.6, None, None)
    assert found.above("bytes of 200", 0.6) is None


def test_whoever_served_a_worse_model_after_it_is_named() -> None:
    models = (model(100, 0.5), model(200, 0.6), model(300, 0.52), model(400, 0.55))
    found = mark(*models, overrides=(approval(by="Ada", version="300", at="2030-01-03T15:00:00+00:00"),))
    assert (found.version, found.lowered_by) == ("200", "the approval of Ada on 2030-01-03")
    above = found.above("bytes of 400", 0.55)
    assert above is not None
    assert round(above, 9) == 0.05


def test_of_several_falls_the_largest_is_named() -> None:
    models = (model(200, 0.6), model(300, 0.599), model(400, 0.55), model(500, 0.549))
    found = mark(*models, overrides=(approval(by="Ada", version="400"),))
    assert found.lowered_by == "the approval of Ada on 2030-01-03"


def test_pushes_within_a_margin_lower_it_too() -> None:
    assert mark(model(200, 0.6), model(300, 0.595)).lowered_by == "the push of version 300, within the margin"


def test_a_rollback_to_an_older_model_than_an_approval_tells_the_approval() -> None:
    models = (model(100, 0.6), model(200, 0.5), model(300, 0.55, blessed=False), model(400, 0.5, restores="200"))
    overrides = (approval(by="Ada", version="200"), rollback(version="400", restored="200"))
    assert mark(*models, overrides=overrides).lowered_by == "the approval of Ada on 2030-01-03"


def test_a_rollback_is_told_where_it_was_the_first_to_serve_a_worse_model() -> None:
    models = (model(100, 0.5), model(200, 0.6), model(300, 0.5, restores="100"))
    assert mark(*models, overrides=(rollback(version="300"),)).lowered_by == "the rollback of reed on 2030-01-04"


def test_what_a_person_took_back_is_no_mark_whatever_its_figure() -> None:
    found = mark(model(100, 0.5), model(200, 0.9, blessed=False), model(300, 0.5, restores="100"))
    assert (found.version, found.taken_back) == ("100", "200")


def test_the_same_bytes_under_a_new_number_are_not_below_themselves() -> None:
    found = mark(model(100, 0.6), model(300, 0.6, digest="bytes of 100", restores="100"))
    assert found.above("bytes of 100", 0.5999999) is None


def test_a_figure_of_a_broken_evaluation_is_no_mark() -> None:
    models = (model(100, 0.5), model(200, 0.99))
    assert mark(*models, overrides=(approval(version="200", evaluation_broken=True),)).version == "100"


def test_another_golden_set_has_a_mark_of_its_own() -> None:
    marks = high_water_marks([model(100, 0.9), model(200, 0.4, golden_digest="renewed")], ())
    assert {golden: (found.version, found.lowered_by) for golden, found in marks.items()} == {
        "g": ("100", None),
        "renewed": ("200", None),
    }
    assert high_water_marks([], ()) == {}
