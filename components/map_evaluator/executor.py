"""Measures the models on golden set and span, decides, and writes evaluation and blessing."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tfx import types
from tfx.components.evaluator import constants
from tfx.components.evaluator import executor as tfx_evaluator
from tfx.dsl.io import fileio
from tfx.types import artifact_utils
from tfx.utils import io_utils, path_utils

from components.detector.served import load_detector
from components.map_evaluator import sanity_checks as sanity
from components.map_evaluator.beam_evaluation import DataPart, Evaluators, add_data_set, load_matches
from components.map_evaluator.blessing import decide
from components.map_evaluator.coco_files import write_coco_files
from components.map_evaluator.comparability import comparable
from components.map_evaluator.compared import ComparedBaseline, compared_baseline
from components.map_evaluator.detection_limits import counted_objects, given_objects
from components.map_evaluator.earlier_models import held_out_images, read_references, unchanged, usable
from components.map_evaluator.held_out import ChosenImages, HeldOutImages
from components.map_evaluator.matches import PERFECT, DataSetMatches
from components.map_evaluator.probe import chosen_images
from components.map_evaluator.scoring import check_settings, score
from components.map_evaluator.second_opinion import compare_held_out
from components.map_evaluator.settings import EvaluatorSettings
from components.map_evaluator.tfma_files import write_tfma_files
from components.map_evaluator.training_rules import sound_detections, training_reasons
from components.map_evaluator.trial import read_probe, serving_figures
from components.stack.tfx_steps import beam_pipeline
from schemas.artifacts import evaluation as files
from schemas.artifacts.blessing import KIND, SIGNATURE, Blessing
from schemas.artifacts.decisions import Reason
from schemas.artifacts.evaluation import (
    AS_SERVED,
    BASELINE,
    CANDIDATE,
    EARLIER_SPANS,
    EVALUATION_FORMAT,
    GOLDEN,
    TRAIN_SAMPLE,
    DataSetEvaluation,
    Evaluation,
    PostProcessing,
    SecondOpinion,
)
from schemas.artifacts.high_water import HighWaterMark
from schemas.artifacts.references import Reference
from schemas.artifacts.serving_probe import ServingProbe
from schemas.artifacts.training_record import LABELS_FILE, RECORD_FILE, TRAINING_IMAGES_FILE, read_training_record
from schemas.base import settings as settings_io
from schemas.base.errors import StateError
from schemas.base.model_digest import model_digest
from schemas.base.signing import Signer
from schemas.data.dataset import EVAL_SPLIT, TRAIN_SPLIT, dataset_digest
from schemas.data.examples_artifact import ExamplesArtifact
from schemas.data.fingerprints import Fingerprints
from schemas.data.records import LabelMap

Artifacts = dict[str, list[types.Artifact]]


@dataclass(frozen=True)
class _Inputs:
    """The artifacts of one execution, read."""

    golden: ExamplesArtifact
    span: ExamplesArtifact
    models: dict[str, types.Artifact]
    digests: dict[str, str]  # of the models, from before anything of them was read
    class_names: dict[str, tuple[str, ...]]
    settings: EvaluatorSettings
    compared: ComparedBaseline | None  # None: the baseline as it is served
    held_out: HeldOutImages
    references: dict[Reference, tuple[str, ...]]  # earlier models, with their label maps
    missing: tuple[str, ...]  # those that could not be had

    def known(self, data_set: str) -> tuple[str, ...] | None:
        """The classes to compare over: of the earlier spans, the oldest may have had fewer."""
        known = self.class_names.get(BASELINE)
        if data_set != EARLIER_SPANS or known is None:
            return known
        return tuple(name for name in known if name in self.held_out.class_names)

    @property
    def label_map(self) -> LabelMap:
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


class Executor(tfx_evaluator.Executor):
    """Subclasses TFX's own evaluator, although all of `Do` is ours: only for that class does Kubeflow's
    entry point write the blessed model's resource name, by which Vertex finds it again."""

    def Do(self, input_dict: Artifacts, output_dict: Artifacts, exec_properties: dict[str, Any]) -> None:
        """See the base class."""
        load_detector.cache_clear()  # what an earlier run loaded may have had other bytes than its digest said
        inputs = _read_inputs(input_dict, exec_properties)
        uri = artifact_utils.get_single_uri(output_dict["evaluation"])
        matches = self._evaluate(inputs, uri)
        check_settings(inputs.label_map.names, matches[GOLDEN].attributes, inputs.settings)
        probe = _probe(inputs, matches[GOLDEN], uri)
        serving = serving_figures(inputs.directories, inputs.digests, probe.images)
        data_sets = {
            name: score(data, inputs.label_map.names, inputs.settings, inputs.known(name))
            for name, data in matches.items()
        }
        opinion = _second_opinion(inputs, matches)
        [baseline] = input_dict["baseline_model"]
        reasons = _sanity_checks(
            inputs, matches[GOLDEN], data_sets[GOLDEN], baseline, bool(exec_properties["accept_new_golden"])
        )
        before = decide(data_sets[GOLDEN], reasons, inputs.settings, serving)
        reasons += comparable(
            matches[GOLDEN], before, inputs.label_map.names, inputs.settings, inputs.class_names.get(BASELINE)
        )
        sanity.check_unchanged(
            inputs.directories[CANDIDATE], inputs.digests[CANDIDATE], _digests(inputs.models)[CANDIDATE]
        )
        no_numbers = [told for data in matches.values() for told in data.no_numbers]
        reasons = [*_training(inputs), *sound_detections(no_numbers), *reasons]
        post_processing = _post_processing(inputs, matches[GOLDEN])
        mark = _high_water(baseline, inputs.golden.info.digest)
        other = mark if mark and mark.digest != inputs.digests.get(BASELINE) else None
        decision = decide(data_sets[GOLDEN], reasons, inputs.settings, serving, post_processing, other, opinion)
        evaluation = Evaluation(
            decision,
            data_sets,
            inputs.golden.info.digest,
            candidate_digest=inputs.digests[CANDIDATE],
            baseline_digest=inputs.digests.get(BASELINE),
            serving=serving,
            post_processing=post_processing,
            high_water=mark,
            second_opinion=opinion,
        )
        text = EVALUATION_FORMAT.write(evaluation)
        _write(f"{uri}/{files.PROBE_FILE}", probe.to_bytes())
        _write(f"{uri}/{files.EVALUATION_FILE}", text.encode())
        write_tfma_files(evaluation, inputs.settings, inputs.directories, inputs.golden.uri, uri)
        blessing = artifact_utils.get_single_instance(output_dict["blessing"])
        _bless(blessing, decision.verdict.pushes, inputs.models, _blessing_of(evaluation, baseline, uri, text))

    def _evaluate(self, inputs: _Inputs, uri: str) -> dict[str, DataSetMatches]:
        parts = _parts(inputs)
        with beam_pipeline(self) as pipeline:
            for part in parts:
                fileio.makedirs(f"{uri}/{part.name}")
                evaluators = _evaluators(inputs, part)
                add_data_set(pipeline, part, evaluators, f"{uri}/{part.name}", f"{uri}/{part.name}/lines")
        matches = {part.name: _read_matches(part, uri) for part in parts}
        for part in parts:
            write_coco_files(f"{uri}/{part.name}", inputs.label_map, list(inputs.measured(part.name)))
        return {name: data for name, data in matches.items() if data is not None}


def _evaluators(inputs: _Inputs, part: DataPart) -> Evaluators:
    settings, measured = inputs.settings, inputs.measured(part.name)
    references = inputs.references if part.chosen is not None else {}
    names = {name: inputs.class_names[BASELINE if name == AS_SERVED else name] for name in measured}
    return Evaluators(
        models={name: directory for name, (directory, _) in measured.items()} | {r.name: r.path for r in references},
        label_map=inputs.label_map,
        attributes=tuple(dict.fromkeys([*settings.slice_by, *filter(None, [settings.bootstrap_by])])),
        batch_size=settings.batch_size,
        class_names=names | {reference.name: known for reference, known in references.items()},
        digests={name: digest for name, (_, digest) in measured.items()} | {r.name: r.digest for r in references},
        max_detections=settings.max_detections,
    )


def _post_processing(inputs: _Inputs, golden: DataSetMatches) -> PostProcessing | None:
    if inputs.compared is None:
        return None
    tables = {**golden.tables, BASELINE: golden.tables[AS_SERVED]}
    matches = dataclasses.replace(golden, tables=tables)
    as_served = score(matches, inputs.label_map.names, inputs.settings, inputs.class_names[BASELINE])
    return PostProcessing(inputs.compared.changes, as_served)


def _read_inputs(input_dict: Artifacts, exec_properties: dict[str, Any]) -> _Inputs:
    settings = settings_io.from_json(EvaluatorSettings, exec_properties["settings"])
    models = {CANDIDATE: artifact_utils.get_single_instance(input_dict["model"])}
    baseline = artifact_utils.get_single_instance(input_dict["baseline_model"])
    if baseline.get_int_custom_property("has_baseline"):
        models[BASELINE] = baseline
    digests = _digests(models)
    golden, span = _opened(input_dict["golden"]), _opened(input_dict["examples"])
    wanted = read_references(baseline.uri) if BASELINE in models and settings.second_opinion else ()
    directories = {name: path_utils.serving_model_path(model.uri) for name, model in models.items()}
    references, missing = usable(wanted, golden.info.class_names, directories[CANDIDATE])
    known = [images for images in _training_images(directories) if images]
    return _Inputs(
        golden=golden,
        span=span,
        models=models,
        digests=digests,
        class_names={
            name: _class_names(name, path_utils.serving_model_path(model.uri), golden.info.class_names)
            for name, model in models.items()
        },
        settings=settings,
        held_out=held_out_images(golden, span, directories[CANDIDATE], known, settings, exec_properties["artifacts"]),
        references=references,
        missing=tuple(missing),
        compared=compared_baseline(models[CANDIDATE].uri) if BASELINE in models else None,
    )


def _digests(models: dict[str, types.Artifact]) -> dict[str, str]:
    """Digests of what is in the models' directories now, the baseline's as it was recorded."""
    directories = {name: path_utils.serving_model_path(model.uri) for name, model in models.items()}
    digests = {name: model_digest(directory, fileio) for name, directory in directories.items()}
    if BASELINE in models:
        recorded, version = (models[BASELINE].get_string_custom_property(key) for key in ("digest", "version"))
        sanity.check_baseline(directories[BASELINE], digests[BASELINE], recorded, version)
    return digests


def _class_names(name: str, directory: str, golden: tuple[str, ...]) -> tuple[str, ...]:
    """A model's label map: a candidate's classes are the golden set's, a baseline may lack some; in whatever order."""
    path = f"{directory}/{LABELS_FILE}"
    labels = tuple(json.loads(_bytes(path))) if fileio.exists(path) else golden
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


def _parts(inputs: _Inputs) -> list[DataPart]:
    """The data sets that hold images; an empty one would have nothing to say."""

    def part(name: str, data: ExamplesArtifact, split: str, share: float = 1.0) -> DataPart:
        files_of, images = tuple(data.record_files(split)), data.info.images.get(split, 0)
        return DataPart(name, files_of, images, share, data.info.class_names)

    share = min(1.0, inputs.settings.train_sample / max(1, inputs.span.info.images[TRAIN_SPLIT]))
    parts = [
        part(GOLDEN, inputs.golden, EVAL_SPLIT),
        *(
            DataPart(name, tuple(files), sum(len(chosen.image_ids) for chosen in _distinct(files)), chosen=files)
            for name, files in inputs.held_out.files.items()
        ),
        part(TRAIN_SAMPLE, inputs.span, TRAIN_SPLIT, share),
    ]
    return [part for part in parts if part.images and part.share]


def _distinct(files: Mapping[str, ChosenImages]) -> list[ChosenImages]:
    """What is taken, once for all files of a span."""
    return list({id(chosen): chosen for chosen in files.values()}.values())


def _read_matches(part: DataPart, uri: str) -> DataSetMatches | None:
    path = f"{uri}/{part.name}/{files.MATCHES_FILE}"
    if not fileio.exists(path):
        if part.share < 1:
            return None  # a sample of a small span may be empty
        raise StateError(
            f"{part.name}: no image was read from {part.files} where {part.images} were written; run again"
        )
    matches = load_matches(path)
    matches.raise_errors()
    found = len(matches.image_ids)
    if part.share == 1 and found != part.images:
        raise StateError(f"{part.name}: {found} images were read where {part.images} were written; run again")
    return matches


def _probe(inputs: _Inputs, golden: DataSetMatches, uri: str) -> ServingProbe:
    return read_probe(
        inputs.golden.info,
        inputs.golden.record_files(EVAL_SPLIT),
        chosen_images(golden.tables[CANDIDATE]),
        f"{uri}/{GOLDEN}/{files.CANDIDATE_FILE}",
        inputs.settings.batch_size,
        inputs.class_names[CANDIDATE],
    )


def _sanity_checks(
    inputs: _Inputs,
    matches: DataSetMatches,
    golden: DataSetEvaluation,
    baseline: types.Artifact,
    accept_new_golden: bool,
) -> list[Reason]:
    settings = inputs.settings
    digests = dict(zip(matches.image_ids.tolist(), map(bytes, matches.digests)))
    uses = json.loads(baseline.get_string_custom_property("golden_uses") or "{}")
    perfect = matches.tables[PERFECT]
    return [
        *sanity.known_answers(perfect, matches.shuffled),
        counted_objects(perfect, inputs.label_map.names),
        *given_objects(perfect, _detection_limits(inputs)),
        *sanity.sound_areas(inputs.golden.info.mended_areas),
        sanity.golden_digest(
            read=dataset_digest(inputs.label_map, digests),
            expected=inputs.golden.info.digest,
            recorded=baseline.get_string_custom_property("golden_digest") if BASELINE in inputs.models else None,
            accept_new=accept_new_golden,
        ),
        sanity.no_leak(
            inputs.golden.fingerprints(EVAL_SPLIT), _all_training_images(inputs), settings.max_hamming_distance
        ),
        sanity.enough(golden.images, golden.compared.objects, settings.min_golden_images, settings.min_golden_objects),
        sanity.golden_budget(uses.get(inputs.golden.info.digest, 0), settings.golden_budget),
    ]


def _high_water(baseline: types.Artifact, golden_digest: str) -> HighWaterMark | None:
    marks = json.loads(baseline.get_string_custom_property("high_water_marks") or "{}")
    return HighWaterMark(**marks[golden_digest]) if golden_digest in marks else None


def _detection_limits(inputs: _Inputs) -> dict[str, int]:
    """How many detections of an image each model gives at most, where its training record says so; the baseline is
    left out where it is compared with the candidate's post-processing."""
    limits = {}
    for name, directory in inputs.directories.items():
        is_as_served = name == CANDIDATE or inputs.compared is None
        if is_as_served and fileio.exists(f"{directory}/{RECORD_FILE}"):
            limit = read_training_record(directory, fileio).model.get("max_detections")
            limits |= {name: limit} if isinstance(limit, int) else {}
    if inputs.compared is not None and CANDIDATE in limits:
        limits[BASELINE] = limits[CANDIDATE]  # it is compared with the candidate's post-processing
    return limits


def _training(inputs: _Inputs) -> list[Reason]:
    """What the candidate's training record says; nothing of a model that was not trained here."""
    candidate = inputs.directories[CANDIDATE]
    if not fileio.exists(f"{candidate}/{RECORD_FILE}"):
        return []
    return training_reasons(read_training_record(candidate, fileio))


def _all_training_images(inputs: _Inputs) -> Fingerprints | None:
    """Training images of candidate and baseline; None if one of them does not name its own."""
    own = _training_images(inputs.directories)
    return None if None in own else Fingerprints.join([images for images in own if images]).distinct()


def _training_images(models: Mapping[str, str]) -> list[Fingerprints | None]:
    """Those of each model and its ancestors; None of one that does not name its own."""
    paths = [f"{directory}/{TRAINING_IMAGES_FILE}" for directory in models.values()]
    return [Fingerprints.from_bytes(_bytes(path), path) if fileio.exists(path) else None for path in paths]


def _second_opinion(inputs: _Inputs, matches: Mapping[str, DataSetMatches]) -> SecondOpinion | None:
    """The comparisons on held-out images, with models that are still what was recorded."""
    if inputs.settings.second_opinion is None or BASELINE not in inputs.models:
        return None
    version = inputs.models[BASELINE].get_string_custom_property("version")
    baseline = Reference(BASELINE, version, inputs.directories[BASELINE], inputs.digests[BASELINE], 0)
    there, gone = unchanged(inputs.references)
    labels = inputs.held_out.labels(inputs.label_map.names, [*inputs.class_names.values(), *inputs.references.values()])
    parts = [matches[name] for name in inputs.held_out.files if name in matches]
    missing = (*inputs.missing, *gone)
    return compare_held_out(parts, inputs.held_out, labels, [baseline, *there], inputs.settings, missing)


def _bless(blessing: types.Artifact, blessed: bool, models: Mapping[str, types.Artifact], said: Blessing) -> None:
    """Writes what TFX's Pusher and LatestBlessedModelStrategy look for, and which bytes it is about.

    Args:
        blessing: the artifact.
        blessed: whether the candidate may be served.
        models: candidate and, if there is one, baseline.
        said: of which bytes.
    """
    for name, value in said.to_properties().items():
        blessing.set_string_custom_property(name, value)
    signer = Signer.from_environment()
    if signer is not None:
        blessing.set_string_custom_property(SIGNATURE, signer.sign(KIND, said.signed_values()))
    model = models[CANDIDATE]
    blessing.set_string_custom_property(constants.ARTIFACT_PROPERTY_CURRENT_MODEL_URI_KEY, model.uri)
    blessing.set_int_custom_property(constants.ARTIFACT_PROPERTY_CURRENT_MODEL_ID_KEY, model.id)
    if BASELINE in models:
        blessing.set_string_custom_property(constants.ARTIFACT_PROPERTY_BASELINE_MODEL_URI_KEY, models[BASELINE].uri)
        blessing.set_int_custom_property(constants.ARTIFACT_PROPERTY_BASELINE_MODEL_ID_KEY, models[BASELINE].id)
    name = constants.BLESSED_FILE_NAME if blessed else constants.NOT_BLESSED_FILE_NAME
    io_utils.write_string_file(f"{blessing.uri}/{name}", "")
    blessing.set_int_custom_property(constants.ARTIFACT_PROPERTY_BLESSED_KEY, int(blessed))


def _blessing_of(evaluation: Evaluation, baseline: types.Artifact, uri: str, text: str) -> Blessing:
    return Blessing(
        model_digest=evaluation.candidate_digest,
        baseline_digest=evaluation.baseline_digest or "",
        baseline_version=baseline.get_string_custom_property("version"),
        evaluation=uri,
        evaluation_digest=hashlib.sha256(text.encode()).hexdigest(),
    )


def _opened(artifacts: list[types.Artifact]) -> ExamplesArtifact:
    return ExamplesArtifact.open(artifact_utils.get_single_uri(artifacts), fileio)


def _write(path: str, content: bytes) -> None:
    with fileio.open(path, "wb") as file:
        file.write(content)


def _bytes(path: str) -> bytes:
    with fileio.open(path, "rb") as file:
        return file.read()
