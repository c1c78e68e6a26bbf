"""What a span costs that is trained on: golden mAP after a retraining of the served model on it."""

from __future__ import annotations

import json
from pathlib import Path

from components.trainer.images.examples import span_of
from components.trainer.job import TrainingJob, run_job
from components.trainer.validation import ValidationSet, Validator, read_validation
from pipeline.config.pipeline_settings import load_settings
from schemas.artifacts.root_file import ROOT_FILE
from schemas.artifacts.training_record import read_training_record
from schemas.base.files import LOCAL_FILES
from schemas.data.dataset import EVAL_SPLIT
from schemas.data.examples_artifact import ExamplesArtifact

_EVERY_IMAGE = 10**9


class Retraining:
    """Retrains one served model as its pipeline does, replay and all, and measures on one golden set.

    Args:
        root: the pipeline root, whose settings count.
        model: directory of the served model.
        golden: what ExampleGen wrote of the golden set.
        overrides: settings over the root's, such as fewer steps.
        work: directory for the state of unfinished trainings.
    """

    def __init__(self, root: Path, model: str, golden: str, overrides: list[str], work: Path) -> None:
        settings = json.loads((root / ROOT_FILE).read_text())["settings"]
        self._settings = load_settings(settings, overrides).trainer
        self._root, self._model, self._work = root, model, work
        examples = ExamplesArtifact.open(golden, LOCAL_FILES)
        record = read_training_record(model, LOCAL_FILES)
        self._golden = read_validation([span_of(examples, EVAL_SPLIT, record.class_names)], _EVERY_IMAGE)

    def golden_map(self, span: str) -> float:
        """Golden mAP after training on a span, as ExampleGen wrote it."""
        trained = run_job(
            TrainingJob(
                settings=self._settings,
                examples=span,
                baseline=self._model,
                baseline_record=read_training_record(self._model, LOCAL_FILES),
                baseline_digest="",
                checkpoints=str(self._work),
                artifacts=str(self._root / "artifacts"),
            )
        )
        trained.forget()
        return Validator(trained.serving, ValidationSet(self._golden, (), 0.0, 1))(0).new or 0.0
