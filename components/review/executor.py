"""Gathers what a run left, and writes its page."""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from tfx import types
from tfx.dsl.components.base import base_executor
from tfx.dsl.io import fileio
from tfx.types import artifact_utils
from tfx.utils import path_utils

from ratchet.components.detector.sampling import images_of
from ratchet.components.imaging.drawing import draw_boxes
from ratchet.components.metrics.match_table import from_arrays
from ratchet.components.review.content import ErrorAnalysis, Lineage, ReviewContent
from ratchet.components.review.error_analysis import GoldenFiles, analyse_errors
from ratchet.components.review.page import review_page
from ratchet.components.review.tfma_view.data import read_tfma
from ratchet.components.stack import tfma as tfma_package
from ratchet.components.stack.tfx_steps import run_id
from ratchet.schemas.artifacts import evaluation as files
from ratchet.schemas.artifacts.data_evidence import (
    DATA_DECISION_FORMAT,
    DECISION_FILE,
    EVIDENCE_FILE,
    EVIDENCE_FORMAT,
    PICTURES_FILE,
    PICTURES_FORMAT,
)
from ratchet.schemas.artifacts.diagnosis import (
    DIAGNOSIS_FILE,
    DIAGNOSIS_FORMAT,
    UNKNOWN,
    Cause,
    Diagnosis,
    DiagnosisState,
)
from ratchet.schemas.artifacts.evaluation import BASELINE, CANDIDATE, GOLDEN, Evaluation
from ratchet.schemas.artifacts.history import HISTORY_FILE, HISTORY_FORMAT
from ratchet.schemas.artifacts.publication import PUBLICATION_FILE, PUBLICATION_FORMAT, PublicationResult
from ratchet.schemas.artifacts.review import REVIEW_FILE
from ratchet.schemas.artifacts.training_record import TrainingRecord, read_training_record
from ratchet.schemas.base.code_version import code_version
from ratchet.schemas.base.persisted import PersistedFormat
from ratchet.schemas.data.dataset import EVAL_SPLIT
from ratchet.schemas.data.examples_artifact import ExamplesArtifact

Artifacts = dict[str, list[types.Artifact]]
THUMBNAIL_PX = 480


class Executor(base_executor.BaseExecutor):
    """Runs at the end of a run, whether a candidate was trained or the data were rejected."""

    def Do(self, input_dict: Artifacts, output_dict: Artifacts, exec_properties: dict[str, Any]) -> None:
        """See the base class."""
        run = _Run(input_dict)
        content = _content(run, exec_properties, run_id(self))
        tfma = None
        if content.evaluation is not None:
            past = {entry.run_id: entry.evaluation for entry in content.history.runs}
            tfma = read_tfma(run.uri("evaluation"), content.run_id, past)
        page = review_page(content, tfma, tfma_package.components_code() if tfma else "")
        [output] = output_dict["page"]
        fileio.makedirs(output.uri)
        with fileio.open(f"{output.uri}/{REVIEW_FILE}", "w") as file:
            file.write(page)


T = TypeVar("T")


@dataclass(frozen=True)
class _Run:
    """The artifacts of the run."""

    artifacts: Artifacts

    def one(self, key: str) -> types.Artifact | None:
        found = self.artifacts.get(key)
        return found[0] if found else None

    def uri(self, key: str) -> str:
        return artifact_utils.get_single_uri(self.artifacts[key])

    def read(self, key: str, name: str, kind: PersistedFormat[T]) -> T:
        path = f"{self.uri(key)}/{name}"
        return kind.read(_text(path), path)


def _content(run: _Run, properties: Mapping[str, Any], run_id: str) -> ReviewContent:
    baseline = artifact_utils.get_single_instance(run.artifacts["baseline"])
    has_baseline = bool(baseline.get_int_custom_property("has_baseline"))
    publication = _publication(run)
    evaluation = _evaluation(run, publication) if run.one("evaluation") else None
    diagnosis = _diagnosis(run)
    return ReviewContent(
        run_id=run_id,
        pipeline=properties["pipeline"],
        root=properties["root"],
        command=properties["command"],
        made_at=datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        pushed_version=publication.version,
        served=baseline.get_string_custom_property("version") if has_baseline else None,
        data=run.read("decision", DECISION_FILE, DATA_DECISION_FORMAT),
        comparisons=run.read("decision", EVIDENCE_FILE, EVIDENCE_FORMAT).comparisons,
        pictures=run.read("decision", PICTURES_FILE, PICTURES_FORMAT).pictures,
        diagnosis=diagnosis,
        evaluation=evaluation,
        analysis=_analysis(run, evaluation, diagnosis) if evaluation else None,
        candidate=_record(run.uri("model")) if run.one("model") else None,
        baseline=_record(baseline.uri) if has_baseline else None,
        history=run.read("baseline", HISTORY_FILE, HISTORY_FORMAT),
        lineage=_lineage(run),
    )


def _diagnosis(run: _Run) -> Diagnosis:
    """What the diagnosis wrote; a page is written all the same where it cannot be read."""
    try:
        return run.read("diagnosis", DIAGNOSIS_FILE, DIAGNOSIS_FORMAT)
    except Exception as error:  # of TFX's file systems, each with its own
        told = f"The diagnosis cannot be read ({type(error).__name__}: {error}); verdict and figures stand."
        return Diagnosis(Cause(UNKNOWN, "", 0.0, DiagnosisState.FAILED, told, (), ""))


def _publication(run: _Run) -> PublicationResult:
    if run.one("pushed_model") is None:
        return PublicationResult()
    # What registers a model hands on what the Pusher wrote, and adds to it.
    key = "registration" if run.one("registration") else "pushed_model"
    return run.read(key, PUBLICATION_FILE, PUBLICATION_FORMAT)


def _evaluation(run: _Run, publication: PublicationResult) -> Evaluation:
    """What was measured, with what was decided in the end."""
    evaluation = run.read("evaluation", files.EVALUATION_FILE, files.EVALUATION_FORMAT)
    return dataclasses.replace(evaluation, decision=publication.final(evaluation.decision))


def _analysis(run: _Run, evaluation: Evaluation, diagnosis: Diagnosis) -> ErrorAnalysis:
    directory = f"{run.uri('evaluation')}/{GOLDEN}"
    models = {CANDIDATE: files.CANDIDATE_FILE}
    if evaluation.golden.baseline:
        models[BASELINE] = files.BASELINE_FILE
    with fileio.open(f"{directory}/{files.MATCHES_FILE}", "rb") as file, np.load(file, allow_pickle=False) as arrays:
        tables = from_arrays(arrays, models)
    golden = ExamplesArtifact.open(run.uri("golden"), fileio).record_files(EVAL_SPLIT)
    return analyse_errors(
        GoldenFiles(
            tables=tables,
            truth=_Lines(f"{directory}/{files.GROUND_TRUTH_FILE}"),
            found={model: _Lines(f"{directory}/{name}") for model, name in models.items()},
            read_images=lambda names: _thumbnails(golden, names),
        ),
        evaluation.golden,
        [name for finding in diagnosis.findings for name in finding.images],
    )


def _thumbnails(golden: Sequence[str], names: Sequence[str]) -> dict[str, bytes]:
    return {name: draw_boxes(encoded, [], THUMBNAIL_PX) for name, (_, encoded) in images_of(golden, names).items()}


@dataclass(frozen=True)
class _Lines:
    """The lines of a text file, opened anew at each call."""

    path: str

    def __call__(self) -> Iterator[str]:
        with fileio.open(self.path, "r") as file:
            yield from file


def _record(uri: str) -> TrainingRecord:
    return read_training_record(path_utils.serving_model_path(uri), fileio)


def _lineage(run: _Run) -> Lineage:
    return Lineage(
        artifacts=tuple((key, entries[0].uri, entries[0].id) for key, entries in run.artifacts.items() if entries),
        code=code_version(),
        golden=ExamplesArtifact.open(run.uri("golden"), fileio).info,
        span=ExamplesArtifact.open(run.uri("examples"), fileio).info,
    )


def _text(path: str) -> str:
    with fileio.open(path, "r") as file:
        return file.read()
