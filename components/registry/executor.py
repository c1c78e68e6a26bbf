"""Executors of the two ends of the registry: read the baseline, serve the candidate."""

# pyright: reportAttributeAccessIssue=false
# (protobuf's classes are made when their module is imported)

from __future__ import annotations

import dataclasses
import datetime
import hashlib
import json
import logging
import os
from typing import Any

from tfx import types
from tfx.dsl.components.base import base_executor
from tfx.dsl.io import fileio
from tfx.proto import pusher_pb2
from tfx.types import artifact_utils
from tfx.utils import io_utils, path_utils, proto_utils

from ratchet.components.detector.serving_check import check_serving
from ratchet.components.object_store.files import OBJECT_FILES, write_text
from ratchet.components.object_store.trees import copy_tree, tree_digest
from ratchet.components.object_store.uri import is_gs
from ratchet.components.registry.lineage_check import check_lineage
from ratchet.components.registry.publication import settle
from ratchet.components.registry.push import Candidate, push
from ratchet.components.registry.records import Records
from ratchet.components.registry.references import choose_references
from ratchet.components.registry.registry import Registry
from ratchet.components.registry.serving_status import await_available
from ratchet.components.registry.settings import ServingSettings
from ratchet.components.registry.storages import storage_of
from ratchet.components.registry.version_labels import Act, label_served
from ratchet.components.services.rest import sender
from ratchet.components.stack.outputs import empty_outputs
from ratchet.components.stack.tfx_executors import PusherBase
from ratchet.components.stack.tfx_steps import run_id
from ratchet.schemas.artifacts.blessing import KIND, PROPERTIES, SIGNATURE, Blessing
from ratchet.schemas.artifacts.evaluation import EVALUATION_FILE, EVALUATION_FORMAT, PROBE_FILE
from ratchet.schemas.artifacts.golden_sets import GOLDEN_SETS_FILE, GOLDEN_SETS_FORMAT
from ratchet.schemas.artifacts.history import HISTORY_FILE, HISTORY_FORMAT
from ratchet.schemas.artifacts.origin import record_of
from ratchet.schemas.artifacts.publication import PUBLICATION_FILE, PUBLICATION_FORMAT, PublicationResult
from ratchet.schemas.artifacts.references import REFERENCES_FILE, REFERENCES_FORMAT, References
from ratchet.schemas.artifacts.registry_entries import ServedModel
from ratchet.schemas.artifacts.training_record import read_training_record
from ratchet.schemas.base.model_digest import model_digest
from ratchet.schemas.base.progress import LOGGER
from ratchet.schemas.base.settings import from_json
from ratchet.schemas.base.signing import Signer

Artifacts = dict[str, list[types.Artifact]]


class BaselineReaderExecutor(base_executor.BaseExecutor):
    """Copies the served model into this run, so that every step sees the same bytes to its end."""

    def Do(self, input_dict: Artifacts, output_dict: Artifacts, exec_properties: dict[str, Any]) -> None:
        """See the base class."""
        empty_outputs(output_dict)
        registry = _registry(exec_properties["registry_directory"], exec_properties["serving_directory"])
        settle(registry)
        served = registry.baseline(bool(exec_properties["bootstrap"]))
        if served is not None and exec_properties.get("replays"):
            record = record_of(served.path, OBJECT_FILES if is_gs(served.path) else fileio)
            if record is not None:
                check_lineage(record.data, fileio, exec_properties.get("artifacts") or None)
        baseline = artifact_utils.get_single_instance(output_dict["baseline"])
        baseline.set_int_custom_property("has_baseline", int(served is not None))
        fileio.makedirs(baseline.uri)
        for name, text in _told(registry.records(), served, exec_properties["pushes_ago"]).items():
            io_utils.write_string_file(f"{baseline.uri}/{name}", text)
        if served is None:
            return
        _copy_model(served, path_utils.serving_model_path(baseline.uri))
        baseline.set_string_custom_property("version", served.version)
        baseline.set_string_custom_property("digest", served.digest)
        baseline.set_string_custom_property("golden_digest", served.golden_digest)


class PusherExecutor(PusherBase):
    """TFX's Pusher with another way of putting the model into service: one publication, whole or not at all.

    Exec properties are those of TFX's own; `custom_config` holds `registry`, the registry's directory, and, where
    TensorFlow Serving is asked or its labels follow, `name` of the pipeline and `serving`, a ServingSettings as JSON.
    """

    def Do(self, input_dict: Artifacts, output_dict: Artifacts, exec_properties: dict[str, Any]) -> None:
        """See the base class."""
        destination = proto_utils.json_to_proto(exec_properties["push_destination"], pusher_pb2.PushDestination())
        config = json.loads(exec_properties["custom_config"])
        registry = _registry(config["registry"], destination.filesystem.base_directory)
        candidate = _candidate(input_dict, run_id(self))
        probe = f"{candidate.evaluation_uri}/{PROBE_FILE}"
        now = datetime.datetime.now(datetime.timezone.utc)
        result = push(registry, candidate, lambda staged: check_serving(staged, probe, fileio), now)
        result = _seen_in_service(_labelled(result, registry, config), config)
        pushed = artifact_utils.get_single_instance(output_dict["pushed_model"])
        _write(f"{pushed.uri}/{PUBLICATION_FILE}", PUBLICATION_FORMAT.write(result))
        self.mark(pushed, registry.serving_directory, result.version)


def _labelled(result: PublicationResult, registry: Registry, config: dict[str, Any]) -> PublicationResult:
    """With what became of the version labels, where there is a model config: before the server is asked, which may load
    only what is named there."""
    if result.version is None or "serving" not in config:
        return result
    settings = from_json(ServingSettings, config["serving"])
    if settings.model_config is None:
        return result
    told = label_served(settings.model_config, settings.model_name or config["name"], registry, Act.PUSH)
    LOGGER.log(logging.WARNING if told.warning else logging.INFO, "%s", told.sentence)
    return dataclasses.replace(result, told=(*result.told, told))


def _seen_in_service(result: PublicationResult, config: dict[str, Any]) -> PublicationResult:
    """With what TensorFlow Serving says of the version, where it is asked."""
    if result.version is None or "serving" not in config:
        return result
    settings = from_json(ServingSettings, config["serving"])
    if settings.status_url is None:
        return result
    told = await_available(settings, config["name"], result.version, sender(dict))
    if told.warning:
        LOGGER.warning("%s", told.sentence)
    return dataclasses.replace(result, told=(*result.told, told))


def _told(records: Records, served: ServedModel | None, pushes_ago: int) -> dict[str, str]:
    """What grows with the years, as files: properties of an artifact have a limit."""
    references = References()
    if served is not None and pushes_ago:
        references = References(choose_references(served, records.versions, records.decisions, pushes_ago))
    return {
        HISTORY_FILE: HISTORY_FORMAT.write(records.history),
        GOLDEN_SETS_FILE: GOLDEN_SETS_FORMAT.write(records.golden_sets),
        REFERENCES_FILE: REFERENCES_FORMAT.write(references),
    }


def _candidate(input_dict: Artifacts, run: str) -> Candidate:
    model = artifact_utils.get_single_instance(input_dict["model"])
    directory = path_utils.serving_model_path(model.uri)
    blessing = _blessing(artifact_utils.get_single_instance(input_dict["model_blessing"]))
    evaluation = _read(f"{blessing.evaluation}/{EVALUATION_FILE}")
    return Candidate(
        run_id=run,
        model=model.uri,
        directory=directory,
        digest=_digest(directory),
        trained_on=read_training_record(directory, fileio).data[-1],
        evaluation_uri=blessing.evaluation,
        evaluation=EVALUATION_FORMAT.read(evaluation, EVALUATION_FILE),
        evaluation_digest=hashlib.sha256(evaluation.encode()).hexdigest(),
        blessing=blessing,
    )


def _blessing(artifact: types.Artifact) -> Blessing:
    """What the evaluator said, as it signed it if there is a key."""
    blessing = Blessing.from_properties({name: artifact.get_string_custom_property(name) for name in PROPERTIES})
    signer = Signer.from_environment()
    if signer is not None:
        signature = artifact.get_string_custom_property(SIGNATURE) or None
        signer.check(KIND, blessing.signed_values(), signature, f"the blessing {artifact.uri}")
    return blessing


def _registry(registry_directory: str, serving_directory: str) -> Registry:
    return Registry(storage_of(registry_directory, serving_directory), Signer.from_environment())


def _copy_model(served: ServedModel, target: str) -> None:
    """Copies the served model: within the service where both lie on gs://."""
    if is_gs(served.path) and is_gs(target):
        copy_tree(served.path, target)
    else:
        io_utils.copy_dir(served.path, target)


def _digest(directory: str) -> str:
    return tree_digest(directory) if is_gs(directory) else model_digest(directory, fileio)


def _write(path: str, text: str) -> None:
    """Also through a power cut, where the disk is ours: what was pushed must not be forgotten."""
    if not is_gs(path):
        os.makedirs(os.path.dirname(path), exist_ok=True)
    write_text(path, text)


def _read(path: str) -> str:
    with fileio.open(path, "r") as file:
        return file.read()
