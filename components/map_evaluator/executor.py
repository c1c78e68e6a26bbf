"""Measures the models on golden set and span, decides, and writes evaluation and blessing."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping
from typing import Any

from tfx import types
from tfx.components.evaluator import constants
from tfx.components.evaluator import executor as tfx_evaluator
from tfx.dsl.io import fileio
from tfx.types import artifact_utils
from tfx.utils import io_utils

from ratchet.components.detector.served import load_detector
from ratchet.components.detector.serving_check import start_early
from ratchet.components.map_evaluator import sanity_checks as sanity
from ratchet.components.map_evaluator.beam_evaluation import Evaluators, add_data_set, load_matches
from ratchet.components.map_evaluator.blessing import decide
from ratchet.components.map_evaluator.coco_files import write_coco_files
from ratchet.components.map_evaluator.comparability import comparable
from ratchet.components.map_evaluator.crossed_slices import crossed_slices
from ratchet.components.map_evaluator.earlier_models import unchanged
from ratchet.components.map_evaluator.golden_checks import golden_checks, high_water, training_checks
from ratchet.components.map_evaluator.held_out import ChosenImages
from ratchet.components.map_evaluator.inputs import Artifacts, EvaluatorInputs, current_digests, read_inputs
from ratchet.components.map_evaluator.matches import DataSetMatches
from ratchet.components.map_evaluator.part_files import PART_FILE, DataPart
from ratchet.components.map_evaluator.probe import chosen_images
from ratchet.components.map_evaluator.scoring import check_settings, score
from ratchet.components.map_evaluator.second_opinion import compare_held_out
from ratchet.components.map_evaluator.shadow_look import measured_shadow
from ratchet.components.map_evaluator.tfma_files import write_tfma_files
from ratchet.components.map_evaluator.training_rules import sound_detections
from ratchet.components.map_evaluator.trial import read_probe, serving_figures
from ratchet.components.stack.beam_executors import WatchedBeam
from ratchet.components.stack.outputs import empty_outputs
from ratchet.components.stack.tfx_steps import beam_pipeline
from ratchet.schemas.artifacts import evaluation as files
from ratchet.schemas.artifacts.blessing import KIND, SIGNATURE, Blessing
from ratchet.schemas.artifacts.evaluation import (
    AS_SERVED,
    BASELINE,
    CANDIDATE,
    EVALUATION_FORMAT,
    GOLDEN,
    TRAIN_SAMPLE,
    Evaluation,
    PostProcessing,
    SecondOpinion,
    Serving,
)
from ratchet.schemas.artifacts.references import Reference
from ratchet.schemas.artifacts.serving_probe import ServingProbe
from ratchet.schemas.artifacts.shadow import Shadow
from ratchet.schemas.base.errors import StateError
from ratchet.schemas.base.signing import Signer
from ratchet.schemas.data.dataset import EVAL_SPLIT, TRAIN_SPLIT
from ratchet.schemas.data.examples_artifact import ExamplesArtifact


class Executor(WatchedBeam, tfx_evaluator.Executor):
    """Subclasses TFX's own evaluator, although all of `Do` is ours: only for that class does Kubeflow's
    entry point write the blessed model's resource name, by which Vertex finds it again."""

    STEP = "MapEvaluator"

    def Do(self, input_dict: Artifacts, output_dict: Artifacts, exec_properties: dict[str, Any]) -> None:
        """See the base class."""
        start_early()  # the check of what may be served, which is next
        load_detector.cache_clear()  # what an earlier run loaded may have had other bytes than its digest said
        inputs = read_inputs(input_dict, exec_properties)
        empty_outputs(output_dict)
        uri = artifact_utils.get_single_uri(output_dict["evaluation"])
        matches = self._evaluate(inputs, uri)
        check_settings(inputs.label_map.names, matches[GOLDEN].attributes, inputs.settings)
        probe = _probe(inputs, matches[GOLDEN], uri)
        serving = serving_figures(inputs.directories, inputs.digests, probe.images)
        [baseline] = input_dict["baseline_model"]
        shadow = measured_shadow(inputs, matches[GOLDEN])
        evaluation = _judged(inputs, matches, serving, baseline, bool(exec_properties["accept_new_golden"]), shadow)
        text = EVALUATION_FORMAT.write(evaluation)
        _write(f"{uri}/{files.PROBE_FILE}", probe.to_bytes())
        _write(f"{uri}/{files.EVALUATION_FILE}", text.encode())
        names, known = inputs.label_map.names, inputs.class_names.get(BASELINE)
        crossed = crossed_slices(matches[GOLDEN], names, inputs.settings.slice_by, known)
        write_tfma_files(evaluation, inputs.settings, inputs.directories, inputs.golden.uri, uri, crossed)
        blessing = artifact_utils.get_single_instance(output_dict["blessing"])
        _bless(
            blessing, evaluation.decision.verdict.pushes, inputs.models, _blessing_of(evaluation, baseline, uri, text)
        )

    def _evaluate(self, inputs: EvaluatorInputs, uri: str) -> dict[str, DataSetMatches]:
        parts = _parts(inputs)
        with beam_pipeline(self) as pipeline:
            for part in parts:
                fileio.makedirs(f"{uri}/{part.name}")
                evaluators = _evaluators(inputs, part)
                add_data_set(pipeline, part, evaluators, f"{uri}/{part.name}", f"{uri}/{part.name}/lines")
        matches = {part.name: _read_matches(part, uri) for part in parts}
        for part in parts:
            fileio.remove(f"{uri}/{part.name}/{PART_FILE}")
            write_coco_files(f"{uri}/{part.name}", inputs.label_map, list(inputs.measured(part.name)))
        return {name: data for name, data in matches.items() if data is not None}


def _evaluators(inputs: EvaluatorInputs, part: DataPart) -> Evaluators:
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


def _judged(
    inputs: EvaluatorInputs,
    matches: Mapping[str, DataSetMatches],
    serving: Serving,
    baseline: types.Artifact,
    accept_new_golden: bool,
    shadow: Shadow | str | None,
) -> Evaluation:
    """Scores of all data sets, and the decision from them."""
    names, settings, known = inputs.label_map.names, inputs.settings, inputs.class_names.get(BASELINE)
    data_sets = {name: score(data, names, settings, inputs.known(name)) for name, data in matches.items()}
    golden = data_sets[GOLDEN]
    reasons = golden_checks(inputs, matches[GOLDEN], golden, baseline, accept_new_golden)
    reasons += comparable(matches[GOLDEN], decide(golden, reasons, settings, serving), names, settings, known)
    no_numbers = [told for data in matches.values() for told in data.no_numbers]
    reasons = [*training_checks(inputs), *sound_detections(no_numbers), *reasons]
    opinion, post_processing = _second_opinion(inputs, matches), _post_processing(inputs, matches[GOLDEN])
    mark = high_water(baseline, inputs.golden.info.digest)
    other = mark if mark and mark.digest != inputs.digests.get(BASELINE) else None
    sanity.check_unchanged(
        inputs.directories[CANDIDATE], inputs.digests[CANDIDATE], current_digests(inputs.models)[CANDIDATE]
    )
    return Evaluation(
        decide(golden, reasons, settings, serving, post_processing, other, opinion, shadow),
        data_sets,
        inputs.golden.info.digest,
        candidate_digest=inputs.digests[CANDIDATE],
        baseline_digest=inputs.digests.get(BASELINE),
        serving=serving,
        post_processing=post_processing,
        high_water=mark,
        second_opinion=opinion,
        shadow=None if isinstance(shadow, str) else shadow,
    )


def _post_processing(inputs: EvaluatorInputs, golden: DataSetMatches) -> PostProcessing | None:
    if inputs.compared is None:
        return None
    tables = {**golden.tables, BASELINE: golden.tables[AS_SERVED]}
    matches = dataclasses.replace(golden, tables=tables)
    as_served = score(matches, inputs.label_map.names, inputs.settings, inputs.class_names[BASELINE])
    return PostProcessing(inputs.compared.changes, as_served)


def _parts(inputs: EvaluatorInputs) -> list[DataPart]:
    """The data sets that hold images; an empty one would have nothing to say."""

    def part(name: str, data: ExamplesArtifact, split: str, share: float = 1.0) -> DataPart:
        files_of, images = tuple(data.files_to_read(split)), data.info.images.get(split, 0)
        counts = data.images_of_files(split)
        return DataPart(name, files_of, images, share, data.info.class_names, images_of_files=counts)

    share = min(1.0, inputs.settings.train_sample / max(1, inputs.span.info.images[TRAIN_SPLIT]))
    parts = [
        part(GOLDEN, inputs.golden, EVAL_SPLIT),
        *(
            DataPart(
                *(name, tuple(files), sum(len(chosen.image_ids) for chosen in _distinct(files))),
                chosen=files,
                images_of_files=inputs.held_out.images_of_files,
            )
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


def _probe(inputs: EvaluatorInputs, golden: DataSetMatches, uri: str) -> ServingProbe:
    return read_probe(
        inputs.golden.info,
        inputs.golden.record_files(EVAL_SPLIT),
        chosen_images(golden.tables[CANDIDATE]),
        f"{uri}/{GOLDEN}/{files.CANDIDATE_FILE}",
        inputs.settings.batch_size,
        inputs.class_names[CANDIDATE],
    )


def _second_opinion(inputs: EvaluatorInputs, matches: Mapping[str, DataSetMatches]) -> SecondOpinion | None:
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


def _write(path: str, content: bytes) -> None:
    with fileio.open(path, "wb") as file:
        file.write(content)
