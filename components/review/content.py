"""What a review page shows, as plain values; nothing in here is HTML yet, and every string of it is hostile."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ratchet.schemas.artifacts.data_evidence import Comparison, Pictures
from ratchet.schemas.artifacts.decisions import DataDecision, Decision, Verdict
from ratchet.schemas.artifacts.diagnosis import Diagnosis
from ratchet.schemas.artifacts.evaluation import AS_SERVED_RULE, Evaluation
from ratchet.schemas.artifacts.history import History
from ratchet.schemas.artifacts.training_record import TrainingRecord
from ratchet.schemas.base.differences import Clarity
from ratchet.schemas.data.dataset import DataSetInfo

OVERALL = ""  # the name of what is over all classes

# What a drawn box is.
CORRECT, WRONG, MISSED = "correct", "wrong", "missed"


@dataclass(frozen=True)
class ShownBox:
    """A box over a golden image.

    Attributes:
        box_xywh_px: in pixels of the stored image.
        text: its class, and the score of a detection.
        state: CORRECT, WRONG (a false detection) or MISSED (an object that the candidate does not find).
        what: more about it, in words.
    """

    box_xywh_px: tuple[float, float, float, float]
    text: str
    state: str
    what: str


@dataclass(frozen=True)
class ModelErrors:
    """Errors of one model in one image, each the mean over the 10 IoU thresholds."""

    missed: float
    false: float

    @property
    def total(self) -> float:
        """Both."""
        return self.missed + self.false


@dataclass(frozen=True)
class GalleryImage:
    """A golden image with what was labelled and found in it.

    Attributes:
        file_name: in the golden set.
        size_px: width and height of the stored image.
        jpeg: the image, smaller.
        truth: labelled boxes.
        found: detections that count, by model.
        errors: by model.
        classes: names of the classes of its boxes.
    """

    file_name: str
    size_px: tuple[int, int]
    jpeg: bytes
    truth: tuple[ShownBox, ...]
    found: Mapping[str, tuple[ShownBox, ...]]
    errors: Mapping[str, ModelErrors]
    classes: tuple[str, ...]


@dataclass(frozen=True)
class PrecisionRecall:
    """Interpolated precision at the recall points 0, .01, ..., 1, by model and IoU threshold."""

    name: str  # of the class, or OVERALL: the mean over classes
    curves: Mapping[tuple[str, float], tuple[float, ...]]


@dataclass(frozen=True)
class ErrorTypeCost:
    """What a type of error costs each model: how much AP would rise without it (TIDE), and how often it occurs among
    the detections that are sure enough to count."""

    name: str
    cost: Mapping[str, float]
    count: Mapping[str, int]


@dataclass(frozen=True)
class ErrorTypesFound:
    """Error types of the models on golden images.

    Attributes:
        types: in TIDE's order, by the IoU from which a box is right. A box that is drawn too loose is right at .5.
        images: golden images that they were counted in.
        of: golden images in all.
    """

    types: Mapping[float, tuple[ErrorTypeCost, ...]]
    images: int
    of: int


@dataclass(frozen=True)
class ErrorAnalysis:
    """What the golden set shows of the models beyond their figures.

    Attributes:
        gallery: the images that got worse, the worst first.
        worse: how many images got worse in all.
        curves: overall first, then classes, the largest fall first.
        error_types: what kinds of errors there are.
        named: images that the diagnosis names, drawn as those of the gallery.
        thresholds: the score from which detections count in the gallery, by model and class name.
    """

    gallery: tuple[GalleryImage, ...]
    worse: int
    curves: tuple[PrecisionRecall, ...]
    error_types: ErrorTypesFound
    thresholds: Mapping[str, Mapping[str, float]]
    named: tuple[GalleryImage, ...] = ()


@dataclass(frozen=True)
class Lineage:
    """Where everything came from.

    Attributes:
        artifacts: name, URI and ML Metadata id of each artifact of this run.
        code: version of Ratchet, and a digest of its source.
        golden: the golden set.
        span: the new span.
    """

    artifacts: tuple[tuple[str, str, int], ...]
    code: str
    golden: DataSetInfo
    span: DataSetInfo


@dataclass(frozen=True)
class ReviewContent:
    """Everything on the page.

    Attributes:
        run_id: the run.
        pipeline: name of the pipeline.
        root: pipeline root, for commands.
        command: what started this run; empty if that is not known.
        made_at: UTC time, ISO 8601.
        pushed_version: the version that is served now by this run; None if nothing was pushed.
        served: the baseline in words; None before the first model.
        data: decision of the data gate.
        comparisons: its drift and skew.
        pictures: by its rules.
        diagnosis: why mAP fell.
        evaluation: None if no candidate was trained.
        analysis: of errors on the golden set; None if no candidate was trained.
        candidate: its training record; None if no candidate was trained.
        baseline: its training record; None before the first model.
        history: what was decided before this run.
        lineage: where everything came from.
    """

    run_id: str
    pipeline: str
    root: str
    command: str
    made_at: str
    pushed_version: str | None
    served: str | None
    data: DataDecision
    comparisons: tuple[Comparison, ...]
    pictures: Pictures
    diagnosis: Diagnosis
    evaluation: Evaluation | None
    analysis: ErrorAnalysis | None
    candidate: TrainingRecord | None
    baseline: TrainingRecord | None
    history: History
    lineage: Lineage

    @property
    def verdict(self) -> Verdict:
        """How the run ended."""
        return Verdict.DATA_REJECTED if self.evaluation is None else self.evaluation.decision.verdict

    @property
    def decision(self) -> Decision | None:
        """The evaluator's decision; None if no candidate was trained."""
        return self.evaluation and self.evaluation.decision

    @property
    def is_noise(self) -> bool:
        """Whether nothing measurable fell: neither mAP nor, tested for it, a class or slice."""
        if self.evaluation is None or self.evaluation.golden.deltas is None or self.evaluation_is_broken:
            return False
        fell = any(
            reason.rule.startswith(("class_drop:", "slice_drop:"))
            or (AS_SERVED_RULE in reason.rule and self.evaluation.clarity_of(reason.rule) is Clarity.CLEAR)
            for reason in self.evaluation.decision.failures
        )
        return not fell and self.evaluation.golden.deltas.overall.clarity is not Clarity.CLEAR

    @property
    def evaluation_is_broken(self) -> bool:
        """Whether the evaluation itself could not be trusted."""
        return self.decision is not None and self.decision.evaluation_broken
