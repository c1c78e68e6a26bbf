"""What a model was made from and how; it travels inside the SavedModel, in `assets.extra/`.

Beside `training_record.json` lies `training_statistics.pb`, the TFDV statistics of the training
data (DatasetFeatureStatisticsList), which the data gate compares the next span with.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Annotated, Any

from ratchet.schemas.artifacts.training_dynamics import Diverged, Dynamics
from ratchet.schemas.base.errors import StateError
from ratchet.schemas.base.files import Files
from ratchet.schemas.base.persisted import PersistedFormat, renamed
from ratchet.schemas.base.plain_settings import Field
from ratchet.schemas.data.exif import APPLY, IGNORE, REFUSE, Exif
from ratchet.schemas.data.training_plan import TrainingPlan

RECORD_FILE = "assets.extra/training_record.json"
STATISTICS_FILE = "assets.extra/training_statistics.pb"
LABELS_FILE = "assets.extra/labels.json"
TRAINING_SAMPLE_FILE = "assets.extra/training_sample.npz"  # schemas.data.feature_sample, of the training data
EARLIER_SPANS_DIRECTORY = "assets.extra/earlier_spans"  # statistics and samples of earlier spans of the lineage
TRAINING_IMAGES_FILE = "assets.extra/training_images.npz"  # schemas.data.fingerprints, of the whole lineage
# In the candidate's Model artifact, beside what would be served; only where the two differ in post-processing.
BASELINE_DIRECTORY = "Format-Baseline"
# Settings of a model that are no weights: what becomes of the boxes that it predicts.
POST_PROCESSING = ("max_detections", "nms_iou_threshold", "score_threshold")
_POST_PROCESSING = "post-processing: "


@dataclass(frozen=True)
class SettingChange:
    """One of POST_PROCESSING, as the baseline was and as the model is exported."""

    name: str
    before: float
    after: float

    def __str__(self) -> str:
        """In words."""
        return f"{self.name} {self.before:g} -> {self.after:g}"

    @property
    def declared(self) -> str:
        """As it stands among `declared_changes`."""
        return f"{_POST_PROCESSING}{self}"


@dataclass(frozen=True)
class LearningRateRecord:
    """The schedule that was followed.

    Attributes:
        peak: highest rate.
        bootstrap_peak: peak of the lineage's first training, as it was set for a whole batch; retrainings take their
            fraction of this one.
        warmup_steps: steps of linear rise.
        warmup_start: rate at step 0.
        final: rate at the last planned step, after cosine decay.
    """

    peak: float
    bootstrap_peak: float
    warmup_steps: int
    warmup_start: float
    final: float

    def at(self, step: int, steps: int) -> float:
        """Linear warm-up, then cosine decay (Loshchilov & Hutter 2017, arXiv:1608.03983, without restarts).

        Args:
            step: 0..steps-1.
            steps: length of the training.

        >>> rate = LearningRateRecord(peak=1.0, bootstrap_peak=1.0, warmup_steps=10, warmup_start=0.05, final=0.02)
        >>> [round(rate.at(step, 100), 3) for step in (0, 10, 55, 99)]
        [0.05, 1.0, 0.51, 0.02]
        """
        if step < self.warmup_steps:
            return self.warmup_start + (self.peak - self.warmup_start) * step / self.warmup_steps
        progress = (step - self.warmup_steps) / max(1, steps - self.warmup_steps)
        return self.final + (self.peak - self.final) * 0.5 * (1 + math.cos(math.pi * progress))


@dataclass(frozen=True)
class ContinualLearningRecord:
    """What held a retraining to its baseline: see `RetrainSettings`; all off for a first model.

    Attributes:
        replay: share of each batch that came from earlier spans.
        l2_sp: strength of the pull toward the baseline's weights.
        batch_norm: `train`, `slow` or `frozen`.
        freeze_backbone: whether only decoder and heads were trained.
    """

    replay: float = 0.0
    l2_sp: float = 0.0
    batch_norm: str = "train"
    freeze_backbone: bool = False


@dataclass(frozen=True)
class NumericsRecord:
    """How a step is computed. The defaults are how every model was trained before there was a choice.

    Attributes:
        precision: `float32`, `mixed_bfloat16` or `mixed_float16`; weights are float32 in each.
        xla: whether the step was compiled by XLA.
        optimizer: `adam` or `sgd`.
        momentum: of SGD; None for Adam.
        weight_decay: of kernels: decoupled for Adam, in the loss for SGD; 0 is none.
        accumulate: parts in which a batch goes through the model.
    """

    precision: str = "float32"
    xla: bool = False
    optimizer: str = "adam"
    momentum: float | None = None
    weight_decay: float = 0.0
    accumulate: int = 1


@dataclass(frozen=True)
class TrainedData:
    """A span that a model or one of its ancestors was trained on.

    Attributes:
        span: its number.
        version: its version.
        digest: its content digest.
        images: images in its training split.
        class_names: its label map, 1..K.
        examples: where its tf.Examples are: an Examples artifact's path below the artifacts directory of the pipeline
            root; or its URI, where it lies elsewhere and in records of format 0.
        exif: what was done about images whose EXIF orientation is not 1; older versions ignored it.
    """

    span: int
    version: int
    digest: str
    images: int
    class_names: tuple[str, ...]
    examples: str
    exif: Exif = IGNORE


@dataclass(frozen=True)
class ValidationPoint:
    """mAP on the validation images of the training spans, after some step.

    Attributes:
        step: steps taken; 0 is the start.
        map: what chooses the checkpoint: of the mixture that is trained on, `new` and `old` weighted as in a batch; of
            all images alike where `ValidationImages.pooled`.
        new: on the new span; None if it has no validation image with an object.
        old: on the earlier spans; None where none are looked at, or they have no such image.
    """

    step: int
    map: float
    new: float | None
    old: float | None


@dataclass(frozen=True)
class ValidationImages:
    """What a checkpoint was, or would have been, chosen by.

    Attributes:
        new: images of the new span.
        old: images of earlier spans.
        wanted: the least that makes a choice more than chance.
        pooled: whether mAP was that of all images together, because one of the two parts had fewer than are wanted.
    """

    new: int
    old: int
    wanted: int
    pooled: bool = False


@dataclass(frozen=True)
class AskedTraining:
    """What the settings asked for, before the amount of data had its say: what two trainings are compared by.

    Attributes:
        batch_size: images a step.
        peak_learning_rate: for a batch of that size.
        replay: share of each batch from earlier spans, if there are any; 0 in a first training.
        steps: of a first training; None for a retraining.
        epochs: passes over the new span; None for a first training, as are the two limits.
        min_steps: the fewest steps.
        max_steps: the most steps.
        rounds: validations.
        patience: rounds without a better mAP after which it stops.
        min_validation_images: with fewer, no checkpoint is chosen.
        max_validation_images: most of the new span, and most of the earlier ones.
        accumulate: parts of a batch.
    """

    batch_size: int
    peak_learning_rate: float
    replay: float
    steps: int | None
    epochs: float | None
    min_steps: int | None
    max_steps: int | None
    rounds: int
    patience: int
    min_validation_images: int
    max_validation_images: int
    accumulate: int = 1


@dataclass(frozen=True)
class TrainingRecord:
    """One model's origin.

    Of a model that a trainer of one's own made (`trainer`), the figures of Ratchet's own training hold nothing: 0, or
    empty. What that trainer said of itself is its `plan`, `loss_curve` and `validation`.

    Attributes:
        mode: `bootstrap` or `retrain`.
        data: all spans of the lineage, each once; the last is the one trained on now.
        category_ids: the newest span's own ids of its classes, in its order.
        model: the model settings, everything derived from data resolved.
        augmentation: policy name.
        augmentation_digest: digest of the policy's exact parameters.
        learning_rate: the schedule.
        continual: what held it to the baseline.
        planned_steps: optimizer steps of the schedule.
        steps: those taken; fewer after an early stop.
        best_step: after which the weights are the exported ones; 0: those it started from.
        batch_size: images a step, as many as the span allows.
        clip_norm: global norm that gradients were cut to; 0 is no limit.
        average: decay of the average of the weights that was exported; 0: the weights themselves.
        seed: of weights, order and augmentation.
        devices: replicas that trained together, at the end.
        init_checkpoint: where a bootstrap's weights came from; None for random weights.
        batch_norm_frozen: whether the backbone's batch norm was left as it was.
        baseline_digest: digest of the model a retraining started from; None for a bootstrap.
        declared_changes: what deliberately differs from the baseline's training, in words.
        loss_curve: (step, total loss) pairs, at most a few hundred.
        validation: mAP over the training; empty if there were too few validation images.
        weight_distance: L2 distance of the trainable weights from their start, relative to the start's norm.
        ratchet_version: version of the code.
        numerics: how its steps were computed.
        asked: what the settings asked for; None before format 4, as in the two that follow.
        validation_images: what the checkpoint was chosen by.
        diverged: how it was lost, so that the weights are the last sound ones; None for a sound training.
        label_map: names of the labels 1..K; empty in a record from before a lineage kept its own, when it was that of
            the newest span.
        post_processing: what differs from the baseline's.
        baseline_for_comparison: digest of the baseline with this model's post-processing, which lies beside it in
            BASELINE_DIRECTORY to be compared with; None where the baseline as it is served has the same.
        dynamics: how the training went; None in a record from before it was measured.
        devices_from: (step, replicas) at which it began and went on, if it went on with another number of them; else
            empty.
        trainer: the function that trained it (`training.run_fn`); empty: Ratchet's own.
        plan: how such a trainer says that it trained; None of Ratchet's own.
    """

    mode: str
    data: Annotated[tuple[TrainedData, ...], Field(min_length=1)]
    category_ids: tuple[int, ...]
    model: dict[str, Any]
    augmentation: str
    augmentation_digest: str
    learning_rate: LearningRateRecord
    continual: ContinualLearningRecord
    planned_steps: int
    steps: int
    best_step: int
    batch_size: int
    clip_norm: float
    average: float
    seed: int
    devices: int
    init_checkpoint: str | None
    batch_norm_frozen: bool
    baseline_digest: str | None
    declared_changes: tuple[str, ...]
    loss_curve: tuple[tuple[int, float], ...]
    validation: tuple[ValidationPoint, ...]
    weight_distance: float
    ratchet_version: str
    numerics: NumericsRecord = field(default_factory=NumericsRecord)
    asked: AskedTraining | None = None
    validation_images: ValidationImages | None = None
    diverged: Diverged | None = None
    label_map: tuple[str, ...] = ()
    post_processing: tuple[SettingChange, ...] = ()
    baseline_for_comparison: str | None = None
    dynamics: Dynamics | None = None
    devices_from: tuple[tuple[int, int], ...] = ()
    trainer: str = ""
    plan: TrainingPlan | None = None

    @property
    def span(self) -> int:
        """Number of the span it was trained on."""
        return self.data[-1].span

    @property
    def images(self) -> int:
        """Training images of that span."""
        return self.data[-1].images

    @property
    def exif(self) -> Exif:
        """How the newest span that may have had images with an EXIF orientation took them; `refuse` if none may."""
        asked: list[Exif] = [data.exif for data in self.data if data.exif != REFUSE]
        return asked[-1] if asked else REFUSE

    @property
    def wants_upright_images(self) -> bool:
        """Whether an image is to be turned as its EXIF orientation says before it is sent to the served model."""
        return self.exif == APPLY

    @property
    def changed_training(self) -> tuple[str, ...]:
        """Of the declared changes, those of the training."""
        return tuple(change for change in self.declared_changes if not change.startswith(_POST_PROCESSING))

    @property
    def class_names(self) -> tuple[str, ...]:
        """Its label map, 1..K."""
        return self.label_map or self.data[-1].class_names

    @property
    def passes(self) -> float:
        """How often an image of the new span was seen, on average."""
        return self.steps * self.batch_size * (1 - self.continual.replay) / self.images

    @property
    def has_chosen(self) -> bool:
        """Whether validation chose the exported weights, rather than the end of the training."""
        return bool(self.validation)


TRAINING_RECORD_FORMAT = PersistedFormat(
    TrainingRecord,
    "a training record",
    4,
    "restore the model from a backup, or serve another one: ratchet rollback --by NAME --reason TEXT",
    # In format 2 the places of examples became relative to the artifacts of the root; both are understood. In format 4
    # mAP of validation may be that of all images alike, and may be missing for the new span.
    {2: renamed(keep="continual")},
    derived=("wants_upright_images",),
    sort_keys=True,
)


def earlier_sample_file(digest: str) -> str:
    """Where a model has the FeatureSample of an earlier span of its lineage, by the span's content digest."""
    return f"{EARLIER_SPANS_DIRECTORY}/{digest[:16]}.npz"


def earlier_statistics_file(digest: str) -> str:
    """Where it has the span's TFDV statistics."""
    return f"{EARLIER_SPANS_DIRECTORY}/{digest[:16]}.pb"


def read_training_record(model: str, files: Files) -> TrainingRecord:
    """The training record inside a model.

    Args:
        model: directory of the SavedModel.
        files: the file system.

    Raises:
        StateError: there is none, or it is of another version.
    """
    path = f"{model}/{RECORD_FILE}"
    if not files.exists(path):
        raise StateError(
            f"{path}: the model has no training record, without which nothing is known of how to go on from it; "
            "restore it from a backup or with `ratchet doctor --repair`, or serve an earlier version that has one: "
            "ratchet rollback --to VERSION --by NAME --reason TEXT"
        )
    with files.open(path, "rb") as file:  # so that bytes which are no text are the format's to refuse
        return TRAINING_RECORD_FORMAT.read(file.read(), path)
