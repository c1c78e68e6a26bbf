from __future__ import annotations

import numpy as np
import pytest

from ratchet.components.map_evaluator.matches import Collector, DataSetMatches
from ratchet.components.map_evaluator.scoring import check_settings, score, slices_of
from ratchet.components.map_evaluator.settings import EvaluatorSettings, SliceRules
from ratchet.components.metrics.accumulator import Accumulator
from ratchet.components.metrics.matching import match
from ratchet.schemas.artifacts.evaluation import DataSetEvaluation, Support
from ratchet.schemas.base.errors import ConfigError
from ratchet.schemas.data.columns import DetectionColumns, TruthColumns
from tests.builders import detections, ground_truth

NAMES = ("cat", "dog", "auk")
SETTINGS = EvaluatorSettings(slice_by=("camera",), resamples=200)


def images(count: int = 40, seed: int = 0) -> tuple[TruthColumns, dict[str, DetectionColumns]]:
    """A cat of 10 px or a dog of 50 px in every image; the candidate misses every dog of an odd image."""
    random = np.random.default_rng(seed)
    truths, candidate, baseline = [], [], []
    for i in range(count):
        side, label = (10.0, 1) if i % 4 < 2 else (50.0, 2)
        box = [*random.uniform(0, 60, 2), side, side]
        truths.append(ground_truth([box], [label]))
        seen = detections([box], [label], [random.uniform(0.5, 1)])
        baseline.append(seen)
        candidate.append(detections([]) if label == 2 and i % 2 else seen)
    found = {"candidate": DetectionColumns.of(candidate), "baseline": DetectionColumns.of(baseline)}
    return TruthColumns.of(truths), found


def scored(settings: EvaluatorSettings = SETTINGS, **attributes: np.ndarray) -> DataSetEvaluation:
    truth, found = images()
    collector = Collector()
    collector.add_columns(np.arange(40), truth, found)
    measured = collector.finish()
    return score(DataSetMatches(measured.tables, measured.digests, attributes, measured.shuffled), NAMES, settings)


def test_classes_sizes_and_attributes_are_scored_for_both_models() -> None:
    data = scored(camera=np.array(["even", "odd"] * 20))
    assert data.baseline is not None
    assert data.baseline.per_class == {"cat": pytest.approx(1.0), "dog": pytest.approx(1.0), "auk": -1.0}
    assert data.candidate.per_class["cat"] == pytest.approx(1.0)
    assert data.candidate.per_class["dog"] == pytest.approx(0.5, abs=0.01)
    assert data.candidate.per_slice["object_size=small"] == pytest.approx(1.0)
    assert data.candidate.per_slice["object_size=medium"] == data.candidate.per_class["dog"]
    assert data.candidate.per_slice["object_size=large"] == -1.0
    assert data.candidate.per_slice["camera=even"] == pytest.approx(1.0)
    assert data.candidate.per_slice["camera=odd"] == pytest.approx(0.5)  # the mean of all cats and no dog


def test_support_counts_objects_and_the_images_they_are_in() -> None:
    data = scored(camera=np.array(["even", "odd"] * 20))
    assert data.class_support == {"cat": Support(20, 20), "dog": Support(20, 20), "auk": Support(0, 0)}
    assert data.slice_support["camera=odd"] == Support(20, 20)
    assert data.slice_support["object_size=large"] == Support(0, 0)


def test_differences_of_classes_and_slices_have_intervals() -> None:
    deltas = scored(camera=np.array(["even", "odd"] * 20)).deltas
    assert deltas is not None
    assert deltas.overall.value is not None
    assert deltas.overall.interval is not None
    assert deltas.overall.interval[0] < deltas.overall.value < deltas.overall.interval[1] < 0
    assert deltas.per_class["cat"].interval == (0.0, 0.0)
    assert deltas.per_slice["camera=odd"].value == pytest.approx(-0.5)
    assert "auk" not in deltas.per_class


def test_groups_are_resampled_as_a_whole() -> None:
    by_image = scored().deltas
    recordings = np.array([f"r{i // 4}" for i in range(40)])
    settings = EvaluatorSettings(bootstrap_by="recording", resamples=200)
    by_recording = scored(settings, recording=recordings).deltas
    assert by_image is not None
    assert by_recording is not None
    # Every recording has one missed dog of two, so none of them changes the share: no more is certain than if there
    # were an eleventh recording without a missed dog.
    assert by_recording.per_class["dog"].std_error == pytest.approx(0.5 / 10, abs=1e-3)
    assert (by_image.per_class["dog"].std_error or 0) > 0.05


def test_support_counts_the_groups_where_groups_are_the_units() -> None:
    recordings = np.array([f"r{i // 20}" for i in range(40)])
    settings = EvaluatorSettings(bootstrap_by="recording", slice_by=("recording",), resamples=100)

    data = scored(settings, recording=recordings)

    assert data.class_support == {"cat": Support(20, 20, 2), "dog": Support(20, 20, 2), "auk": Support(0, 0, 0)}
    assert data.slice_support["recording=r1"] == Support(20, 20, 1)
    assert data.deltas is not None
    assert data.deltas.per_class["dog"].units == pytest.approx(2)
    # A slice of one recording says nothing about the next recording, however many images it has.
    assert data.deltas.per_slice["recording=r1"].std_error is None


def test_images_of_unknown_groups_are_not_taken_for_independent() -> None:
    settings = EvaluatorSettings(bootstrap_by="recording", resamples=100)
    deltas = scored(settings).deltas
    assert deltas is not None
    assert deltas.overall.units == 1
    assert deltas.overall.interval is None


def test_images_without_an_attribute_are_a_slice_of_their_own() -> None:
    slices = slices_of({"camera": np.array(["a", "", "a"])}, ("camera",))
    assert slices["camera=(none)"].images is not None
    assert slices["camera=(none)"].images.tolist() == [False, True, False]


def test_without_a_baseline_there_is_no_difference() -> None:
    truth, found = images()
    matches = Accumulator.create()
    matches.add(match(np.arange(40), truth, found["candidate"]))
    data = score(DataSetMatches({"candidate": matches.table()}, np.empty((0, 32)), {}, {}), NAMES, SETTINGS)
    assert data.baseline is None
    assert data.deltas is None


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (EvaluatorSettings(slice_by=("weather",)), "no golden image has the attribute 'weather'"),
        (EvaluatorSettings(bootstrap_by="camera"), "has 2 values of it, at least 8"),
        (EvaluatorSettings(bootstrap_by="weather"), "has 0 values"),
        (EvaluatorSettings(per_class={"bat": SliceRules()}), "no class 'bat'; it has cat, dog, auk"),
        (EvaluatorSettings(per_slice={"camera=west": SliceRules()}), "no slice 'camera=west'"),
    ],
)
def test_settings_that_never_apply_are_refused(settings: EvaluatorSettings, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        check_settings(NAMES, {"camera": np.array(["even", "odd"])}, settings)


def test_settings_that_apply_are_accepted() -> None:
    settings = EvaluatorSettings(
        slice_by=("camera",),
        bootstrap_by="camera",
        per_slice={"camera=c1": SliceRules(), "object_size=small": SliceRules()},
    )
    check_settings(NAMES, {"camera": np.array([f"c{i}" for i in range(8)])}, settings)


def test_golden_images_of_unknown_groups_are_refused() -> None:
    recordings = np.array([f"r{i}" for i in range(9)] + [""])
    with pytest.raises(ConfigError, match="'recording': 1 of 10 golden images lack it"):
        check_settings(NAMES, {"recording": recordings}, EvaluatorSettings(bootstrap_by="recording"))


def test_the_resampling_follows_its_settings() -> None:
    def error_of_dogs(**settings: int) -> float | None:
        deltas = scored(EvaluatorSettings(**{"resamples": 200, **settings})).deltas  # pyright: ignore[reportArgumentType]
        assert deltas is not None
        return deltas.per_class["dog"].std_error

    assert error_of_dogs() == error_of_dogs(seed=0)
    assert len({error_of_dogs(), error_of_dogs(seed=1), error_of_dogs(resamples=201)}) == 3
