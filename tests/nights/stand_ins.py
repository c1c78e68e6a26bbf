"""Steps that take moments instead of minutes: what they write has the form of the real ones' files, and says nothing.

Of a night everything else is real: the command, the locks, LocalDagRunner and ML Metadata, BaselineReader and Pusher
with the registry, the result, the index of runs, the links between pages and retention. Not real are what is read of
images (both ExampleGen, StatisticsGen), the data gate, the training, the evaluation, the diagnosis, the page, and the
look at the staged model in a process of its own.

Importing this module starts TensorFlow and TFX.
"""

# pyright: reportAttributeAccessIssue=false
# (protobuf's classes are made when their module is imported)

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import signal
from pathlib import Path
from typing import Any

from tfx import types
from tfx.dsl.components.base import base_executor
from tfx.dsl.components.base.executor_spec import ExecutorClassSpec
from tfx.types import artifact_utils

from ratchet.components.map_evaluator.executor import _bless
from ratchet.components.pages.document import Page, document
from ratchet.components.pages.trail import trail
from ratchet.components.stack.tfx_steps import run_id
from ratchet.components.trainer.images.augmentation import AUGMENTATIONS
from ratchet.components.trainer.settings import TrainerSettings
from ratchet.pipeline.run import runner
from ratchet.schemas.artifacts.blessing import Blessing
from ratchet.schemas.artifacts.data_evidence import DATA_DECISION_FORMAT, DECISION_FILE, PAGE_FILE
from ratchet.schemas.artifacts.decisions import DataDecision, Decision, Reason, Verdict
from ratchet.schemas.artifacts.diagnosis import REJECTION_DIAGNOSIS_STEP
from ratchet.schemas.artifacts.evaluation import (
    BASELINE,
    CANDIDATE,
    EVALUATION_FILE,
    EVALUATION_FORMAT,
    DataSetEvaluation,
    Evaluation,
    ModelScores,
)
from ratchet.schemas.artifacts.review import REJECTION_STEP, REVIEW_FILE
from ratchet.schemas.artifacts.training_record import RECORD_FILE, TRAINING_RECORD_FORMAT
from ratchet.schemas.base import settings as settings_io
from ratchet.schemas.base.files import LOCAL_FILES
from ratchet.schemas.base.model_digest import model_digest
from ratchet.schemas.data.dataset import DATASET_FILE, TRAIN_SPLIT
from tests.builders import trained_data, training_record
from tests.formats.kinds import golden_text

Artifacts = dict[str, list[types.Artifact]]
PUSHED_OF = 3  # every third candidate is pushed, the others are blocked; but for spans of which something is told:
TOLD: dict[int, Verdict] = {}
_PAGE_BYTES = 40_000


def _only(artifacts: Artifacts, key: str) -> types.Artifact:
    return artifact_utils.get_single_instance(artifacts[key])


def _write(directory: str, name: str, text: str) -> None:
    path = Path(directory, name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


class StoredImages(base_executor.BaseExecutor):
    """For DetectionExampleGen, also of the golden set."""

    def Do(self, input_dict: Artifacts, output_dict: Artifacts, exec_properties: dict[str, Any]) -> None:
        examples = _only(output_dict, "examples")
        _write(examples.uri, DATASET_FILE, golden_text("dataset", 1))
        _write(examples.uri, f"Split-{TRAIN_SPLIT}/data_tfrecord-00000-of-00001.gz", "images" * 1000)
        examples.split_names = artifact_utils.encode_split_names([TRAIN_SPLIT])


class Statistics(base_executor.BaseExecutor):
    """For StatisticsGen."""

    def Do(self, input_dict: Artifacts, output_dict: Artifacts, exec_properties: dict[str, Any]) -> None:
        statistics = _only(output_dict, "statistics")
        _write(statistics.uri, f"Split-{TRAIN_SPLIT}/FeatureStats.pb", "")
        statistics.split_names = artifact_utils.encode_split_names([TRAIN_SPLIT])


class OpenGate(base_executor.BaseExecutor):
    """For DataGate: every span passes that is not to be rejected."""

    def Do(self, input_dict: Artifacts, output_dict: Artifacts, exec_properties: dict[str, Any]) -> None:
        decision, passage = _only(output_dict, "decision"), _only(output_dict, "passage")
        passed = TOLD.get(_span(run_id(self))) is not Verdict.DATA_REJECTED
        reason = Reason("min_images", "at least 1 image", "40", passed=passed)
        _write(decision.uri, DECISION_FILE, DATA_DECISION_FORMAT.write(DataDecision(passed, (reason,))))
        _write(decision.uri, PAGE_FILE, "<!doctype html>")
        _write(passage.uri, "passed", "")
        decision.split_names = artifact_utils.encode_split_names([TRAIN_SPLIT])
        for artifact in (decision, passage):
            artifact.set_int_custom_property("passed", int(passed))


class Training(base_executor.BaseExecutor):
    """For DetectorTrainer: weights that no other night has."""

    def Do(self, input_dict: Artifacts, output_dict: Artifacts, exec_properties: dict[str, Any]) -> None:
        model, examples = _only(output_dict, "model"), _only(input_dict, "examples")
        directory = f"{model.uri}/Format-Serving"
        _write(directory, "saved_model.pb", "graph")
        _write(directory, "variables/data", f"{run_id(self)} " * 1000)
        names = tuple(map(str, range(10)))  # those of the scenes of digits
        data = trained_data(examples=examples.uri.rpartition("/artifacts/")[2], class_names=names)
        config = json.loads(exec_properties["custom_config"])
        settings = settings_io.from_json(TrainerSettings, config["settings"])
        record = training_record(
            category_ids=tuple(range(1, 11)),
            model=json.loads(json.dumps(dataclasses.asdict(settings.model))),
            augmentation=settings.augmentation,
            augmentation_digest=AUGMENTATIONS[settings.augmentation].digest,
            **vars(data),
        )
        _write(directory, RECORD_FILE, TRAINING_RECORD_FORMAT.write(record))


class KilledTraining(base_executor.BaseExecutor):
    """For DetectorTrainer: ends its process as a SIGKILL does."""

    def Do(self, input_dict: Artifacts, output_dict: Artifacts, exec_properties: dict[str, Any]) -> None:
        os.kill(os.getpid(), signal.SIGKILL)


class Evaluating(base_executor.BaseExecutor):
    """For MapEvaluator: a figure by the number of the night."""

    def Do(self, input_dict: Artifacts, output_dict: Artifacts, exec_properties: dict[str, Any]) -> None:
        evaluation, blessing = _only(output_dict, "evaluation"), _only(output_dict, "blessing")
        models = {CANDIDATE: _only(input_dict, "model"), BASELINE: _only(input_dict, "baseline_model")}
        digest, version = (models[BASELINE].get_string_custom_property(name) for name in ("digest", "version"))
        verdict = _verdict(run_id(self), bool(version))
        reasons = () if verdict.pushes else (Reason("map_drop", "no fall", "a fall"),)
        candidate = model_digest(f"{models[CANDIDATE].uri}/Format-Serving", LOCAL_FILES)
        golden = DataSetEvaluation(9, ModelScores({"AP": 0.5}, {}), None, None, {}, {})
        measured = Evaluation(Decision(verdict, reasons), {"golden": golden}, "golden", candidate_digest=candidate)
        text = EVALUATION_FORMAT.write(measured)
        _write(evaluation.uri, EVALUATION_FILE, text)
        said = {
            "model_digest": candidate,
            "baseline_digest": digest,
            "baseline_version": version,
            "evaluation": evaluation.uri,
            "evaluation_digest": hashlib.sha256(text.encode()).hexdigest(),
        }
        known = models if version else {CANDIDATE: models[CANDIDATE]}
        _bless(blessing, verdict.pushes, known, Blessing.from_properties(said))


def _span(run: str) -> int:
    return int(run.split("-")[1])


def _verdict(run: str, has_baseline: bool) -> Verdict:
    if not has_baseline:
        return Verdict.BOOTSTRAPPED
    night = int(run.rpartition("-")[2])
    return TOLD.get(_span(run), Verdict.PUSHED if night % PUSHED_OF == 0 else Verdict.BLOCKED)


class NoDiagnosis(base_executor.BaseExecutor):
    """For Diagnosis: nothing is explained."""

    def Do(self, input_dict: Artifacts, output_dict: Artifacts, exec_properties: dict[str, Any]) -> None:
        _write(_only(output_dict, "diagnosis").uri, "nothing", "")


class SmallPage(base_executor.BaseExecutor):
    """For Review: a page with a place for links."""

    def Do(self, input_dict: Artifacts, output_dict: Artifacts, exec_properties: dict[str, Any]) -> None:
        text = document(Page(run_id(self), "pass", trail(), [], trail=trail()))
        _write(_only(output_dict, "page").uri, REVIEW_FILE, f"{text}<!--{'x' * _PAGE_BYTES}-->")


STAND_INS = {
    "DetectionExampleGen": StoredImages,
    "GoldenExampleGen": StoredImages,
    "StatisticsGen": Statistics,
    "DataGate": OpenGate,
    "DetectorTrainer": Training,
    "MapEvaluator": Evaluating,
    "Diagnosis": NoDiagnosis,
    "Review": SmallPage,
    REJECTION_DIAGNOSIS_STEP: NoDiagnosis,
    REJECTION_STEP: SmallPage,
}


def with_stand_ins() -> None:
    """Lets every pipeline of this process be made with them; they stay."""
    made = runner.create_pipeline

    def create(*arguments: Any, **options: Any) -> Any:
        pipeline = made(*arguments, **options)
        for component in pipeline.components:
            if component.id in STAND_INS:
                component.executor_spec = ExecutorClassSpec(STAND_INS[component.id])
        return pipeline

    runner.create_pipeline = create
