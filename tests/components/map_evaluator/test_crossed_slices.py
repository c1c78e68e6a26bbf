"""AP of classes within slices, against the same figures reckoned of the images or objects alone."""

from __future__ import annotations

import numpy as np
import pytest

from ratchet.components.map_evaluator.crossed_slices import CrossedSlice, crossed_slices
from ratchet.components.map_evaluator.matches import Collector, DataSetMatches
from ratchet.components.metrics.average_precision import detection_metrics
from ratchet.schemas.artifacts.evaluation import BASELINE, CANDIDATE, Support
from tests.components.map_evaluator.test_scoring import NAMES, images

CAMERAS = np.array(["even", "odd"] * 20)


def matches(**attributes: np.ndarray) -> DataSetMatches:
    truth, found = images()
    collector = Collector()
    collector.add_columns(np.arange(40), truth, found)
    measured = collector.finish()
    return DataSetMatches(measured.tables, measured.digests, attributes, measured.shuffled)


def by_name(parts: list[CrossedSlice]) -> dict[tuple[str, str], CrossedSlice]:
    return {(part.class_name, part.slice_name): part for part in parts}


def test_classes_within_sizes_and_attributes_have_the_figures_of_these_objects_alone() -> None:
    data = matches(camera=CAMERAS)
    found = by_name(crossed_slices(data, NAMES, ("camera",)))
    assert set(found) == {
        ("cat", "object_size=small"),
        ("dog", "object_size=medium"),
        *((name, f"camera={camera}") for name in ("cat", "dog") for camera in ("even", "odd")),
    }  # and nothing of what has no objects
    assert found["dog", "camera=odd"].aps == {CANDIDATE: 0.0, BASELINE: pytest.approx(1.0)}
    assert found["dog", "camera=even"].aps[CANDIDATE] == pytest.approx(1.0)
    assert found["dog", "camera=odd"].support == Support(10, 10)
    for (name, part), crossed in found.items():
        value = part.partition("=")[2]
        keep = np.equal(CAMERAS, value) if part.startswith("camera") else np.ones(40, np.bool_)
        for model, table in data.tables.items():
            if model in crossed.aps:
                alone = detection_metrics(table.of_images(keep).of_labels([NAMES.index(name) + 1]))
                figure = {"small": "APs", "medium": "APm"}.get(value, "AP")
                assert crossed.aps[model] == pytest.approx(alone.coco[figure], abs=1e-12)


def test_a_class_that_the_baseline_does_not_know_has_no_figure_of_it() -> None:
    found = by_name(crossed_slices(matches(), NAMES, (), known=("cat",)))
    assert found["dog", "object_size=medium"].aps[BASELINE] == -1.0
    assert found["cat", "object_size=small"].aps[BASELINE] == pytest.approx(1.0)


def test_an_attribute_that_tells_images_apart_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ratchet.components.map_evaluator.crossed_slices._MOST", 10)
    data = matches(camera=CAMERAS, name=np.arange(40).astype(np.str_))
    names = {part.slice_name.partition("=")[0] for part in crossed_slices(data, NAMES, ("name", "camera"))}
    assert names == {"object_size", "camera"}


def test_without_a_baseline_there_is_the_candidate_alone() -> None:
    data = matches()
    alone = DataSetMatches({CANDIDATE: data.tables[CANDIDATE]}, data.digests, {}, data.shuffled)
    assert all(set(part.aps) == {CANDIDATE} for part in crossed_slices(alone, NAMES, ()))
