"""Reads an evaluation and those of past runs with TFMA, and TFMA's own components from its package."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import tensorflow as tf
import tensorflow_model_analysis as tfma
from google.protobuf import json_format
from google.protobuf.message import DecodeError

from ratchet.components.review.tfma_view.figures import EvaluatedRun, TfmaData, numbered, tfma_data
from ratchet.schemas.artifacts.evaluation import CANDIDATE
from ratchet.schemas.base.errors import StateError

# What TFMA raises for files that are missing, cut off or not its own.
_UNREADABLE = (OSError, ValueError, LookupError, tf.errors.OpError, json_format.ParseError, DecodeError)


def read_tfma(evaluation_uri: str, run_id: str, past: Mapping[str, str]) -> TfmaData:
    """What TFMA's components show of a run.

    Args:
        evaluation_uri: directory of the run's ModelEvaluation artifact.
        run_id: name of the run.
        past: the same directory of each run before it, by its name, the oldest first.

    Returns:
        Figures of the run, and a time series of all runs. A past run that cannot be read is left out and named.

    Raises:
        StateError: the run's own directory cannot be read.
    """
    runs, skipped = _readable({name: uri for name, uri in past.items() if name != run_id}, _read)
    try:
        run = _read(evaluation_uri, run_id)
    except _UNREADABLE as error:
        raise StateError(
            f"{evaluation_uri}: not a result that TFMA reads ({_first_line(error)}); evaluate the run again"
        ) from error
    return tfma_data(run, runs, skipped)


def read_results(evaluations: Mapping[str, str]) -> tuple[list[tfma.EvalResult], list[str]]:
    """Results of several runs for TFMA's own views, which tell runs apart, and sort them, by the name of a model.

    Args:
        evaluations: directory of each run's ModelEvaluation artifact, by the run's name, the oldest first.

    Returns:
        The results that can be read, each under its number and its run's name; and the others with the reason.
    """
    names = {name: numbered(place, len(evaluations), name) for place, name in enumerate(evaluations, start=1)}
    return _readable(evaluations, lambda uri, name: _load(uri, CANDIDATE)._replace(model_location=names[name]))


_Found = TypeVar("_Found")


def _readable(evaluations: Mapping[str, str], read: Callable[[str, str], _Found]) -> tuple[list[_Found], list[str]]:
    found, skipped = [], []
    for name, uri in evaluations.items():
        try:
            found.append(read(uri, name))
        except _UNREADABLE as error:
            skipped.append(f"{name} ({uri}): {_first_line(error)}")
    return found, skipped


def _read(uri: str, run_id: str) -> EvaluatedRun:
    result = _load(uri, CANDIDATE)
    others = [spec.name for spec in result.config.model_specs if spec.name != CANDIDATE]
    results = {CANDIDATE: result, **{name: _load(uri, name) for name in others}}
    models: Any = {
        name: {key: figures[""][""] for key, figures in found.slicing_metrics} for name, found in results.items()
    }
    return EvaluatedRun(run_id, os.path.basename(result.data_location or ""), models)


def _load(uri: str, model: str) -> tfma.EvalResult:
    result = tfma.load_eval_result(uri, model_name=model)
    if not result.slicing_metrics:
        raise ValueError("no metrics there")  # TFMA takes a missing directory for an empty result
    return result


def _first_line(error: BaseException) -> str:
    return next(iter(str(error).splitlines()), "") or type(error).__name__
