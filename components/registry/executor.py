"""Executors of the two ends of the registry: read the baseline, record the decision."""

from __future__ import annotations

import datetime
import hashlib
import json
from typing import Any

from tfx import types
from tfx.dsl.components.base import base_executor
from tfx.dsl.io import fileio
from tfx.types import artifact_utils
from tfx.utils import io_utils, path_utils

from components.registry.registry import RecordedDecision, Registry, ServedModel, model_digest
from schemas.dataset import DATASET_FILE, DataSetInfo
from schemas.evaluation import EVALUATION_FILE, Evaluation

Artifacts = dict[str, list[types.Artifact]]


class BaselineReaderExecutor(base_executor.BaseExecutor):
    """Copies the served model into this run, so that every step sees the same bytes to its end."""

    def Do(self, input_dict: Artifacts, output_dict: Artifacts, exec_properties: dict[str, Any]) -> None:
        """See the base class."""
        registry = _registry(exec_properties)
        served = registry.baseline(bool(exec_properties["bootstrap"]))
        baseline = artifact_utils.get_single_instance(output_dict["baseline"])
        baseline.set_int_custom_property("has_baseline", int(served is not None))
        baseline.set_string_custom_property("golden_uses", json.dumps(registry.golden_uses()))
        baseline.set_string_custom_property("trained_spans", registry.trained_spans().to_json())
        if served is None:
            fileio.makedirs(baseline.uri)
            return
        io_utils.copy_dir(served.path, path_utils.serving_model_path(baseline.uri))
        baseline.set_string_custom_property("version", served.version)
        baseline.set_string_custom_property("digest", served.digest)
        baseline.set_string_custom_property("golden_digest", served.golden_digest)


class DecisionRecorderExecutor(base_executor.BaseExecutor):
    """Records what was decided and, if the Pusher pushed, points the registry at the new model."""

    def Do(self, input_dict: Artifacts, output_dict: Artifacts, exec_properties: dict[str, Any]) -> None:
        """See the base class."""
        registry = _registry(exec_properties)
        evaluation_uri = artifact_utils.get_single_uri(input_dict["evaluation"])
        evaluation = Evaluation.from_json(_read(f"{evaluation_uri}/{EVALUATION_FILE}"))
        dataset = _dataset(input_dict["examples"])
        compared = evaluation.golden.compared
        run_id = (self._context and self._context.pipeline_run_id) or ""
        now = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
        key = hashlib.sha256(evaluation_uri.encode()).hexdigest()[:16]
        registry.record_decision(
            key,
            RecordedDecision(
                run_id=run_id,
                span=dataset.span,
                span_version=dataset.version,
                data_digest=dataset.digest,
                golden_digest=evaluation.golden_digest,
                verdict=evaluation.decision.verdict.value,
                map=compared.candidate.coco["AP"],
                baseline_map=compared.baseline.coco["AP"] if compared.baseline else None,
                decided_at=now,
            ),
        )
        pushed = artifact_utils.get_single_instance(input_dict["pushed_model"])
        if not pushed.get_int_custom_property("pushed"):
            return
        path = pushed.get_string_custom_property("pushed_destination")
        registry.record(
            ServedModel(
                version=pushed.get_string_custom_property("pushed_version"),
                path=path,
                digest=model_digest(path, fileio),
                span=dataset.span,
                golden_digest=evaluation.golden_digest,
                map=evaluation.golden.candidate.coco["AP"],
                verdict=evaluation.decision.verdict.value,
                run_id=run_id,
                pushed_at=now,
            )
        )


def _registry(exec_properties: dict[str, Any]) -> Registry:
    return Registry(exec_properties["registry_directory"], exec_properties["serving_directory"], fileio)


def _dataset(artifacts: list[types.Artifact]) -> DataSetInfo:
    return DataSetInfo.from_json(_read(f"{artifact_utils.get_single_uri(artifacts)}/{DATASET_FILE}"))


def _read(path: str) -> str:
    with fileio.open(path, "r") as file:
        return file.read()
