"""The artifacts of one execution of the MapEvaluator, read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tfx import types
from tfx.dsl.io import fileio
from tfx.types import artifact_utils
from tfx.utils import path_utils

from ratchet.components.map_evaluator import sanity_checks as sanity
from ratchet.components.map_evaluator.compared import ComparedBaseline, compared_baseline
from ratchet.components.map_evaluator.earlier_models import held_out_images, read_references, usable
from ratchet.components.map_evaluator.held_out import HeldOutImages
from ratchet.components.map_evaluator.settings import EvaluatorSettings
from ratchet.schemas.artifacts.class_names import read_class_names
from ratchet.schemas.artifacts.evaluation import AS_SERVED, BASELINE, CANDIDATE, EARLIER_SPANS, GOLDEN
from ratchet.schemas.artifacts.references import Reference
from ratchet.schemas.artifacts.training_record import TRAINING_IMAGES_FILE
from ratchet.schemas.base import settings as settings_io
from ratchet.schemas.base.errors import StateError
from ratchet.schemas.base.model_digest import model_digest
from ratchet.schemas.data.copy_settings import CopySettings
from ratchet.schemas.data.examples_artifact import ExamplesArtifact
from ratchet.schemas.data.fingerprints import Fingerprints
from ratchet.schemas.data.records import LabelMap

Artifacts = dict[str, list[types.Artifact]]


@dataclass(frozen=True)
class EvaluatorInputs:
    """The artifacts of one execution, read.

    Attributes:
        golden: the golden set.
        span: the new span.
        models: candidate and, if there is one, baseline.
        digests: of the models, from before anything of them was read.
        class_names: label maps of the models.
        settings: of the evaluator.
        copies: what is done about copies of golden images.
        artifacts: the artifacts directory of the pipeline root; empty: there is none.
        compared: the baseline with the candidate's post-processing; None: the baseline as it is served.
        held_out: the images that chose nothing.
        references: earlier models, with their label maps.
        missing: those that could not be had, in words.
    """

    golden: ExamplesArtifact
    span: ExamplesArtifact
    models: dict[str, types.Artifact]
    digests: dict[str, str]
    class_names: dict[str, tuple[str, ...]]
    settings: EvaluatorSettings
    copies: CopySettings
    artifacts: str
    compared: ComparedBaseline | None
    held_out: HeldOutImages
    references: dict[Reference, tuple[str, ...]]
    missing: tuple[str, ...]

    def known(self, data_set: str) -> tuple[str, ...] | None:
        """The classes to compare over: of the earlier spans, the oldest may have had fewer."""
        known = self.class_names.get(BASELINE)
        if data_set != EARLIER_SPANS or known is None:
            return known
        return tuple(name for name in known if name in self.held_out.class_names)

    @property
    def label_map(self) -> LabelMap:
        """The golden set's, in which everything is compared."""
        return LabelMap(self.golden.info.class_names, self.golden.info.category_ids)

    @property
    def directories(self) -> dict[str, str]:
        """Of what is served and what would be."""
        return {name: path_utils.serving_model_path(model.uri) for name, model in self.models.items()}

    def measured(self, on: str) -> dict[str, tuple[str, str]]:
        """Directory and digest of each model that is measured on a data set."""
        served = {name: (directory, self.digests[name]) for name, directory in self.directories.items()}
        if self.compared is None:
            return served
        as_served = {AS_SERVED: served[BASELINE]} if on == GOLDEN else {}
        return {**served, BASELINE: (self.compared.directory, self.compared.digest), **as_served}


def read_inputs(input_dict: Artifacts, exec_properties: dict[str, Any]) -> EvaluatorInputs:
    """Opens what an execution was given.

    Args:
        input_dict: its input artifacts.
        exec_properties: its settings and those of copies, as JSON, and the artifacts directory of the pipeline root.

    Raises:
        StateError: models and golden set do not go together, or the baseline is not what the registry recorded.
    """
    settings = settings_io.from_json(EvaluatorSettings, exec_properties["settings"])
    copies, artifacts = settings_io.from_json(CopySettings, exec_properties["copies"]), exec_properties["artifacts"]
    models = {CANDIDATE: artifact_utils.get_single_instance(input_dict["model"])}
    baseline = artifact_utils.get_single_instance(input_dict["baseline_model"])
    if baseline.get_int_custom_property("has_baseline"):
        models[BASELINE] = baseline
    digests = current_digests(models)
    golden, span = _opened(input_dict["golden"]), _opened(input_dict["examples"])
    wanted = read_references(baseline.uri) if BASELINE in models and settings.second_opinion else ()
    directories = {name: path_utils.serving_model_path(model.uri) for name, model in models.items()}
    references, missing = usable(wanted, golden.info.class_names, directories[CANDIDATE])
    known = [images for images in training_images(directories) if images]
    return EvaluatorInputs(
        golden=golden,
        span=span,
        models=models,
        digests=digests,
        class_names={
            name: _class_names(name, path_utils.serving_model_path(model.uri), golden.info.class_names)
            for name, model in models.items()
        },
        settings=settings,
        copies=copies,
        artifacts=artifacts,
        held_out=held_out_images(golden, span, directories[CANDIDATE], known, settings, copies, artifacts),
        references=references,
        missing=tuple(missing),
        compared=compared_baseline(models[CANDIDATE].uri) if BASELINE in models else None,
    )


def current_digests(models: dict[str, types.Artifact]) -> dict[str, str]:
    """Digests of what is in the models' directories now, the baseline's as it was recorded."""
    directories = {name: path_utils.serving_model_path(model.uri) for name, model in models.items()}
    digests = {name: model_digest(directory, fileio) for name, directory in directories.items()}
    if BASELINE in models:
        recorded, version = (models[BASELINE].get_string_custom_property(key) for key in ("digest", "version"))
        sanity.check_baseline(directories[BASELINE], digests[BASELINE], recorded, version)
    return digests


def _class_names(name: str, directory: str, golden: tuple[str, ...]) -> tuple[str, ...]:
    """A model's label map: a candidate's classes are the golden set's, a baseline may lack some; in whatever order."""
    labels = read_class_names(directory, fileio) or golden
    if name == CANDIDATE and set(labels) != set(golden):
        raise StateError(
            f"{name} ({directory}): its classes are {', '.join(labels)}, "
            f"the golden set's are {', '.join(golden)}; evaluate a model with a golden set of its own classes"
        )
    lost = [label for label in labels if label not in golden]
    if lost:
        raise StateError(
            f"{name} ({directory}): it knows {', '.join(lost)}, which the golden set does not have; "
            f"its classes are {', '.join(golden)}: give it every class of the served model, under the same name"
        )
    return labels


def training_images(models: Mapping[str, str]) -> list[Fingerprints | None]:
    """Those of each model and its ancestors; None of one that does not name its own."""
    paths = [f"{directory}/{TRAINING_IMAGES_FILE}" for directory in models.values()]
    return [Fingerprints.from_bytes(_bytes(path), path) if fileio.exists(path) else None for path in paths]


def _opened(artifacts: list[types.Artifact]) -> ExamplesArtifact:
    return ExamplesArtifact.open(artifact_utils.get_single_uri(artifacts), fileio)


def _bytes(path: str) -> bytes:
    with fileio.open(path, "rb") as file:
        return file.read()
