"""What a trainer of one's own is given: classes, images with boxes, the served model, and places to write to."""

from __future__ import annotations

import functools
import hashlib
import json
import os
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import tensorflow as tf
from tfx.components.trainer.fn_args_utils import FnArgs
from tfx.dsl.io import fileio

from ratchet.components.detector.detections import renumbering
from ratchet.components.detector.served import read_images
from ratchet.components.trainer.images.examples import label_statistics
from ratchet.components.trainer.lineage import earlier_if_there, trained_data
from ratchet.components.trainer.origin_files import Origin, served_model
from ratchet.components.trainer.own.code import find_code
from ratchet.components.trainer.own.plan import OwnPlan, plan_own
from ratchet.components.trainer.settings import TrainerSettings
from ratchet.schemas.artifacts.adoption import Adoption
from ratchet.schemas.artifacts.origin import origin_of
from ratchet.schemas.artifacts.training_record import TrainingRecord
from ratchet.schemas.base import settings as settings_io
from ratchet.schemas.base.errors import ConfigError
from ratchet.schemas.base.progress import LOGGER, Progress
from ratchet.schemas.data.dataset import EVAL_SPLIT, TRAIN_SPLIT
from ratchet.schemas.data.examples_artifact import ExamplesArtifact
from ratchet.schemas.data.records import record_from_json

_BATCH = 64


@dataclass(frozen=True, eq=False)
class LabelledImage:
    """One image with its objects.

    Attributes:
        file_name: below the delivery's `images/`.
        encoded: its file, JPEG or PNG, as it is stored.
        size_px: height and width.
        boxes_yxyx_px: [n, 4] float32: ymin, xmin, ymax, xmax in px of the stored image.
        labels: [n] int64, 1..K in the order of `Task.class_names`.
        is_crowd: [n] bool: a box around many objects, which is best left out of training.
    """

    file_name: str
    encoded: bytes
    size_px: tuple[int, int]
    boxes_yxyx_px: np.ndarray
    labels: np.ndarray
    is_crowd: np.ndarray


@dataclass(frozen=True, eq=False)
class Task:
    """One training.

    Attributes:
        class_names: the label map, 1..K: the served model's classes first, in its order, because clients know them.
        mode: `bootstrap` for a first model; `retrain` where `baseline` is a model of this trainer to go on from.
        baseline: directory of that SavedModel; None in a bootstrap.
        baseline_record: its training record.
        options: `training.options` of the configuration.
        settings: all of the Trainer's settings, which a trainer may heed or not.
        directory: where the SavedModel belongs.
        checkpoints: a directory for the state of an unfinished training: the same when the run is repeated after a
            kill, and another as soon as anything else is asked for. It is deleted when the model is accepted.
        log: directory for TensorBoard's events, or whatever a person may want to read.
        plan: what the record will say of where it began.
        origin: what the model will carry of its data.
        earlier_spans: data sets of the served model's lineage that can still be read.
        baseline_digest: digest of `baseline`; None in a bootstrap.
    """

    class_names: tuple[str, ...]
    mode: str
    baseline: str | None
    baseline_record: TrainingRecord | None
    options: Mapping[str, Any]
    settings: TrainerSettings
    directory: str
    checkpoints: str
    log: str | None
    plan: OwnPlan = field(repr=False)
    origin: Origin = field(repr=False)
    earlier_spans: tuple[ExamplesArtifact, ...] = field(repr=False)
    baseline_digest: str | None = None

    def images(self, split: str = TRAIN_SPLIT) -> Iterator[LabelledImage]:
        """The new span's images, one after the other, in the order in which they are stored.

        Args:
            split: `train`, or `eval`: images to choose a checkpoint by, which are not trained on.

        Raises:
            StateError: they are no longer what ExampleGen wrote.
        """
        return _images(self.origin.examples, split, self.class_names)

    def earlier_images(self, split: str = TRAIN_SPLIT) -> Iterator[LabelledImage]:
        """The same of all earlier spans of the lineage that can still be read, for a training that forgets nothing."""
        for span in self.earlier_spans:
            yield from _images(span, split, self.class_names)

    def baseline_weights(self) -> list[np.ndarray]:
        """The variables of the module that `write_model` was given for the served model, in its order; none in a
        bootstrap, and of a model that something else wrote."""
        if self.baseline is None:
            return []
        loaded: Any = tf.saved_model.load(self.baseline)
        return [variable.numpy() for variable in getattr(loaded, "weights", ())]

    def count(self, split: str = TRAIN_SPLIT) -> int:
        """How many images `images` gives."""
        return self.origin.examples.info.images.get(split, 0)

    def progress(self, title: str, total: int, unit: str = "steps") -> Progress:
        """What a person sees on the terminal while something goes on: call its `update(done)`.

        Args:
            title: what is being done.
            total: how many units of work there are.
            unit: what one of them is called.
        """
        return Progress(title, total, unit_name=unit)

    def say(self, sentence: str) -> None:
        """Says a sentence to whoever watches: on the terminal, or in the log of a pod."""
        LOGGER.info("%s", sentence)


def read_task(fn_args: FnArgs) -> Task:
    """What is to be trained.

    Args:
        fn_args: of TFX, as `run_fn` is given it.

    Raises:
        InputError: settings, span and served model contradict each other.
        StateError: what an earlier step wrote cannot be read.
    """
    config: dict[str, Any] = fn_args.custom_config or {}
    if "settings" not in config:
        raise ConfigError("read_task: these arguments are not those of Ratchet's Trainer; call it in training.run_fn")
    settings = settings_io.from_json(TrainerSettings, config["settings"])
    examples = ExamplesArtifact.open(os.path.dirname(os.path.dirname(fn_args.train_files[0])), fileio)
    artifacts, served = config["artifacts"], served_model(fn_args.base_model)
    said = origin_of(served, fileio) if served else None
    plan = _plan(settings, examples, artifacts, said)
    goes_on = plan.mode == "retrain"
    baseline = served if goes_on else None
    return Task(
        class_names=plan.class_names,
        mode=plan.mode,
        baseline=baseline,
        baseline_record=said if goes_on and isinstance(said, TrainingRecord) else None,
        options=settings.training.options,
        settings=settings,
        directory=fn_args.serving_model_dir,
        checkpoints=f"{artifacts}/checkpoints/{_key(settings, plan, config['baseline_digest'])}",
        log=fn_args.model_run_dir,
        plan=plan,
        origin=Origin(examples, baseline, artifacts, config["statistics"]),
        earlier_spans=tuple(earlier_if_there(plan.data[:-1], fileio, artifacts)),
        baseline_digest=config["baseline_digest"] if goes_on else None,
    )


def _plan(
    settings: TrainerSettings, examples: ExamplesArtifact, artifacts: str, said: TrainingRecord | Adoption | None
) -> OwnPlan:
    boxes = _boxes(examples.uri, examples.info.digest)
    return plan_own(settings.training, trained_data(examples, artifacts), boxes, said)


@functools.lru_cache(maxsize=1)  # who calls the function asks as well, and all annotations are read for it
def _boxes(uri: str, digest: str) -> Counter[str]:
    return Counter(label_statistics(ExamplesArtifact.open(uri, fileio)).boxes)


def _key(settings: TrainerSettings, plan: OwnPlan, baseline_digest: str | None) -> str:
    """Changes with everything that the result depends on, the trainer's code among it."""
    parts = [
        settings_io.to_json(settings),
        [(data.span, data.digest) for data in plan.data],
        baseline_digest,
        find_code(plan.run_fn).digest,
    ]
    return f"own-{hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]}"


def _images(examples: ExamplesArtifact, split: str, class_names: tuple[str, ...]) -> Iterator[LabelledImage]:
    if split not in (TRAIN_SPLIT, EVAL_SPLIT):  # the third split chooses nothing, ever
        raise ConfigError(f"images of the split {split!r}: a trainer is given {TRAIN_SPLIT!r} and {EVAL_SPLIT!r}")
    files = examples.record_files(split)
    if not files or not examples.info.images.get(split):
        return
    labels = renumbering(examples.info.class_names, class_names)
    for batch in read_images(files, _BATCH):
        for serialized, encoded in batch:
            record = record_from_json(serialized)
            xmin, ymin, width, height = record.truth.boxes_xywh_px.T
            yield LabelledImage(
                file_name=record.file_name,
                encoded=encoded,
                size_px=(record.height_px, record.width_px),
                boxes_yxyx_px=np.stack([ymin, xmin, ymin + height, xmin + width], axis=-1).astype(np.float32),
                labels=labels[record.truth.labels],
                is_crowd=record.truth.is_crowd,
            )


def forget_checkpoints(task: Task) -> None:
    """Deletes the state of a training that is over."""
    if tf.io.gfile.exists(task.checkpoints):
        tf.io.gfile.rmtree(task.checkpoints)
