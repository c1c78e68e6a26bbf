"""Gathers what a run left, and writes its page."""

from __future__ import annotations

import dataclasses
import datetime
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from tfx import types
from tfx.dsl.components.base import base_executor
from tfx.dsl.io import fileio
from tfx.types import artifact_utils
from tfx.utils import path_utils

from components.detector.look import images_of
from components.imaging.drawing import draw_boxes
from components.metrics.match_table import from_arrays
from components.review.content import Lineage, Measured, ReviewContent
from components.review.measure import GoldenFiles, measure
from components.review.page import review_page
from components.review.tfma_view.data import read_tfma
from components.stack import tfma as tfma_package
from components.stack.tfx_steps import run_id
from schemas.artifacts import evaluation as files
from schemas.artifacts.data_evidence import (
    DECISION_FILE,
    EVIDENCE_FILE,
    PICTURES_FILE,
    evidence_from_json,
    pictures_from_json,
)
from schemas.artifacts.decisions import DataDecision
from schemas.artifacts.evaluation import BASELINE, CANDIDATE, GOLDEN, Evaluation
from schemas.artifacts.history import HISTORY_FILE, History
from schemas.artifacts.publication import PUBLICATION_FILE, PublicationResult
from schemas.artifacts.review import REVIEW_FILE
from schemas.artifacts.training_record import RECORD_FILE, TrainingRecord
from schemas.base.code_version import code_version
from schemas.data.dataset import EVAL_SPLIT
from schemas.data.examples_artifact import ExamplesArtifact

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


@dataclass(frozen=True)
class _Run:
    """The artifacts of the run."""

    artifacts: Artifacts

    def one(self, key: str) -> types.Artifact | None:
        found = self.artifacts.get(key)
        return found[0] if found else None

    def uri(self, key: str) -> str:
        return artifact_utils.get_single_uri(self.artifacts[key])

    def text(self, key: str, name: str) -> str:
        return _text(f"{self.uri(key)}/{name}")


def _content(run: _Run, properties: Mapping[str, Any], run_id: str) -> ReviewContent:
    baseline = artifact_utils.get_single_instance(run.artifacts["baseline"])
    has_baseline = bool(baseline.get_int_custom_property("has_baseline"))
    publication = _publication(run)
    evaluation = _evaluation(run, publication) if run.one("evaluation") else None
    return ReviewContent(
        run_id=run_id,
        pipeline=properties["pipeline"],
        root=properties["root"],
        command=properties["command"],
        made_at=datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        pushed_version=publication.version,
        served=baseline.get_string_custom_property("version") if has_baseline else None,
        data=DataDecision.from_json(json.loads(run.text("decision", DECISION_FILE))),
        comparisons=evidence_from_json(run.text("decision", EVIDENCE_FILE)),
        pictures=pictures_from_json(run.text("decision", PICTURES_FILE)),
        evaluation=evaluation,
        measured=_measured(run, evaluation) if evaluation else None,
        candidate=_record(run.uri("model")) if run.one("model") else None,
        baseline=_record(baseline.uri) if has_baseline else None,
        history=History.from_json(run.text("baseline", HISTORY_FILE)),
        lineage=_lineage(run),
    )


def _publication(run: _Run) -> PublicationResult:
    if run.one("pushed_model") is None:
        return PublicationResult()
    return PublicationResult.from_json(run.text("pushed_model", PUBLICATION_FILE), PUBLICATION_FILE)


def _evaluation(run: _Run, publication: PublicationResult) -> Evaluation:
    """What was measured, with what was decided in the end."""
    measured = Evaluation.from_json(run.text("evaluation", files.EVALUATION_FILE))
    return dataclasses.replace(measured, decision=publication.final(measured.decision))


def _measured(run: _Run, evaluation: Evaluation) -> Measured:
    directory = f"{run.uri('evaluation')}/{GOLDEN}"
    models = {CANDIDATE: files.CANDIDATE_FILE}
    if evaluation.golden.baseline:
        models[BASELINE] = files.BASELINE_FILE
    with fileio.open(f"{directory}/{files.MATCHES_FILE}", "rb") as file, np.load(file, allow_pickle=False) as arrays:
        tables = from_arrays(arrays, models)
    golden = ExamplesArtifact.open(run.uri("golden"), fileio).record_files(EVAL_SPLIT)
    return measure(
        GoldenFiles(
            tables=tables,
            truth=_Lines(f"{directory}/{files.GROUND_TRUTH_FILE}"),
            found={model: _Lines(f"{directory}/{name}") for model, name in models.items()},
            read_images=lambda names: _thumbnails(golden, names),
        ),
        evaluation.golden,
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
    path = f"{path_utils.serving_model_path(uri)}/{RECORD_FILE}"
    return TrainingRecord.from_json(_text(path), path)


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
