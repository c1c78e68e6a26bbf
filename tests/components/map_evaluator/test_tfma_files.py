"""TFMA itself opens what is written."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import Any

import pytest

from ratchet.components.map_evaluator.blessing import decide
from ratchet.components.map_evaluator.crossed_slices import CrossedSlice
from ratchet.components.map_evaluator.settings import EvaluatorSettings, SliceRules
from ratchet.schemas.artifacts.decisions import Reason
from ratchet.schemas.artifacts.evaluation import COCO_NAMES, GOLDEN, HELD_OUT, Delta, Deltas, Evaluation, Support
from tests.components.map_evaluator.test_blessing import golden

pytestmark = pytest.mark.tensorflow
SETTINGS = EvaluatorSettings(slice_by=("camera",), per_slice={"camera=north": SliceRules(min_ap=0.6)})


def evaluation(with_baseline: bool = True) -> Evaluation:
    data = golden(
        candidate=0.45,
        baseline=0.50 if with_baseline else None,
        interval=(-0.07, -0.03),
        classes={"cat": (0.30, 0.50), "dog": (0.60, 0.50), "auk": (-1.0, -1.0)},
        slices={"object_size=small": (0.2, 0.3), "camera=north": (0.5, 0.5)},
    )
    scores = dict.fromkeys(COCO_NAMES, data.candidate.coco["AP"])
    candidate = dataclasses.replace(data.candidate, coco=scores)
    baseline = data.baseline and dataclasses.replace(data.baseline, coco=dict.fromkeys(COCO_NAMES, 0.5))
    deltas = data.deltas
    if deltas:  # a class without ground truth has no difference
        deltas = Deltas(deltas.overall, deltas.per_class | {"auk": Delta(None, None, None, None)}, deltas.per_slice)
    data = dataclasses.replace(data, candidate=candidate, baseline=baseline, deltas=deltas)
    broken = Reason("trust:leak", "no leak", "golden image 3 is image 7 of span 2")
    decision = decide(data, [broken], SETTINGS) if with_baseline else decide(data, [], EvaluatorSettings())
    return Evaluation(decision, {GOLDEN: data, HELD_OUT: data}, "d1ge57")


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> str:
    return write(tmp_path_factory.mktemp("evaluation"), with_baseline=True)


def write(directory: Path, with_baseline: bool) -> str:
    from ratchet.components.map_evaluator.tfma_files import write_tfma_files

    models = {"candidate": "c", **({"baseline": "b"} if with_baseline else {})}
    write_tfma_files(evaluation(with_baseline), SETTINGS, models, "golden", str(directory))
    return str(directory)


def metrics(directory: str, model: str) -> dict[Any, dict[str, Any]]:
    import tensorflow_model_analysis as tfma

    result = tfma.load_eval_result(directory, model_name=model)
    return {key: values[""][""] for key, values in result.slicing_metrics}


def value(metric: dict[str, Any]) -> float:
    return metric.get("doubleValue", metric.get("boundedValue", {}).get("value"))


def test_both_models_are_there_with_all_figures(written: str) -> None:
    candidate, baseline = metrics(written, "candidate")[()], metrics(written, "baseline")[()]
    assert {name: value(candidate[name]) for name in COCO_NAMES} == dict.fromkeys(COCO_NAMES, 0.45)
    assert value(baseline["AP75"]) == 0.5
    assert value(candidate["example_count"]) == 100


def test_differences_carry_their_interval(written: str) -> None:
    difference = metrics(written, "candidate")[()]["AP_diff"]["boundedValue"]
    assert difference["value"] == pytest.approx(-0.05)
    assert (difference["lowerBound"], difference["upperBound"]) == (-0.07, -0.03)


def test_classes_sizes_attributes_and_data_sets_are_slices(written: str) -> None:
    found = metrics(written, "candidate")
    assert value(found[("class", "cat"),]["AP"]) == 0.30
    assert value(found[("object_size", "small"),]["AP"]) == 0.2
    assert value(found[("camera", "north"),]["AP"]) == 0.5
    assert value(found[("data_set", "held_out"),]["AP"]) == 0.45
    assert value(found[("data_set", "held_out"), ("class", "dog")]["AP"]) == 0.60
    assert math.isnan(float(value(found[("class", "auk"),]["AP"])))


def test_thresholds_that_failed_are_in_the_validation_result(written: str) -> None:
    import tensorflow_model_analysis as tfma

    result = tfma.load_validation_result(written)
    assert not result.validation_ok
    failures = {}
    for part in result.metric_validations_per_slice:
        key = tuple((single.column, single.bytes_value.decode()) for single in part.slice_key.single_slice_keys)
        failures |= {(key, failure.message.split(": ")[0]): failure for failure in part.failures}
    drop = failures[(), "map_drop"]
    assert drop.metric_key.name == "AP"
    assert drop.metric_key.is_diff
    assert drop.metric_threshold.change_threshold.absolute.value == 0.0
    assert drop.metric_value.double_value.value == pytest.approx(-0.05)
    cat = failures[(("class", "cat"),), "class_drop:cat"]
    assert cat.metric_threshold.change_threshold.absolute.value == -0.05
    assert cat.metric_value.double_value.value == pytest.approx(-0.2)
    north = failures[(("camera", "north"),), "slice_min_ap:camera=north"]
    assert north.metric_threshold.value_threshold.lower_bound.value == 0.6
    interval = failures[(), "map_interval"]
    assert interval.metric_key.name == "AP_diff_lower95"
    assert interval.metric_value.double_value.value == -0.07
    assert "golden image 3" in failures[(), "trust:leak"].message


def test_a_first_model_is_a_valid_result_without_a_baseline(tmp_path: Path) -> None:
    import tensorflow_model_analysis as tfma

    directory = write(tmp_path, with_baseline=False)
    result = tfma.load_validation_result(directory)
    assert (result.validation_ok, result.rubber_stamp) == (True, True)
    [overall] = [values for key, values in tfma.load_eval_result(directory).slicing_metrics if key == ()]
    assert value(overall[""][""]["AP"]) == 0.45
    assert "AP_diff" not in overall[""][""]


@pytest.fixture(scope="module")
def grown(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What is written where the baseline does not know the class auk."""
    from ratchet.components.map_evaluator.tfma_files import write_tfma_files

    classes = {"cat": (0.5, 0.6), "dog": (0.5, 0.4)}
    shared = golden(0.45, 0.50, (-0.07, -0.03), classes, {"camera=north": (0.3, 0.35)})
    whole = golden(0.60, None, None, {**classes, "auk": (0.8, -1.0)}, {"camera=north": (0.7, 0.0)})
    for_all = dict.fromkeys(COCO_NAMES, 0.5)
    shared = dataclasses.replace(
        shared,
        candidate=dataclasses.replace(shared.candidate, coco=for_all | {"AP": 0.45}),
        baseline=shared.baseline and dataclasses.replace(shared.baseline, coco=for_all),
    )
    baseline = shared.baseline
    assert baseline is not None
    baseline = dataclasses.replace(baseline, per_class={**baseline.per_class, "auk": -1.0})
    data = dataclasses.replace(whole, baseline=baseline, deltas=shared.deltas, shared=shared)
    directory = str(tmp_path_factory.mktemp("grown"))
    evaluated = Evaluation(decide(data, [], SETTINGS), {GOLDEN: data}, "d1ge57")
    write_tfma_files(evaluated, SETTINGS, {"candidate": "c", "baseline": "b"}, "golden", directory)
    return directory


def test_figures_of_both_models_are_over_the_classes_that_both_know(grown: str) -> None:
    candidate, baseline = metrics(grown, "candidate"), metrics(grown, "baseline")
    assert (value(candidate[()]["AP"]), value(baseline[()]["AP"])) == (0.45, 0.50)
    assert candidate[()]["AP_diff"]["boundedValue"]["value"] == pytest.approx(-0.05)
    assert value(candidate[("camera", "north"),]["AP"]) == 0.3


def test_a_new_class_has_the_candidates_figure_alone(grown: str) -> None:
    key = (("class", "auk"),)
    assert value(metrics(grown, "candidate")[key]["AP"]) == 0.8
    assert math.isnan(float(value(metrics(grown, "baseline")[key]["AP"])))
    assert math.isnan(float(value(metrics(grown, "candidate")[key]["AP_diff"])))


def test_a_fall_is_told_over_the_classes_that_both_know(grown: str) -> None:
    import tensorflow_model_analysis as tfma

    failures = [
        failure for part in tfma.load_validation_result(grown).metric_validations_per_slice for failure in part.failures
    ]
    [drop] = [failure for failure in failures if failure.message.startswith("map_drop")]
    assert drop.metric_value.double_value.value == pytest.approx(-0.05)


def test_the_slicing_view_shows_it(written: str) -> None:
    import tensorflow_model_analysis as tfma

    result = tfma.load_eval_result(written, model_name="candidate")
    viewer: Any = tfma.view.render_slicing_metrics(result, slicing_column="class")
    assert {row["slice"] for row in viewer.data} == {"class:cat", "class:dog", "class:auk"}


def thresholds(directory: str) -> dict[tuple[str, str], list[float]]:
    """The bounds in the config by figure and slice, as TFMA reads them."""
    import tensorflow_model_analysis as tfma

    config = tfma.load_eval_result(directory, model_name="candidate").config
    found: dict[tuple[str, str], list[float]] = {}
    for name, parts in config.metrics_specs[0].per_slice_thresholds.items():
        for part in parts.thresholds:
            [spec] = part.slicing_specs
            key = ",".join(f"{column}={value}" for column, value in spec.feature_values.items())
            of_value = part.threshold.HasField("value_threshold")
            bound = part.threshold.value_threshold.lower_bound if of_value else part.threshold.change_threshold.absolute
            found.setdefault((name, key), []).append(bound.value)
    return found


def test_thresholds_that_a_figure_alone_decides_by_are_in_the_config_for_their_slice(written: str, grown: str) -> None:
    assert thresholds(written) == {
        ("AP", ""): [0.01, 0.0],
        ("AP_diff_lower95", ""): [-SETTINGS.tolerance],  # type: ignore[operator]
        ("AP", "camera=north"): [0.6],
    }
    assert thresholds(grown)["AP_all_classes", "camera=north"] == [0.6]
    assert thresholds(grown)["AP_all_classes", ""] == [0.01]


def test_a_floor_is_held_against_the_figure_over_all_classes(grown: str) -> None:
    found = metrics(grown, "candidate")
    assert value(found[()]["AP_all_classes"]) == 0.60
    assert value(found[("camera", "north"),]["AP_all_classes"]) == 0.7


def test_classes_within_slices_are_slices_of_two_keys(tmp_path: Path) -> None:
    import tensorflow_model_analysis as tfma

    from ratchet.components.map_evaluator.tfma_files import write_tfma_files

    crossed = [
        CrossedSlice("cat", "object_size=small", {"candidate": 0.25, "baseline": 0.5}, Support(7, 3)),
        CrossedSlice("auk", "camera=north=east", {"candidate": 0.25, "baseline": -1.0}, Support(1, 1)),
    ]
    models = {"candidate": "c", "baseline": "b"}
    write_tfma_files(evaluation(), SETTINGS, models, "golden", str(tmp_path), crossed)
    found = metrics(str(tmp_path), "candidate")
    small = found[("class", "cat"), ("object_size", "small")]
    assert (value(small["AP"]), value(small["AP_diff"])) == (0.25, -0.25)
    assert (value(small["objects"]), value(small["example_count"])) == (7, 3)
    assert math.isnan(float(value(found[("class", "auk"), ("camera", "north=east")]["AP_diff"])))
    specs = tfma.load_eval_result(str(tmp_path), model_name="candidate").config.slicing_specs
    keys = [tuple(spec.feature_keys) for spec in specs]
    assert keys == [(), ("class",), ("object_size",), ("camera",), ("class", "object_size"), ("class", "camera")]
