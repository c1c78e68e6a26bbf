"""What a model was made from and how; it travels inside the SavedModel, in `assets.extra/`.

Beside `training_record.json` lies `training_statistics.pb`, the TFDV statistics of the training
data (DatasetFeatureStatisticsList), which the data gate compares the next span with.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from typing import Any

from schemas.errors import StateError

RECORD_FILE = "assets.extra/training_record.json"
STATISTICS_FILE = "assets.extra/training_statistics.pb"
LABELS_FILE = "assets.extra/labels.json"
TRAINING_SAMPLE_FILE = "assets.extra/training_sample.npz"  # schemas.feature_sample, of the training data
TRAINING_IMAGES_FILE = "assets.extra/training_images.npz"  # schemas.fingerprints, of the whole lineage


@dataclass(frozen=True)
class LearningRateRecord:
    """The schedule that was followed.

    Attributes:
        peak: highest rate.
        bootstrap_peak: peak of the lineage's first training; retrainings take their fraction of this one.
        warmup_steps: steps of linear rise.
        warmup_start: rate at step 0.
        final: rate at the last step, after cosine decay.
    """

    peak: float
    bootstrap_peak: float
    warmup_steps: int
    warmup_start: float
    final: float


@dataclass(frozen=True)
class TrainingRecord:
    """One model's origin.

    Attributes:
        mode: `bootstrap` or `retrain`.
        span: number of the training span.
        data_digest: content digest of the training span.
        images: training images seen.
        class_names: in label order, 1..K.
        category_ids: the data set's ids of those classes.
        model: the model settings.
        augmentation: policy name.
        augmentation_digest: digest of the policy's exact parameters.
        learning_rate: the schedule.
        steps: optimizer steps.
        batch_size: images a step.
        seed: of weights, shuffling and augmentation.
        init_checkpoint: where a bootstrap's backbone came from; None for random weights.
        batch_norm_frozen: whether the backbone's batch norm was left as it was.
        baseline_digest: digest of the model a retraining started from; None for a bootstrap.
        loss_curve: (step, total loss) pairs, at most a few hundred.
        weight_distance: L2 distance of the trainable weights from their start, relative to the start's norm.
        ratchet_version: version of the code.
    """

    mode: str
    span: int
    data_digest: str
    images: int
    class_names: tuple[str, ...]
    category_ids: tuple[int, ...]
    model: dict[str, Any]
    augmentation: str
    augmentation_digest: str
    learning_rate: LearningRateRecord
    steps: int
    batch_size: int
    seed: int
    init_checkpoint: str | None
    batch_norm_frozen: bool
    baseline_digest: str | None
    loss_curve: tuple[tuple[int, float], ...]
    weight_distance: float
    ratchet_version: str

    def to_json(self) -> str:
        """JSON text; floats keep their exact value."""
        return json.dumps(dataclasses.asdict(self), indent=1, sort_keys=True)

    @classmethod
    def from_json(cls, text: str, source: str) -> TrainingRecord:
        """The inverse of `to_json`.

        Args:
            text: what `to_json` wrote.
            source: what to call it in messages.

        Raises:
            StateError: not a training record of this version.
        """
        try:
            values = json.loads(text)
            values["learning_rate"] = LearningRateRecord(**values["learning_rate"])
            for key in ("class_names", "category_ids"):
                values[key] = tuple(values[key])
            values["loss_curve"] = tuple((int(step), float(loss)) for step, loss in values["loss_curve"])
            return cls(**values)
        except (ValueError, TypeError, KeyError) as error:
            raise StateError(f"{source}: not a training record of this version of Ratchet ({error})") from error
