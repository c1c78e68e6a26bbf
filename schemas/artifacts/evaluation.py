"""What the MapEvaluator measured: `evaluation.json` in the ModelEvaluation artifact."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

from ratchet.schemas.artifacts.decisions import Decision
from ratchet.schemas.artifacts.high_water import HighWaterMark
from ratchet.schemas.artifacts.shadow import Shadow
from ratchet.schemas.artifacts.training_record import SettingChange
from ratchet.schemas.base.differences import Clarity, clarity, minimum_detectable
from ratchet.schemas.base.persisted import Checked, PersistedFormat

EVALUATION_FILE = "evaluation.json"
PROBE_FILE = "serving_probe.npz"  # golden images and the candidate's detections, to try what is served with
# In a directory per data set:
GROUND_TRUTH_FILE = "ground_truth.json"  # COCO annotations
CANDIDATE_FILE = "candidate_detections.json"  # COCO results
BASELINE_FILE = "baseline_detections.json"  # COCO results; missing without a baseline
MATCHES_FILE = "matches.npz"  # what each detection hit, for every model

AS_SERVED_FILE = "baseline_as_served_detections.json"  # COCO results; only where the post-processing changed

CANDIDATE, BASELINE = "candidate", "baseline"
AS_SERVED = "baseline_as_served"  # where `baseline` has the candidate's post-processing instead of its own
AS_SERVED_RULE = "_as_served"  # how the rules end that hold a candidate against that one
COCO_LIMIT = 100  # detections of each image and class that COCO counts


def coco_names(max_detections: int = COCO_LIMIT) -> tuple[str, ...]:
    """COCO's 12 figures; the third recall is named by how many detections of each image and class count.

    >>> coco_names(300)[8]
    'AR300'
    """
    recalls = dict.fromkeys(("AR1", "AR10", f"AR{max_detections}"))
    return ("AP", "AP50", "AP75", "APs", "APm", "APl", *recalls, "ARs", "ARm", "ARl")


COCO_NAMES = coco_names()

# The data sets that every model is measured on.
GOLDEN = "golden"
HELD_OUT = (
    "held_out"  # the part of the new span that chooses nothing; in formats 0 to 2 the one that chose the checkpoint
)
EARLIER_SPANS = "earlier"  # the same parts of the earlier spans of the candidate's lineage
TRAIN_SAMPLE = "train_sample"  # un-augmented images that the candidate was trained on


@dataclass(frozen=True)
class ModelScores:
    """One model on one data set; -1 where there is no ground truth to measure against, or for a class unknown to it.

    Attributes:
        coco: the 12 COCO figures, `coco_names` of the data set's `max_detections`.
        per_class: AP of each class name.
        per_slice: mAP of each slice, such as `object_size=small` or `camera=north`.
    """

    coco: dict[str, float]
    per_class: dict[str, float]
    per_slice: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Delta:
    """Candidate minus baseline, with its 95 % interval.

    Attributes:
        value: the difference; None where one of them is undefined.
        lo: lower end of the interval, that of Student's t with units - 1 degrees of freedom; None where too few units
            hold ground truth for one.
        hi: upper end.
        std_error: of the difference, for the variation between independent units; None as `lo`.
        units: effective number of independent units behind it, images or groups of images, which is below their number
            where few of them hold most objects; None in a file from before it was recorded.
    """

    value: float | None
    lo: float | None
    hi: float | None
    std_error: float | None
    units: float | None = None

    @property
    def interval(self) -> tuple[float, float] | None:
        """The 95 % interval; None where it is undefined."""
        return None if self.lo is None or self.hi is None else (self.lo, self.hi)

    @property
    def clarity(self) -> Clarity:
        """Whether it is a difference at all."""
        return clarity(self.interval)

    @property
    def minimum_detectable(self) -> float | None:
        """The smallest true difference that these images show; None where that is not known."""
        return minimum_detectable(self.interval)


@dataclass(frozen=True)
class Deltas:
    """The differences on one data set, all from the same resamples."""

    overall: Delta
    per_class: dict[str, Delta]
    per_slice: dict[str, Delta]


@dataclass(frozen=True)
class Support:
    """How much ground truth a class or slice has.

    Attributes:
        objects: those that count.
        images: that they are in.
        groups: that they are in, where groups of images are the independent units; None where single images are.
    """

    objects: int
    images: int
    groups: int | None = None

    @property
    def units(self) -> int:
        """Independent units with an object."""
        return self.images if self.groups is None else self.groups


@dataclass(frozen=True)
class DataSetEvaluation:
    """Both models on one data set.

    A baseline may know fewer classes than the data set has. Held against all of them, a candidate could lose on every
    old class and still win by the new ones, so the two are compared over the classes that both know.

    Attributes:
        images: its images.
        candidate: scores of the candidate, over all classes.
        baseline: scores of the baseline, over the classes that it knows; None before the first model.
        deltas: their differences, over the classes that both know; None without a baseline.
        class_support: ground truth of each class.
        slice_support: ground truth of each slice.
        shared: the same over the classes that both know; None where they know the same.
        max_detections: of each image and class the best so many detections counted.
    """

    images: int
    candidate: ModelScores
    baseline: ModelScores | None
    deltas: Deltas | None
    class_support: dict[str, Support]
    slice_support: dict[str, Support]
    shared: DataSetEvaluation | None = None
    max_detections: int = COCO_LIMIT

    @property
    def compared(self) -> DataSetEvaluation:
        """What is fair to compare: the classes that both models know."""
        return self.shared or self

    @property
    def new_classes(self) -> tuple[str, ...]:
        """The classes that the baseline does not know."""
        return tuple(name for name in self.class_support if name not in self.compared.class_support)

    def clarity_of(self, rule: str) -> Clarity:
        """Whether the difference that a rule is about is one.

        Args:
            rule: its name. What is not about a single difference is as clear as it says.
        """
        if self.deltas is None:
            return Clarity.CLEAR
        name, _, of = rule.partition(":")
        if name in ("map_drop", "map_interval"):
            return self.deltas.overall.clarity
        parts = {"class_margin": self.deltas.per_class, "slice_margin": self.deltas.per_slice}.get(name)
        if parts is None:
            return Clarity.CLEAR
        return parts[of].clarity if of in parts else Clarity.UNKNOWN

    @property
    def objects(self) -> int:
        """Objects of all classes."""
        return sum(support.objects for support in self.class_support.values())


@dataclass(frozen=True)
class ServingFigures:
    """What a model costs where it is served.

    Attributes:
        latency_ms: median time of a single image through `serving_default`, in milliseconds.
        size_bytes: of all files of the SavedModel.
    """

    latency_ms: float
    size_bytes: int


@dataclass(frozen=True)
class Serving:
    """Both models in the same process, one after the other image by image; no baseline before the first model."""

    candidate: ServingFigures
    baseline: ServingFigures | None

    @property
    def latency_ratio(self) -> float | None:
        """The candidate's latency as a multiple of the baseline's."""
        return self.candidate.latency_ms / self.baseline.latency_ms if self.baseline else None

    @property
    def size_ratio(self) -> float | None:
        """The candidate's size as a multiple of the baseline's."""
        return self.candidate.size_bytes / self.baseline.size_bytes if self.baseline else None


@dataclass(frozen=True)
class PostProcessing:
    """A change of what is no weights, which must neither make a candidate look better nor serve a worse one.

    Attributes:
        changes: its settings, as the baseline is served and as the candidate is exported.
        as_served: candidate and baseline on the golden set, the baseline as it is served. Everywhere else the baseline
            has the candidate's post-processing, so that a difference is the training's.
    """

    changes: tuple[SettingChange, ...]
    as_served: DataSetEvaluation

    @property
    def changed(self) -> str:
        """The settings in words."""
        return ", ".join(map(str, self.changes))


@dataclass(frozen=True)
class HeldOutComparison:
    """The candidate against one model that was or is served, on all held-out images.

    Attributes:
        reference: `baseline`, `earlier` or `best`.
        version: of that model in the serving directory.
        pushes_ago: how many pushes lie between it and the baseline; 0 for the baseline.
        candidate: mAP of the candidate over the classes compared.
        map: that of the reference.
        delta: candidate minus reference.
        baseline_delta: baseline minus reference; None of the baseline.
    """

    reference: str
    version: str
    pushes_ago: int
    candidate: float
    map: float
    delta: Delta
    baseline_delta: Delta | None = None


@dataclass(frozen=True)
class SecondOpinion:
    """What images say that chose nothing: neither weights, nor a checkpoint, nor what is served.

    Attributes:
        images: held-out images of the new span and of the earlier ones.
        units: independent ones among them: images, or groups of images.
        objects: objects of the classes compared.
        spans: how many spans they are of.
        copies: further ones that were left out as copies of images that did choose something.
        unused: further ones that were left out because there were more than `max_images`.
        classes: the classes compared: those that every model and every span knows.
        comparisons: one a reference.
        missing: references and spans that could not be had, in words.
    """

    images: int
    units: int
    objects: int
    spans: int
    copies: int
    unused: int
    classes: tuple[str, ...]
    comparisons: tuple[HeldOutComparison, ...] = ()
    missing: tuple[str, ...] = ()


def _with_golden(data_sets: dict[str, DataSetEvaluation]) -> dict[str, DataSetEvaluation]:
    if GOLDEN not in data_sets:
        raise ValueError(f"the {GOLDEN} set, which decides, is missing")
    return data_sets


@dataclass(frozen=True)
class Evaluation:
    """Candidate and baseline on every data set, and what was decided from the golden one.

    Attributes:
        decision: verdict and reasons.
        data_sets: by name, `golden` always among them.
        golden_digest: digest of the golden set.
        candidate_digest: `model_digest` of what was measured; empty in a file from before it was recorded.
        baseline_digest: the same of the baseline; None without one.
        serving: latency and size; None in a file from before they were measured.
        post_processing: None where both models have the same.
        high_water: the best model that was served on this golden set; None if none was, or nobody looked.
        second_opinion: on images that chose nothing; None without a baseline, where it is off, or in an older file.
        shadow: both models on logged requests; None where nobody asked for it, or no log could be read.
    """

    decision: Decision
    data_sets: Annotated[dict[str, DataSetEvaluation], Checked(_with_golden)]
    golden_digest: str
    candidate_digest: str = ""
    baseline_digest: str | None = None
    serving: Serving | None = None
    post_processing: PostProcessing | None = None
    high_water: HighWaterMark | None = None
    second_opinion: SecondOpinion | None = None
    shadow: Shadow | None = None

    @property
    def beside_served(self) -> DataSetEvaluation:
        """Both models on the golden set, the baseline as it is served."""
        return self.post_processing.as_served if self.post_processing else self.golden

    @property
    def below_the_mark(self) -> float | None:
        """How far the baseline is below the best model that was served on this golden set; None where it is not, or
        where the two were not measured over the same classes."""
        golden = self.beside_served
        if self.high_water is None or golden.baseline is None or golden.shared is not None:
            return None
        return self.high_water.above(self.baseline_digest, golden.baseline.coco["AP"])

    @property
    def golden(self) -> DataSetEvaluation:
        """Both models on the golden set, which alone decides."""
        return self.data_sets[GOLDEN]

    def clarity_of(self, rule: str) -> Clarity:
        """Whether the difference that a rule is about is one; see `DataSetEvaluation.clarity_of`."""
        name, colon, of = rule.partition(":")
        if name == "second_opinion" and self.second_opinion:
            made = (each.delta.clarity for each in self.second_opinion.comparisons if each.reference == of)
            return next(made, Clarity.CLEAR)
        if self.post_processing and name.endswith(AS_SERVED_RULE):
            return self.post_processing.as_served.clarity_of(f"{name.removesuffix(AS_SERVED_RULE)}{colon}{of}")
        return self.golden.clarity_of(rule)


EVALUATION_FORMAT = PersistedFormat(
    # Format 0 lacked the digests and the figures of serving, format 2 the limit of detections, the independent units
    # and the second opinion; all have defaults. Up to format 2 `held_out` was the part that chose the checkpoint.
    Evaluation,
    "an evaluation",
    3,
    "restore it from a backup, or run with --again",
    allow_nan=False,
)
