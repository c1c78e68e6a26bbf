"""The evaluation as TFMA's result files, which its loaders and views open.

Slices: the golden set as a whole, each of its classes (`class`), object sizes (`object_size`) and attribute values, and
each class within each of these; then the other data sets (`data_set`) alike, without the latter. Models: `candidate`
and `baseline`; a difference carries its interval where one was estimated.

Thresholds: those that a figure alone decides by. A fall beyond `class_drop` or `slice_drop` is one only where it is
significant, which TFMA cannot say: such a limit is there with each fall that broke it.
"""

# pyright: reportAttributeAccessIssue=false
# (protobuf's classes are made when their module is imported)

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import tensorflow as tf
from google.protobuf import json_format
from tensorflow_model_analysis.proto import config_pb2, metrics_for_slice_pb2, validation_result_pb2
from tfx.dsl.io import fileio

from ratchet.components.map_evaluator.crossed_slices import CrossedSlice
from ratchet.components.map_evaluator.settings import EvaluatorSettings
from ratchet.components.stack.tfma import EVAL_RUN_VERSION
from ratchet.schemas.artifacts.decisions import Decision, Reason
from ratchet.schemas.artifacts.evaluation import BASELINE, CANDIDATE, GOLDEN, DataSetEvaluation, Delta, Evaluation

_SliceKey = tuple[tuple[str, str], ...]
_LOWER_BOUND = "AP_diff_lower95"
_WHOLE = "AP_all_classes"  # of the candidate, where AP is over those that the baseline knows


def write_tfma_files(
    evaluation: Evaluation,
    settings: EvaluatorSettings,
    model_locations: Mapping[str, str],
    data_location: str,
    directory: str,
    crossed: Sequence[CrossedSlice] = (),
) -> None:
    """Writes `eval_config.json`, the metrics and the validation result.

    Where the baseline lacks classes, all figures but those of single classes are over the classes that both know.

    Args:
        evaluation: what to write.
        settings: the thresholds behind its decision.
        model_locations: SavedModel directories by model.
        data_location: the golden examples.
        directory: of the ModelEvaluation artifact.
        crossed: classes within slices of the golden set.
    """
    run = config_pb2.EvalRun(
        eval_config=_config(evaluation.golden, settings, list(model_locations), crossed),
        version=EVAL_RUN_VERSION,
        data_location=data_location,
        file_format="tfrecords_gzip",
        model_locations=dict(model_locations),
    )
    with fileio.open(f"{directory}/eval_config.json", "w") as file:
        file.write(json_format.MessageToJson(run))
    _write(f"{directory}/metrics-00000-of-00001.tfrecord", [*_metrics(evaluation), *map(_crossed_part, crossed)])
    _write(f"{directory}/validations.tfrecord", [_validation(evaluation, settings)])


def _write(path: str, messages: list) -> None:
    with tf.io.TFRecordWriter(path) as writer:
        for message in messages:
            writer.write(message.SerializeToString())


def _config(
    golden: DataSetEvaluation, settings: EvaluatorSettings, models: list[str], crossed: Sequence[CrossedSlice]
) -> config_pb2.EvalConfig:
    pairs = dict.fromkeys(_slice(part.slice_name)[0] for part in crossed)
    keys = [[], *([key] for key in ("class", "object_size", *settings.slice_by)), *(["class", key] for key in pairs)]
    config = config_pb2.EvalConfig(
        model_specs=[config_pb2.ModelSpec(name=name, is_baseline=name == BASELINE) for name in models],
        slicing_specs=[config_pb2.SlicingSpec(feature_keys=key) for key in keys],
    )
    spec = config.metrics_specs.add(model_names=models)
    for rule in _exact_rules(settings):
        threshold = _threshold(rule, settings)
        if threshold is not None and (_is_floor(rule) or BASELINE in models):
            limited = config_pb2.SlicingSpec(feature_values=dict(_slice_of(rule)))
            figure = spec.per_slice_thresholds[_figure_of(rule, golden)]
            figure.thresholds.add(slicing_specs=[limited], threshold=threshold)
    return config


def _is_floor(rule: str) -> bool:
    return rule.partition(":")[0].endswith(("min_map", "min_ap"))


def _figure_of(rule: str, golden: DataSetEvaluation) -> str:
    """TFMA's name of what a rule is about."""
    if rule == "map_interval":
        return _LOWER_BOUND
    return _WHOLE if golden.shared and _is_floor(rule) and not rule.startswith("class") else "AP"


def _exact_rules(settings: EvaluatorSettings) -> list[str]:
    """The rules that compare a figure with a number, and nothing else."""
    limits = [
        f"{kind}_{limit}:{name}"
        for kind, parts in (("class", settings.per_class), ("slice", settings.per_slice))
        for name in parts
        for limit in ("min_ap", "margin")
    ]
    return ["min_map", "map_drop", "map_interval", *limits]


def _threshold(rule: str, settings: EvaluatorSettings) -> config_pb2.MetricThreshold | None:
    """What TFMA calls the limit of a rule; None for a rule that is switched off or has no number."""
    kind, _, name = rule.partition(":")
    part = (settings.per_class if kind.startswith("class") else settings.per_slice).get(name)
    lower = {
        "min_map": settings.min_map,
        "map_interval": None if settings.tolerance is None else -settings.tolerance,
        "class_min_ap": part and part.min_ap,
        "slice_min_ap": part and part.min_ap,
    }
    change = {
        "map_drop": settings.margin,
        "class_margin": part and part.margin,
        "slice_margin": part and part.margin,
        "class_drop": settings.class_drop if part is None or part.drop is None else part.drop,
        "slice_drop": settings.slice_drop if part is None or part.drop is None else part.drop,
    }
    if lower.get(kind) is not None:
        return config_pb2.MetricThreshold(value_threshold={"lower_bound": {"value": lower[kind]}})
    if change.get(kind) is not None:
        return config_pb2.MetricThreshold(
            change_threshold={
                "absolute": {"value": -float(change[kind] or 0)},
                "direction": config_pb2.MetricDirection.HIGHER_IS_BETTER,
            }
        )
    return None


def _metrics(evaluation: Evaluation) -> Iterator[metrics_for_slice_pb2.MetricsForSlice]:
    for name, data in evaluation.data_sets.items():
        within: _SliceKey = () if name == GOLDEN else (("data_set", name),)
        compared = data.compared
        yield _overall(within, data)
        for class_name, support in data.class_support.items():
            key = (*within, ("class", class_name))
            delta = data.deltas.per_class.get(class_name) if data.deltas else None
            yield _part(key, _models(data, "per_class", class_name), delta, support.images, support.objects)
        for slice_name, support in compared.slice_support.items():
            key = (*within, _slice(slice_name))
            delta = compared.deltas.per_slice.get(slice_name) if compared.deltas else None
            part = _part(key, _models(compared, "per_slice", slice_name), delta, support.images, support.objects)
            if data.shared:
                _add(part, _WHOLE, CANDIDATE, data.candidate.per_slice[slice_name])
            yield part


def _crossed_part(part: CrossedSlice) -> metrics_for_slice_pb2.MetricsForSlice:
    key = (("class", part.class_name), _slice(part.slice_name))
    return _part(key, part.aps, None, part.support.images, part.support.objects)


def _slice(name: str) -> tuple[str, str]:
    column, _, value = name.partition("=")
    return column, value


def _models(data: DataSetEvaluation, scores: str, name: str) -> dict[str, float]:
    models = {CANDIDATE: data.candidate, **({BASELINE: data.baseline} if data.baseline else {})}
    return {model: getattr(found, scores)[name] for model, found in models.items()}


def _overall(key: _SliceKey, whole: DataSetEvaluation) -> metrics_for_slice_pb2.MetricsForSlice:
    data = whole.compared
    delta = data.deltas.overall if data.deltas else None
    message = _part(key, _models(data, "coco", "AP"), delta, data.images, data.objects)
    for name in data.candidate.coco:
        if name != "AP":
            values = _models(data, "coco", name)
            for model, value in values.items():
                _add(message, name, model, value)
            if BASELINE in values:
                _add(message, name, CANDIDATE, _difference(values), is_diff=True)
    _add(message, "max_detections", "" if data.baseline else CANDIDATE, data.max_detections)
    if whole.shared:
        _add(message, _WHOLE, CANDIDATE, whole.candidate.coco["AP"])
    if delta is not None and delta.lo is not None:
        _add(message, _LOWER_BOUND, CANDIDATE, delta.lo)
    return message


def _part(
    key: _SliceKey, aps: Mapping[str, float], delta: Delta | None, images: int, objects: int
) -> metrics_for_slice_pb2.MetricsForSlice:
    message = metrics_for_slice_pb2.MetricsForSlice(slice_key=_slice_key(key))
    # Without a model's name these belong to every model; with a single one TFMA would take "" for a second model.
    every_model = "" if len(aps) > 1 else CANDIDATE
    _add(message, "example_count", every_model, images)
    _add(message, "objects", every_model, objects)
    for model, ap in aps.items():
        _add(message, "AP", model, ap)
    if BASELINE in aps:
        bounded = delta is not None and delta.value is not None and delta.lo is not None
        _add(message, "AP", CANDIDATE, _difference(aps), is_diff=True, bounds=delta if bounded else None)
    return message


def _difference(values: Mapping[str, float]) -> float:
    defined = min(values.values()) >= 0
    return values[CANDIDATE] - values[BASELINE] if defined else float("nan")


def _add(
    message: metrics_for_slice_pb2.MetricsForSlice,
    name: str,
    model: str,
    value: float,
    is_diff: bool = False,
    bounds: Delta | None = None,
) -> None:
    entry = message.metric_keys_and_values.add()
    entry.key.name, entry.key.model_name, entry.key.is_diff = name, model, is_diff
    if bounds is None:
        entry.value.double_value.value = value if value > -1 or is_diff else float("nan")  # -1 is COCO's "undefined"
        return
    bounded = entry.value.bounded_value
    bounded.value.value, bounded.lower_bound.value, bounded.upper_bound.value = bounds.value, bounds.lo, bounds.hi


def _slice_key(key: _SliceKey) -> metrics_for_slice_pb2.SliceKey:
    parts = [metrics_for_slice_pb2.SingleSliceKey(column=column, bytes_value=value.encode()) for column, value in key]
    return metrics_for_slice_pb2.SliceKey(single_slice_keys=parts)


def _validation(evaluation: Evaluation, settings: EvaluatorSettings) -> validation_result_pb2.ValidationResult:
    decision: Decision = evaluation.decision
    result = validation_result_pb2.ValidationResult(
        validation_ok=decision.verdict.pushes,
        rubber_stamp=evaluation.golden.baseline is None,  # no change was tested
    )
    result.validation_details.slicing_details.add(num_matching_slices=1).slicing_spec.SetInParent()
    by_slice: dict[_SliceKey, list[Reason]] = {}
    for reason in decision.failures:
        by_slice.setdefault(_slice_of(reason.rule), []).append(reason)
    for key, reasons in by_slice.items():
        part = result.metric_validations_per_slice.add(slice_key=_slice_key(key))
        for reason in reasons:
            part.failures.append(_failure(reason, evaluation.golden, settings))
    return result


def _slice_of(rule: str) -> _SliceKey:
    kind, _, name = rule.partition(":")
    if kind.startswith("class_") and name:
        return (("class", name),)
    return (_slice(name),) if kind.startswith("slice_") else ()


def _failure(
    reason: Reason, golden: DataSetEvaluation, settings: EvaluatorSettings
) -> validation_result_pb2.ValidationFailure:
    failure = validation_result_pb2.ValidationFailure(
        message=f"{reason.rule}: expected {reason.expected}; found {reason.actual}"
    )
    threshold = _threshold(reason.rule, settings)
    failure.metric_key.name = reason.rule
    if threshold is not None:
        changes = threshold.HasField("change_threshold")
        failure.metric_threshold.CopyFrom(threshold)
        failure.metric_key.name = _figure_of(reason.rule, golden)
        failure.metric_key.model_name, failure.metric_key.is_diff = CANDIDATE, changes
        value = _measured(reason, golden, changes)
        if value is not None:
            failure.metric_value.double_value.value = value
    return failure


def _measured(reason: Reason, golden: DataSetEvaluation, is_diff: bool) -> float | None:
    kind, _, name = reason.rule.partition(":")
    if kind == "map_interval":
        return golden.deltas.overall.lo if golden.deltas else None
    scores = "coco" if kind in ("min_map", "map_drop") else "per_class" if kind.startswith("class") else "per_slice"
    values = _models(golden.compared if is_diff else golden, scores, name or "AP")
    return _difference(values) if is_diff else values[CANDIDATE]
