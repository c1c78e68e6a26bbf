"""Measures the models on the golden set, decides, and writes evaluation and blessing."""

from __future__ import annotations

import json
from typing import Any

from tfx import types
from tfx.components.evaluator import constants
from tfx.components.evaluator import executor as tfx_evaluator
from tfx.dsl.io import fileio
from tfx.types import artifact_utils
from tfx.utils import io_utils, path_utils

from components.map_evaluator.blessing import Comparison, decide
from components.map_evaluator.coco_files import coco_ground_truth, coco_results
from components.map_evaluator.evaluate import compare, run_models
from components.map_evaluator.predict import ServedDetector, read_images
from components.map_evaluator.settings import EvaluatorSettings
from schemas import evaluation as evaluation_io
from schemas import settings as settings_io
from schemas.dataset import DATASET_FILE, EVAL_SPLIT, DataSetInfo
from schemas.evaluation import Evaluation

Artifacts = dict[str, list[types.Artifact]]


class Executor(tfx_evaluator.Executor):
    """Subclasses TFX's own evaluator, although all of `Do` is ours: only for that class does Kubeflow's
    entry point write the blessed model's resource name, by which Vertex finds it again."""

    def Do(self, input_dict: Artifacts, output_dict: Artifacts, exec_properties: dict[str, Any]) -> None:
        """See the base class."""
        settings = settings_io.from_json(EvaluatorSettings, exec_properties["settings"])
        golden = _dataset(input_dict["examples"])
        model = artifact_utils.get_single_instance(input_dict["model"])
        baseline = artifact_utils.get_single_instance(input_dict["baseline_model"])
        if not baseline.get_int_custom_property("has_baseline"):
            baseline = None

        [directory] = artifact_utils.get_split_uris(input_dict["examples"], EVAL_SPLIT)
        detectors = {"candidate": _detector(model), **({"baseline": _detector(baseline)} if baseline else {})}
        batches = read_images(f"{directory}/*", settings.batch_size)
        runs, records = run_models(detectors, batches, golden.images[EVAL_SPLIT])
        candidate, base = runs["candidate"], runs.get("baseline")
        scores = candidate.scores(golden.class_names)
        base_scores = base.scores(golden.class_names) if base else None
        delta = compare(candidate, base, settings) if base else None
        decision = decide(
            Comparison(
                candidate_map=scores.coco["AP"],
                baseline_map=base_scores.coco["AP"] if base_scores else None,
                delta_ci=(delta.lo, delta.hi) if delta else None,
            ),
            settings,
        )

        evaluation = Evaluation(
            decision=decision,
            candidate=scores,
            baseline=base_scores,
            delta=delta.value if delta else None,
            delta_ci=(delta.lo, delta.hi) if delta else None,
            images=len(records),
            golden_digest=golden.digest,
        )
        uri = artifact_utils.get_single_uri(output_dict["evaluation"])
        io_utils.write_string_file(f"{uri}/{evaluation_io.EVALUATION_FILE}", evaluation.to_json())
        truth = coco_ground_truth(records, golden.class_names, golden.category_ids)
        _write(f"{uri}/{evaluation_io.GROUND_TRUTH_FILE}", truth)
        _write(f"{uri}/{evaluation_io.CANDIDATE_FILE}", coco_results(candidate.detections, golden.category_ids))
        if base:
            _write(f"{uri}/{evaluation_io.BASELINE_FILE}", coco_results(base.detections, golden.category_ids))
        blessing = artifact_utils.get_single_instance(output_dict["blessing"])
        _bless(blessing, decision.verdict.pushes, model, baseline)


def _bless(blessing: types.Artifact, blessed: bool, model: types.Artifact, baseline: types.Artifact | None) -> None:
    """Writes what the stock Pusher and LatestBlessedModelStrategy look for."""
    blessing.set_string_custom_property(constants.ARTIFACT_PROPERTY_CURRENT_MODEL_URI_KEY, model.uri)
    blessing.set_int_custom_property(constants.ARTIFACT_PROPERTY_CURRENT_MODEL_ID_KEY, model.id)
    if baseline:
        blessing.set_string_custom_property(constants.ARTIFACT_PROPERTY_BASELINE_MODEL_URI_KEY, baseline.uri)
        blessing.set_int_custom_property(constants.ARTIFACT_PROPERTY_BASELINE_MODEL_ID_KEY, baseline.id)
    name = constants.BLESSED_FILE_NAME if blessed else constants.NOT_BLESSED_FILE_NAME
    io_utils.write_string_file(f"{blessing.uri}/{name}", "")
    blessing.set_int_custom_property(constants.ARTIFACT_PROPERTY_BLESSED_KEY, int(blessed))


def _detector(model: types.Artifact) -> ServedDetector:
    return ServedDetector(path_utils.serving_model_path(model.uri))


def _dataset(artifacts: list[types.Artifact]) -> DataSetInfo:
    with fileio.open(f"{artifact_utils.get_single_uri(artifacts)}/{DATASET_FILE}", "r") as file:
        return DataSetInfo.from_json(file.read())


def _write(path: str, value: Any) -> None:
    io_utils.write_string_file(path, json.dumps(value))
