"""Two trainings of whatever toolkits, by their configurations, logs and data, in ratios; None where a file is missing.

Unlike two records of this pipeline they need not be first training and retraining: both may have started from the same
pretrained weights, or the second from the first's result. Only in the second case is there a usual rate to go on with,
a tenth of the first training's peak, and only then can the second lose what the first had learned.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass

from ratchet.components.diagnosis.plans.curves import last, mean
from ratchet.components.diagnosis.trainings import USUAL_FRACTION, ratio
from ratchet.components.toolkits.plan_change import PlanChange, PlanChanges
from ratchet.components.toolkits.settings_tree import number
from ratchet.components.toolkits.ultralytics import TOOLKIT as ULTRALYTICS
from ratchet.schemas.data.training_data import DataFacts
from ratchet.schemas.data.training_plan import TrainingCurves, TrainingPlan

# Names of weights that everybody starts from.
_PRETRAINED = re.compile(
    r"coco|imagenet|pretrain|backbone|classification|model_?zoo|open-mmlab|torchvision|detectron2?:|https?:"
    r"|(^|/)(yolo|rtdetr|resnet|resnext|efficientnet|mobilenet|swin|vgg)[\w.-]*\.(pt|pth|ckpt|h5|weights)$",
    re.IGNORECASE,
)

_ENDED = 0.001  # of its peak
_NEARLY = 0.1  # relative: what a warm-up makes of the rate that was set


@dataclass(frozen=True)
class OtherTraining:
    """One training, as far as files say it.

    Attributes:
        plan: its configuration.
        curves: its log.
        images: counted in its training data.
    """

    plan: TrainingPlan | None = None
    curves: TrainingCurves | None = None
    images: int | None = None

    @property
    def peak(self) -> float | None:
        """The highest learning rate: the one that was logged, else the one that was asked for."""
        if self.curves and self.curves.rate:
            return max(rate for _, rate in self.curves.rate)
        return self.plan.rate.peak if self.plan and self.plan.rate else None

    @property
    def mean_rate(self) -> float | None:
        """Over the training, likewise."""
        if self.curves and len(self.curves.rate) > 1:
            return mean(self.curves.rate)
        return self.plan.rate.mean if self.plan and self.plan.rate else None

    @property
    def final_rate(self) -> float | None:
        """The last learning rate, likewise."""
        if self.curves and self.curves.rate:
            return self.curves.rate[-1][1]
        return self.plan.rate.final if self.plan and self.plan.rate else None

    @property
    def count(self) -> int | None:
        """Training images: those that were counted, else those that the configuration names."""
        return self.images or (self.plan.images if self.plan else None)

    @property
    def passes(self) -> float | None:
        """How often an image of its data is seen."""
        if self.plan is None:
            return None
        if self.plan.epochs is not None:
            return self.plan.epochs
        if self.plan.steps is None or self.plan.batch_size is None or not self.count:
            return None
        return self.plan.steps * self.plan.batch_size * (1 - (self.plan.replay or 0.0)) / self.count

    @property
    def lost_at(self) -> str:
        """From where on the loss was no finite number: `step 120`; empty for a sound training."""
        at = self.curves.diverged_at if self.curves else None
        return "" if self.curves is None or at is None else f"{self.curves.unit} {at:g}"

    @property
    def last_loss(self) -> float | None:
        """Smoothed."""
        return last(self.curves.loss) if self.curves else None


@dataclass(frozen=True)
class PlanPair:
    """Two trainings.

    Attributes:
        before: the first.
        after: the second.
        changes: what differs between the configurations; None without one of them.
        data: what is known of the data.
        after_first: whether records say that the first was a first training and the second a retraining, which is
            usually shorter and at a lower rate: then the first is no measure of how much the second should learn.
    """

    before: OtherTraining
    after: OtherTraining
    changes: PlanChanges | None = None
    data: DataFacts | None = None
    after_first: bool = False

    @property
    def continues(self) -> bool | None:
        """Whether the second started from the first's result; None where that is not known."""
        before, after = self.before.plan, self.after.plan
        start = after.starts_from if after else None
        if start is None:
            return None
        if not start or _PRETRAINED.search(start):
            return False
        return before is None or start != before.starts_from

    @property
    def peak(self) -> float | None:
        """The second's peak rate over the first's, for as large a batch."""
        return self._for_batch(ratio(self.after.peak, self.before.peak))

    @property
    def usual_peak(self) -> float | None:
        """What a training that goes on from the first's result usually has."""
        return None if self.before.peak is None else USUAL_FRACTION * self.before.peak

    @property
    def over_end(self) -> float | None:
        """The second's peak rate over the rate at which the first ended.

        A cosine ends at 0, and over that there is no ratio: below a thousandth of its peak a rate has ended.
        """
        peak, final = self.before.peak, self.before.final_rate
        return None if peak is None or final is None else ratio(self.after.peak, max(final, _ENDED * peak))

    @property
    def mean_rate(self) -> float | None:
        """The second's mean rate over the first's, for as large a batch."""
        return self._for_batch(ratio(self.after.mean_rate, self.before.mean_rate))

    @property
    def passes(self) -> float | None:
        """Passes over the data, the second's over the first's."""
        return ratio(self.after.passes, self.before.passes)

    @property
    def images(self) -> float | None:
        """Training images, the second's over the first's."""
        return ratio(self.after.count, self.before.count)

    @property
    def last_loss(self) -> float | None:
        """Loss at the end, the second's over the first's."""
        return ratio(self.after.last_loss, self.before.last_loss)

    @property
    def toolkit(self) -> str:
        """Of the second training; empty where no configuration says it."""
        plan = self.after.plan or self.before.plan
        return plan.toolkit if plan else ""

    def change(self, *attributes: str) -> tuple[PlanChange, ...]:
        """What differs in some attributes of the configurations, and in those below them."""
        return tuple(each for name in attributes for each in self.changes.of(name)) if self.changes else ()

    def setting(self, attribute: str, otherwise: str) -> str:
        """The setting behind an attribute, as the second's configuration spells it."""
        plan = self.after.plan
        return plan.named.get(attribute, otherwise) if plan else otherwise

    def rate_set_to(self, wanted: float) -> str:
        """What sets the second's peak to a rate, in the setting's own value: Ultralytics' peak lies below its lr0."""
        plan, now = self.after.plan, self.after.peak or wanted
        name = self.setting("rate.peak", "the peak learning rate")
        written = number(plan.settings.get(name)) if plan else None
        if not written or not math.isclose(written, now, rel_tol=_NEARLY):
            written = now
        told = f"{name}: {written:.3g} -> {written * wanted / now:.3g}"
        unused = plan is not None and plan.toolkit == ULTRALYTICS and plan.optimizer == "auto"
        return f"{told}, with an optimizer that is named (optimizer: auto leaves {name} unused)" if unused else told

    def rate_undone(self) -> str:
        """What puts the second's peak back to that of the first, for as large a batch as it has now.

        Where the batch changed there are two ways: the batch of before, or a rate that suits the new one.
        """
        now, then, times = self.after.peak, self.before.peak, self.peak
        if now is None or then is None or not times:
            name = self.setting("rate.peak", "the peak learning rate")
            return f"Put {name} back to what it was." if then is not None or now is None else f"Lower {name}."
        batches = [plan.batch_size if plan else None for plan in (self.after.plan, self.before.plan)]
        if not self.batch_matters or None in batches:
            return self._as_written("rate.peak") or self.rate_set_to(then)
        told = self.rate_set_to(now / times)
        if not math.isclose(now, then, rel_tol=_NEARLY):
            return f"{told}, which for batches of {batches[0]:g} is what {then:.3g} was for {batches[1]:g}"
        return f"{told}, or {self.setting('batch_size', 'the batch size')}: {batches[0]:g} -> {batches[1]:g}"

    @property
    def batch_matters(self) -> bool:
        """Whether rates are compared for as large a batch, and the batches are not as large."""
        return self._for_batch(1.0) not in (None, 1.0)

    def undo(self, attribute: str, otherwise: str, value: Callable[[OtherTraining], float | None]) -> str:
        """What puts a setting back: `lr0: 0.1 -> 0.04`."""
        if written := self._as_written(attribute):
            return written
        now, then = value(self.after), value(self.before)
        if now is None or then is None:
            return f"Put {self.setting(attribute, otherwise)} back to what it was."
        return f"{self.setting(attribute, otherwise)}: {now:g} -> {then:g}"

    def _as_written(self, attribute: str) -> str:
        """What puts a setting back, as both files have it: a log's rate is a little below what was set; else empty."""
        name = self.setting(attribute, "")
        plans = (self.after.plan, self.before.plan)
        written = [plan.settings.get(name, "") if plan else "" for plan in plans]
        return f"{name}: {written[0]} -> {written[1]}" if all(written) and written[0] != written[1] else ""

    def _for_batch(self, value: float | None) -> float | None:
        """Undoes another batch size: rates grow with it (Goyal et al. 2017, arXiv:1706.02677).

        Ultralytics gathers gradients until 64 images are seen, whatever the batch.
        """
        plans = [self.before.plan, self.after.plan]
        if value is None or any(plan is None or plan.toolkit == ULTRALYTICS for plan in plans):
            return value
        if any(plan is not None and plan.scales_rate for plan in plans):
            return value  # the toolkit itself multiplies the rate by the batch
        scale = ratio(*(plan.batch_size if plan else None for plan in plans))
        return value if scale is None else value * scale
