"""Reads what the validation steps found, decides, writes the decision."""

# pyright: reportAttributeAccessIssue=false
# (protobuf's classes are made when their module is imported)

from __future__ import annotations

import json
from typing import Any

import tensorflow_data_validation as tfdv
from tensorflow_metadata.proto.v0 import anomalies_pb2, schema_pb2, statistics_pb2
from tfx import types
from tfx.dsl.components.base import base_executor
from tfx.dsl.io import fileio
from tfx.types import artifact_utils
from tfx.utils import io_utils, path_utils

from components.data_gate.rules import Anomaly, Baseline, Drift, decide
from components.data_gate.settings import DataGateSettings
from schemas import settings as settings_io
from schemas.dataset import DATASET_FILE, TRAIN_SPLIT, DataSetInfo
from schemas.training_record import RECORD_FILE, STATISTICS_FILE, TrainingRecord

DECISION_FILE = "decision.json"


class Executor(base_executor.BaseExecutor):
    """Succeeds whatever it decides: TFX deletes what a failed step wrote, and the evidence must stay.

    The custom property `passed` (0 or 1) is what the steps below hang on.
    """

    def Do(
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """See the base class."""
        settings = settings_io.from_json(DataGateSettings, exec_properties["settings"])
        baseline_artifact = artifact_utils.get_single_instance(input_dict["baseline"])
        drifts: list[Drift] = []
        baseline = None
        if baseline_artifact.get_int_custom_property("has_baseline"):
            baseline = _baseline(baseline_artifact)
            drifts = _drifts(input_dict)
        decision = decide(
            span=_dataset(input_dict["examples"]),
            golden=_dataset(input_dict["golden"]),
            baseline=baseline,
            anomalies=_anomalies(input_dict["anomalies"]),
            drifts=drifts,
            settings=settings,
        )
        output = artifact_utils.get_single_instance(output_dict["decision"])
        output.set_int_custom_property("passed", int(decision.passed))
        io_utils.write_string_file(f"{output.uri}/{DECISION_FILE}", json.dumps(decision.to_json(), indent=1))


def _dataset(artifacts: list[types.Artifact]) -> DataSetInfo:
    return DataSetInfo.from_json(_text(f"{artifact_utils.get_single_uri(artifacts)}/{DATASET_FILE}"))


def _baseline(artifact: types.Artifact) -> Baseline:
    path = f"{path_utils.serving_model_path(artifact.uri)}/{RECORD_FILE}"
    record = TrainingRecord.from_json(_text(path), path)
    return Baseline(record.class_names, artifact.get_string_custom_property("golden_digest"), record.images)


def _anomalies(artifacts: list[types.Artifact]) -> list[Anomaly]:
    [directory] = artifact_utils.get_split_uris(artifacts, TRAIN_SPLIT)
    found = anomalies_pb2.Anomalies.FromString(_bytes(f"{directory}/SchemaDiff.pb"))
    return [Anomaly(feature, info.description) for feature, info in sorted(found.anomaly_info.items())]


def _drifts(input_dict: dict[str, list[types.Artifact]]) -> list[Drift]:
    [directory] = artifact_utils.get_split_uris(input_dict["statistics"], TRAIN_SPLIT)
    baseline = path_utils.serving_model_path(artifact_utils.get_single_uri(input_dict["baseline"]))
    schema_path = io_utils.get_only_uri_in_dir(artifact_utils.get_single_uri(input_dict["schema"]))
    result = tfdv.validate_statistics(
        _statistics(f"{directory}/FeatureStats.pb"),
        io_utils.parse_pbtxt_file(schema_path, schema_pb2.Schema()),
        previous_statistics=_statistics(f"{baseline}/{STATISTICS_FILE}"),
    )
    return [
        Drift(
            "/".join(info.path.step),
            anomalies_pb2.DriftSkewInfo.Measurement.Type.Name(measurement.type).replace("_", " ").lower(),
            measurement.value,
            measurement.threshold,
        )
        for info in result.drift_skew_info
        for measurement in info.drift_measurements
    ]


def _statistics(path: str) -> statistics_pb2.DatasetFeatureStatisticsList:
    return statistics_pb2.DatasetFeatureStatisticsList.FromString(_bytes(path))


def _bytes(path: str) -> bytes:
    with fileio.open(path, "rb") as file:
        return file.read()


def _text(path: str) -> str:
    return _bytes(path).decode()
