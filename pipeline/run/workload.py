"""How much work a run is: images, looks of a model, steps; pure."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ratchet.components.trainer.line import SHARES
from ratchet.components.trainer.model.data_fit import BoxShapes, resolve
from ratchet.components.trainer.model.model_settings import AUTO, ModelSettings
from ratchet.components.trainer.policy import TrainingPlan
from ratchet.pipeline.config.pipeline_settings import PipelineSettings
from ratchet.schemas.data.records import ImageRecord

LINE_POINTS = len(SHARES)  # validations after a retraining
SAMPLE_IMAGES = 500  # whose figures go with a model (components/trainer/origin_files.py)
_AUTO_SIZE = (512, 512)  # where nothing is labelled to derive it from


@dataclass(frozen=True)
class Workload:
    """What a run has to do.

    Attributes:
        images: of the span.
        train_images: that are trained on.
        golden_images: of the golden set.
        golden_is_stored: whether an earlier run has read the golden set, and this one takes what it has stored.
        megapixels: million pixels of an image of the span, in the mean.
        file_bytes: of all image files of the span.
        model: `auto` resolved.
        classes: K.
        steps: of training.
        batch_size: images a step.
        validations: of the model in training.
        validation_images: that each of them looks at.
        has_baseline: whether a served model is compared with.
        gate_looks: most images of span and of golden set, each, that the data gate shows to the served model.
        train_sample: most training images that both models are measured on.
        held_out_images: that both models and the earlier ones are measured on.
        look_batch: images at once in the evaluator.
        devices: that share a batch.
        accumulate: parts in which a device takes its share of a batch.
        golden_bytes: of all image files of the golden set.
        keeps_model: whether training starts from the served model, so that it has that one's input.
    """

    images: int
    train_images: int
    golden_images: int
    golden_is_stored: bool
    megapixels: float
    file_bytes: int
    model: ModelSettings
    classes: int
    steps: int
    batch_size: int
    validations: int
    validation_images: int
    has_baseline: bool
    gate_looks: int
    train_sample: int
    held_out_images: int
    look_batch: int
    devices: int = 1
    accumulate: int = 1
    golden_bytes: int = 0
    keeps_model: bool = False

    @property
    def input_pixels(self) -> int:
        """Of an image as the model sees it."""
        height, width = self.model.fixed_input_size
        return height * width

    @property
    def models(self) -> int:
        """That are evaluated."""
        return 1 + self.has_baseline

    @property
    def looks_of_gate(self) -> int:
        """Images that a model is shown in the data gate."""
        if not self.has_baseline:
            return 0
        return min(self.train_images, self.gate_looks) + min(self.golden_images, self.gate_looks)

    @property
    def looks_of_training(self) -> int:
        """The same of the Trainer: validations, and the sample of training images that goes with the model."""
        return self.validations * self.validation_images + min(self.train_images, SAMPLE_IMAGES)

    @property
    def looks_of_evaluation(self) -> int:
        """The same of the evaluator, over all models."""
        each = self.golden_images + min(self.train_images, self.train_sample) + self.held_out_images
        return self.models * each


def workload(
    settings: PipelineSettings, plan: TrainingPlan, records: Sequence[ImageRecord], golden_images: int
) -> Workload:
    """The work of a run that is planned; sizes of files, `golden_is_stored` and `devices` are for the caller to say.

    Args:
        settings: of the run.
        plan: of its training.
        records: images of the span.
        golden_images: of the golden set.
    """
    data, checks, images = settings.data, settings.training.validation, len(records)
    is_retraining = plan.mode == "retrain"
    opinion = settings.evaluator.second_opinion
    new = min(round(images * data.eval_fraction), checks.max_images)
    earlier = round(sum(span.images for span in plan.replayed) * data.eval_fraction)
    validation_images = new + min(earlier, checks.max_images)
    enough = validation_images >= checks.min_images
    spans = sum(span.images for span in plan.data) / max(1 - data.eval_fraction - data.held_out_fraction, 0.1)
    return Workload(
        images=images,
        train_images=plan.data[-1].images,
        golden_images=golden_images,
        golden_is_stored=False,
        megapixels=sum(record.width_px * record.height_px for record in records) / max(images, 1) / 1e6,
        file_bytes=0,
        model=resolved(plan.model, records),
        classes=len(plan.class_names),
        steps=plan.steps,
        batch_size=plan.batch_size,
        accumulate=plan.numerics.accumulate,
        validations=(checks.rounds + LINE_POINTS * is_retraining) if enough else 0,
        validation_images=validation_images,
        has_baseline=plan.has_baseline,
        keeps_model=is_retraining,
        gate_looks=settings.data_gate.audit_images,
        train_sample=settings.evaluator.train_sample,
        held_out_images=min(round(spans * data.held_out_fraction), opinion.max_images if opinion else 0),
        look_batch=settings.evaluator.batch_size,
    )


def resolved(model: ModelSettings, records: Sequence[ImageRecord]) -> ModelSettings:
    """The model with what is `auto` derived as the Trainer does, from all images instead of those that are trained on.

    Args:
        model: the settings.
        records: images of the span.
    """
    if AUTO not in (model.input_size, model.anchors):
        return model
    kept = [record.truth.boxes_xywh_px[~record.truth.is_crowd] for record in records]
    if not sum(map(len, kept)):
        return dataclasses.replace(model, input_size=_AUTO_SIZE if model.input_size == AUTO else model.input_size)
    sizes = np.array([[record.height_px, record.width_px] for record in records], dtype=np.float64)
    boxes = np.concatenate(kept)[:, [3, 2]]  # COCO has width before height
    return resolve(model, BoxShapes(sizes, boxes, np.repeat(np.arange(len(records)), [len(each) for each in kept])))
