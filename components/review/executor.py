"""Gathers what a run left, and writes its page."""

from __future__ import annotations

import contextlib
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

from ratchet.components.detector.kept_images import images_of
from ratchet.components.imaging.drawing import thumbnail
from ratchet.components.metrics.match_table import from_arrays
from ratchet.components.metrics.stored_arrays import StoredArrays
from ratchet.components.review.content import ErrorAnalysis, Lineage, ReviewContent, SuspectImage
from ratchet.components.review.error_analysis import GoldenFiles, analyse_errors
from ratchet.components.review.exports.originals import original_of
from ratchet.components.review.exports.suspects import GOLDEN as GOLDEN_SET
from ratchet.components.review.exports.suspects import (
    SPAN,
    BoxDoubt,
    Doubts,
    doubts,
    of_gallery,
    of_pictures,
    suspect_images,
)
from ratchet.components.review.page import review_page
from ratchet.components.review.tfma_view.data import read_tfma
from ratchet.components.review.tfma_view.page import tfma_page
from ratchet.components.review.tfma_view.runs import RunName, beside, names_of
from ratchet.components.stack.outputs import empty_outputs
from ratchet.components.stack.tfma import components_code
from ratchet.components.stack.tfx_steps import run_id
from ratchet.schemas.artifacts import evaluation as files
from ratchet.schemas.artifacts.adoption import Adoption
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
from ratchet.schemas.artifacts.origin import origin_of
from ratchet.schemas.artifacts.publication import PUBLICATION_FILE, PUBLICATION_FORMAT, PublicationResult
from ratchet.schemas.artifacts.review import REVIEW_FILE, TFMA_FILE
from ratchet.schemas.artifacts.training_record import TrainingRecord, read_training_record
from ratchet.schemas.base.code_version import code_version
from ratchet.schemas.base.persisted import PersistedFormat
from ratchet.schemas.base.progress import LOGGER
from ratchet.schemas.data.dataset import EVAL_SPLIT, SPLITS
from ratchet.schemas.data.examples_artifact import ExamplesArtifact
from ratchet.schemas.data.records import ImageRecord

Artifacts = dict[str, list[types.Artifact]]
THUMBNAIL_PX = 480
_ATTRIBUTE = "attribute/"  # what the evaluator puts before the names of attributes


class Executor(base_executor.BaseExecutor):
    """Runs at the end of a run, whether a candidate was trained or the data were rejected."""

    def Do(self, input_dict: Artifacts, output_dict: Artifacts, exec_properties: dict[str, Any]) -> None:
        """See the base class."""
        empty_outputs(output_dict)
        run = _Run(input_dict)
        content = _content(run, exec_properties, run_id(self))
        [output] = output_dict["page"]
        fileio.makedirs(output.uri)
        if content.evaluation is not None:
            _write(f"{output.uri}/{TFMA_FILE}", _tfma_report(content, run.uri("evaluation")))
        _write(f"{output.uri}/{REVIEW_FILE}", review_page(content))


def _write(path: str, page: str) -> None:
    with fileio.open(path, "w") as file:
        file.write(page)


def _tfma_report(content: ReviewContent, evaluation_uri: str) -> str:
    history, evaluation = content.history.runs, content.evaluation
    versions = {evaluation.baseline_digest: content.served} if evaluation and content.served else {}
    names = names_of(history, {digest: version for digest, version in versions.items() if digest})
    own = RunName(
        content.run_id,
        content.lineage.span.span,
        content.pushed_version,
        content.made_at,
        content.verdict.value,
        content.lineage.golden.digest,
    )
    past = {names[entry.run_id]: beside(entry.evaluation, evaluation_uri) for entry in history}
    results = read_tfma(evaluation_uri, own, past)
    return tfma_page(results, components_code(), content.pipeline, REVIEW_FILE)


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
    origin = origin_of(path_utils.serving_model_path(baseline.uri), fileio) if has_baseline else None
    publication = _publication(run)
    evaluation = _evaluation(run, publication) if run.one("evaluation") else None
    diagnosis, data = _diagnosis(run), run.read("decision", DECISION_FILE, DATA_DECISION_FORMAT)
    drawn = run.read("decision", PICTURES_FILE, PICTURES_FORMAT)
    seen: dict[str, ImageRecord] = {}
    analysis = _analysis(run, evaluation, diagnosis, seen) if evaluation else None
    return ReviewContent(
        run_id=run_id,
        pipeline=properties["pipeline"],
        root=properties["root"],
        command=properties["command"],
        made_at=datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        pushed_version=publication.version,
        served=baseline.get_string_custom_property("version") if has_baseline else None,
        data=data,
        comparisons=run.read("decision", EVIDENCE_FILE, EVIDENCE_FORMAT).comparisons,
        pictures=drawn,
        diagnosis=diagnosis,
        evaluation=evaluation,
        analysis=analysis,
        candidate=_record(run.uri("model")) if run.one("model") else None,
        baseline=origin if isinstance(origin, TrainingRecord) else None,
        adoption=origin if isinstance(origin, Adoption) else None,
        history=run.read("baseline", HISTORY_FILE, HISTORY_FORMAT),
        lineage=_lineage(run),
        suspects=_suspects(
            run,
            doubts(data, diagnosis, analysis),
            {SPAN: of_pictures(drawn.pictures), GOLDEN_SET: of_gallery(analysis)},
            seen,
        ),
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


def _analysis(run: _Run, evaluation: Evaluation, diagnosis: Diagnosis, seen: dict[str, ImageRecord]) -> ErrorAnalysis:
    """What the golden set shows; `seen` gets the annotations of the images that were opened for it."""
    directory = f"{run.uri('evaluation')}/{GOLDEN}"
    models = {CANDIDATE: files.CANDIDATE_FILE}
    if evaluation.golden.baseline:
        models[BASELINE] = files.BASELINE_FILE
    with _arrays(f"{directory}/{files.MATCHES_FILE}") as arrays:
        tables = from_arrays(arrays, models)
        attributes = {name.removeprefix(_ATTRIBUTE): arrays[name] for name in arrays if name.startswith(_ATTRIBUTE)}
    golden = ExamplesArtifact.open(run.uri("golden"), fileio)
    analysis = analyse_errors(
        GoldenFiles(
            tables=tables,
            truth=_Lines(f"{directory}/{files.GROUND_TRUTH_FILE}"),
            found={model: _Lines(f"{directory}/{name}") for model, name in models.items()},
            read_images=lambda names: _thumbnails(golden, names, seen),
            attributes=attributes,
        ),
        evaluation.golden,
        [name for finding in diagnosis.findings for name in finding.images],
    )
    gallery, better = (
        tuple(dataclasses.replace(image, original=original_of(golden.info.source, image.file_name)) for image in images)
        for images in (analysis.gallery, analysis.better)
    )
    return dataclasses.replace(analysis, gallery=gallery, better=better)


@contextlib.contextmanager
def _arrays(path: str) -> Iterator[Mapping[str, np.ndarray]]:
    """The arrays of a file; of one of this machine large ones are mapped."""
    if "://" not in path:
        yield StoredArrays(path)
        return
    with fileio.open(path, "rb") as file, np.load(file, allow_pickle=False) as arrays:
        yield arrays


def _thumbnails(golden: ExamplesArtifact, names: Sequence[str], seen: dict[str, ImageRecord]) -> dict[str, bytes]:
    found = images_of(golden, names, EVAL_SPLIT)
    seen |= {name: record for name, (record, _) in found.items()}
    return {name: thumbnail(encoded, THUMBNAIL_PX) for name, (_, encoded) in found.items()}


def _suspects(
    run: _Run,
    doubted: Mapping[str, Doubts],
    of_boxes: Mapping[str, Mapping[str, Sequence[BoxDoubt]]],
    seen: Mapping[str, ImageRecord],
) -> dict[str, tuple[SuspectImage, ...]]:
    """The images whose labels are doubted; a page is written all the same where they cannot be read."""
    keys = {SPAN: ("examples", SPLITS), GOLDEN_SET: ("golden", (EVAL_SPLIT,))}
    found = {}
    for data_set, images in doubted.items():
        key, splits = keys[data_set]
        try:
            artifact = ExamplesArtifact.open(run.uri(key), fileio)
            known = dict(seen) if data_set == GOLDEN_SET else {}
            missing = [name for name in images if name not in known]
            known |= {name: record for name, (record, _) in images_of(artifact, missing, *splits).items()}
        except Exception as error:  # of TFX's file systems, each with its own
            LOGGER.warning("what to relabel of %s cannot be read (%s: %s)", data_set, type(error).__name__, error)
            continue
        info = artifact.info
        found[data_set] = suspect_images(
            images,
            known,
            info.class_names,
            of_boxes[data_set],
            lambda name, source=info.source: original_of(source, name),
        )
    return found


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
