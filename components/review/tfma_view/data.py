"""Reads an evaluation and those of past runs with TFMA's own readers."""

# pyright: reportAttributeAccessIssue=false
# (protobuf's classes are made when their module is imported)

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

import tensorflow as tf
import tensorflow_model_analysis as tfma
from google.protobuf import json_format
from google.protobuf.message import DecodeError

from ratchet.components.review.tfma_view.results import (
    NO_FIGURE,
    Bound,
    Failure,
    Figure,
    Figures,
    SliceKey,
    TfmaResults,
    Threshold,
    Validation,
)
from ratchet.components.review.tfma_view.runs import RunName
from ratchet.schemas.artifacts.evaluation import CANDIDATE
from ratchet.schemas.base.errors import StateError

# What TFMA raises for files that are missing, cut off or not its own.
_UNREADABLE = (OSError, ValueError, LookupError, tf.errors.OpError, json_format.ParseError, DecodeError)
_NOTHING = "no metrics there"


def read_tfma(evaluation_uri: str, run: RunName, past: Mapping[RunName, str]) -> TfmaResults:
    """What TFMA's files say of a run and of those before it.

    Args:
        evaluation_uri: directory of the run's ModelEvaluation artifact.
        run: the run.
        past: the same directory of each run before it, the oldest first.

    Returns:
        All figures. A past run that cannot be read is left out and named.

    Raises:
        StateError: the run's own directory cannot be read.
    """
    before = {name: uri for name, uri in past.items() if name.run_id != run.run_id}
    figures, skipped = _readable(before, lambda uri, _: _overall(uri))
    try:
        models, validation = _models(evaluation_uri), _validation(evaluation_uri)
    except _UNREADABLE as error:
        raise StateError(
            f"{evaluation_uri}: not a result that TFMA reads ({_first_line(error)}); evaluate the run again"
        ) from error
    return TfmaResults(run, models, validation, figures, skipped)


def read_results(evaluations: Mapping[RunName, str]) -> tuple[list[tfma.EvalResult], list[str]]:
    """Results of several runs for TFMA's own views, which tell runs apart, and sort them, by the name of a model.

    Args:
        evaluations: directory of each run's ModelEvaluation artifact, the oldest first.

    Returns:
        The results that can be read, each with its time, span and version as name; and the others with the reason.
    """
    found, skipped = _readable(evaluations, lambda uri, _: _load(uri))
    return [result._replace(model_location=name.identifier) for name, result in found.items()], skipped


_Found = TypeVar("_Found")


def _readable(
    evaluations: Mapping[RunName, str], read: Callable[[str, RunName], _Found]
) -> tuple[dict[RunName, _Found], list[str]]:
    found, skipped = {}, []
    for name, uri in evaluations.items():
        try:
            found[name] = read(uri, name)
        except _UNREADABLE as error:
            skipped.append(f"{name.run_id} ({uri}): {_first_line(error)}")
    return found, skipped


def _overall(uri: str) -> Figures:
    """The candidate's figures on the whole golden set, which stand first in the file."""
    whole = (message for message in tfma.load_metrics(uri) if not message.slice_key.single_slice_keys)
    message = next(whole, None)
    if message is None:
        raise ValueError(_NOTHING)
    return {name: figure for model, name, figure in _figures(message) if model in ("", CANDIDATE)}


def _models(uri: str) -> dict[str, dict[SliceKey, dict[str, Figure]]]:
    models: dict[str, dict[SliceKey, dict[str, Figure]]] = {CANDIDATE: {}}
    for message in tfma.load_metrics(uri):
        for model, name, figure in _figures(message):
            models.setdefault(model or CANDIDATE, {}).setdefault(_key(message.slice_key), {})[name] = figure
    if not models[CANDIDATE]:
        raise ValueError(_NOTHING)  # TFMA takes a missing directory for an empty result
    return models


def _figures(message: Any) -> Iterator[tuple[str, str, Figure]]:
    """Model, name and value of every figure of a slice."""
    for entry in message.metric_keys_and_values:
        key, value = entry.key, entry.value
        name = f"{key.name}_diff" if key.is_diff else key.name
        if value.HasField("bounded_value"):
            of = value.bounded_value
            ends = (of.value.value, of.lower_bound.value, of.upper_bound.value)
        else:
            ends = (value.double_value.value,)
        yield key.model_name, name, Figure(*ends) if all(map(math.isfinite, ends)) else NO_FIGURE


def _load(uri: str) -> tfma.EvalResult:
    result = tfma.load_eval_result(uri, model_name=CANDIDATE)
    if not result.slicing_metrics:
        raise ValueError(_NOTHING)
    return result


def _validation(uri: str) -> Validation:
    result, config = tfma.load_validation_result(uri), _load(uri).config
    failures = [
        Failure(
            Threshold(_key(part.slice_key), failure.metric_key.name, _bound(failure.metric_threshold)),
            failure.metric_value.double_value.value if failure.HasField("metric_value") else None,
            failure.message,
        )
        for part in result.metric_validations_per_slice
        for failure in part.failures
    ]
    return Validation(result.validation_ok, result.rubber_stamp, list(_thresholds(config)), failures)


def _thresholds(config: tfma.EvalConfig) -> Iterator[Threshold]:
    for spec in config.metrics_specs:
        for figure, parts in spec.per_slice_thresholds.items():
            for part in parts.thresholds:
                for within in part.slicing_specs:
                    yield Threshold(tuple(sorted(within.feature_values.items())), figure, _bound(part.threshold))


def _key(key: Any) -> SliceKey:
    return tuple((part.column, part.bytes_value.decode()) for part in key.single_slice_keys)


def _bound(threshold: Any) -> Bound:
    if threshold.HasField("value_threshold"):
        limit = threshold.value_threshold
        ends = {end: getattr(limit, f"{end}_bound") for end in ("lower", "upper") if limit.HasField(f"{end}_bound")}
        return Bound(**{end: value.value for end, value in ends.items()})
    if threshold.HasField("change_threshold"):
        limit = threshold.change_threshold
        kind = next(name for name in ("absolute", "relative") if limit.HasField(name))
        is_lower = limit.direction == tfma.MetricDirection.HIGHER_IS_BETTER
        return Bound(**{"lower" if is_lower else "upper": getattr(limit, kind).value}, change=kind)
    return Bound()


def _first_line(error: BaseException) -> str:
    return next(iter(str(error).splitlines()), "") or type(error).__name__
