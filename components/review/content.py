"""What a review page shows, as plain values; nothing in here is HTML yet, and every string of it is hostile."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from ratchet.components.pages.overlay import Layer
from ratchet.components.review.confusion import Confusion
from ratchet.schemas.artifacts.adoption import Adoption
from ratchet.schemas.artifacts.data_evidence import Comparison, DataPictures
from ratchet.schemas.artifacts.decisions import DataDecision, Decision, Verdict
from ratchet.schemas.artifacts.diagnosis import Diagnosis
from ratchet.schemas.artifacts.evaluation import AS_SERVED_RULE, BASELINE, CANDIDATE, Evaluation
from ratchet.schemas.artifacts.history import History
from ratchet.schemas.artifacts.training_record import TrainingRecord
from ratchet.schemas.base.differences import Clarity
from ratchet.schemas.data.dataset import DataSetInfo

OVERALL = ""  # the name of what is over all classes


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
class ChangedBox:
    """An object or a false detection that changed, to be cut out of its image.

    Attributes:
        kind: one of `changes.KINDS`.
        class_name: of the object, or of the false detection.
        words: what changed.
        layers: its boxes alone.
    """

    kind: str
    class_name: str
    words: str
    layers: tuple[Layer, ...]


@dataclass(frozen=True)
class GalleryImage:
    """A golden image with what was labelled and found in it.

    Attributes:
        file_name: in the golden set.
        size_px: width and height of the stored image.
        jpeg: the image, smaller.
        layers: labelled boxes, and the detections of each model.
        errors: by model.
        words: what is wrong, by model.
        change: what changed from the baseline to the candidate; without a baseline as the candidate's words.
        changed: each object and false detection that changed, the worst first.
        slices: the slices that it is in.
        original: where the image comes from, a path or an address; empty where that is not known.
    """

    file_name: str
    size_px: tuple[int, int]
    jpeg: bytes
    layers: tuple[Layer, ...]
    errors: Mapping[str, ModelErrors]
    words: Mapping[str, str]
    change: str
    changed: tuple[ChangedBox, ...]
    slices: tuple[str, ...] = ()
    original: str = ""

    @property
    def size_bytes(self) -> int:
        """Of its JPEG."""
        return len(self.jpeg)

    @property
    def classes(self) -> tuple[str, ...]:
        """Classes of what changed, the most frequent first."""
        return tuple(name for name, _ in Counter(box.class_name for box in self.changed).most_common())

    @property
    def worse(self) -> float:
        """How many errors more the candidate makes than the baseline."""
        before = self.errors[BASELINE].total if BASELINE in self.errors else 0.0
        return self.errors[CANDIDATE].total - before


@dataclass(frozen=True)
class SliceErrors:
    """Mean errors in the images of a slice.

    Attributes:
        attribute: what the images have in common.
        value: as the attribute's value.
        images: how many there are.
        errors: a mean per image, by model.
    """

    attribute: str
    value: str
    images: int
    errors: Mapping[str, ModelErrors]


@dataclass(frozen=True)
class Point:
    """A score from which detections count, and what it gives."""

    score: float
    precision: float
    recall: float
    f1: float


@dataclass(frozen=True)
class ClassCurves:
    """What both models reach in a class, or on average over all classes.

    Attributes:
        name: of the class, or OVERALL.
        precision: interpolated precision at the recall points 0, .01, ..., 1, by model and IoU threshold.
        f1: at the scores of `Curves.scores`, IoU .5, by model.
        points: the operating point of a class, by model and IoU threshold; of all classes the score at which their
            mean F1 is best, IoU .5.
    """

    name: str
    precision: Mapping[tuple[str, float], tuple[float, ...]]
    f1: Mapping[str, tuple[float, ...]]
    points: Mapping[tuple[str, float], Point]


@dataclass(frozen=True)
class Curves:
    """Curves of both models.

    Attributes:
        scores: at which F1 is given, ascending; 0, .01, ..., 1 but for files with scores of their own.
        classes: all classes together first, then single ones, the largest fall first.
    """

    scores: tuple[float, ...]
    classes: tuple[ClassCurves, ...]


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
        change: what changed in all images that were looked at, in words.
        curves: of precision, recall and F1.
        error_types: what kinds of errors there are.
        confusion: which classes are taken for which.
        slices: mean errors of the images of each slice.
        thresholds: the score from which detections count in the gallery, by model and class name.
        named: images that the diagnosis names, drawn as those of the gallery.
        better: the images that got better most; none without a baseline.
        improved: how many images got better in all.
    """

    gallery: tuple[GalleryImage, ...]
    worse: int
    change: str
    curves: Curves
    error_types: ErrorTypesFound
    confusion: Confusion
    slices: tuple[SliceErrors, ...]
    thresholds: Mapping[str, Mapping[str, float]]
    named: tuple[GalleryImage, ...] = ()
    better: tuple[GalleryImage, ...] = ()
    improved: int = 0


@dataclass(frozen=True)
class SuspectBox:
    """A label of an image whose labels are to be looked at.

    Attributes:
        xywh_px: in pixels of the image in its data set.
        class_name: its class.
        is_crowd: whether it stands for many objects.
        why: what speaks against it; empty where nothing is about this very box.
    """

    xywh_px: tuple[float, float, float, float]
    class_name: str
    is_crowd: bool = False
    why: str = ""


@dataclass(frozen=True)
class SuspectImage:
    """An image whose labels are to be looked at.

    Attributes:
        file_name: in its data set.
        size_px: width and height there.
        boxes: all its labels.
        why: what speaks against them, in words, the strongest first.
        original: where the image comes from, an address; empty where that is not known.
    """

    file_name: str
    size_px: tuple[int, int]
    boxes: tuple[SuspectBox, ...]
    why: tuple[str, ...]
    original: str = ""


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
        baseline: its training record; None before the first model, and of an adopted one.
        history: what was decided before this run.
        lineage: where everything came from.
        suspects: images of the span and of the golden set whose labels are to be looked at.
        adoption: of a baseline that was adopted, and has no training record; None of any other.
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
    pictures: DataPictures
    diagnosis: Diagnosis
    evaluation: Evaluation | None
    analysis: ErrorAnalysis | None
    candidate: TrainingRecord | None
    baseline: TrainingRecord | None
    history: History
    lineage: Lineage
    suspects: Mapping[str, tuple[SuspectImage, ...]] = field(default_factory=dict)
    adoption: Adoption | None = None

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
