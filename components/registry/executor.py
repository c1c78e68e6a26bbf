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

from components.registry.registry import RecordedDecision, Registry, ServedModel
from schemas.dataset import DATASET_FILE, DataSetInfo
from schemas.errors import StateError
from schemas.evaluation import EVALUATION_FILE, Evaluation
from schemas.history import HISTORY_FILE, History, PastRun
from schemas.model_digest import model_digest

Artifacts = dict[str, list[types.Artifact]]
_GO_BACK = "serve the recorded model again (ratchet rollback --to VERSION --by NAME --reason TEXT), then run again"


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
        fileio.makedirs(baseline.uri)
        io_utils.write_string_file(f"{baseline.uri}/{HISTORY_FILE}", _history(registry).to_json())
        if served is None:
            return
        io_utils.copy_dir(served.path, path_utils.serving_model_path(baseline.uri))
        baseline.set_string_custom_property("version", served.version)
        baseline.set_string_custom_property("digest", served.digest)
        baseline.set_string_custom_property("golden_digest", served.golden_digest)


def _history(registry: Registry) -> History:
    return History(
        runs=tuple(
            PastRun(
                run_id=made.run_id,
                span=made.span,
                verdict=made.verdict,
                map=made.map,
                baseline_map=made.baseline_map,
                decided_at=made.decided_at,
                golden_digest=made.golden_digest,
                evaluation=made.evaluation,
                reason=made.reason or "",
            )
            for made in registry.decisions()
        ),
        overrides=tuple(registry.overrides()),
        current=registry.current_override(),
    )


class DecisionRecorderExecutor(base_executor.BaseExecutor):
    """Records what was decided and, if the Pusher pushed, points the registry at the new model."""

    def Do(self, input_dict: Artifacts, output_dict: Artifacts, exec_properties: dict[str, Any]) -> None:
        """See the base class."""
        registry = _registry(exec_properties)
        run_id = (self._context and self._context.pipeline_run_id) or ""
        decision = _decision(input_dict, run_id)
        key = hashlib.sha256(decision.evaluation.encode()).hexdigest()[:16]
        registry.record_decision(key, decision)
        pushed = artifact_utils.get_single_instance(input_dict["pushed_model"])
        if pushed.get_int_custom_property("pushed"):
            registry.record(_served(pushed, decision, _evaluation(input_dict), registry))


def _decision(input_dict: Artifacts, run_id: str) -> RecordedDecision:
    evaluation, dataset = _evaluation(input_dict), _dataset(input_dict["examples"])
    compared, decision = evaluation.golden.compared, evaluation.decision
    model = artifact_utils.get_single_uri(input_dict["model"])
    baseline = artifact_utils.get_single_instance(input_dict["baseline"])
    known = bool(baseline.get_int_custom_property("has_baseline"))
    deltas = evaluation.golden.deltas
    return RecordedDecision(
        run_id=run_id,
        span=dataset.span,
        span_version=dataset.version,
        data_digest=dataset.digest,
        golden_digest=evaluation.golden_digest,
        verdict=decision.verdict.value,
        map=compared.candidate.coco["AP"],
        baseline_map=compared.baseline.coco["AP"] if compared.baseline else None,
        decided_at=datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        model=model,
        model_digest=model_digest(path_utils.serving_model_path(model), fileio),
        baseline_version=baseline.get_string_custom_property("version") if known else None,
        baseline_digest=baseline.get_string_custom_property("digest") if known else None,
        evaluation=artifact_utils.get_single_uri(input_dict["evaluation"]),
        delta=deltas.overall.value if deltas else None,
        delta_ci=deltas.overall.interval if deltas else None,
        reason=decision.failures[0].sentence if decision.failures else None,
        evaluation_broken=decision.evaluation_broken,
    )


def _served(
    pushed: types.Artifact, decision: RecordedDecision, evaluation: Evaluation, registry: Registry
) -> ServedModel:
    """The pushed model as the registry's entry; a check, for what is served must be what was measured."""
    path = pushed.get_string_custom_property("pushed_destination")
    digest = model_digest(path, fileio)
    if digest != decision.model_digest:
        raise StateError(
            f"{path}: content digest {digest[:12]} of the pushed model is not the {decision.model_digest[:12]} of "
            f"the candidate that was measured, so it is not recorded as served; {_GO_BACK}"
        )
    version, highest = pushed.get_string_custom_property("pushed_version"), registry.versions_on_disk()[-1]
    if highest != version:
        raise StateError(
            f"{registry.serving_directory}: TensorFlow Serving serves version {highest}, the highest number, and not "
            f"version {version}, which this run pushed; {_GO_BACK}"
        )
    return ServedModel(
        version=version,
        path=path,
        digest=digest,
        span=decision.span,
        golden_digest=decision.golden_digest,
        map=evaluation.golden.candidate.coco["AP"],
        verdict=decision.verdict,
        run_id=decision.run_id,
        pushed_at=decision.decided_at,
    )


def _evaluation(input_dict: Artifacts) -> Evaluation:
    return Evaluation.from_json(_read(f"{artifact_utils.get_single_uri(input_dict['evaluation'])}/{EVALUATION_FILE}"))


def _registry(exec_properties: dict[str, Any]) -> Registry:
    return Registry(exec_properties["registry_directory"], exec_properties["serving_directory"], fileio)


def _dataset(artifacts: list[types.Artifact]) -> DataSetInfo:
    return DataSetInfo.from_json(_read(f"{artifact_utils.get_single_uri(artifacts)}/{DATASET_FILE}"))


def _read(path: str) -> str:
    with fileio.open(path, "r") as file:
        return file.read()
