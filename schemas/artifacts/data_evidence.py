"""What the data gate wrote: `decision.json`, `evidence.json`, which it rests on feature by feature, `pictures.json`."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated

from pydantic import BeforeValidator, PlainSerializer

from ratchet.schemas.artifacts.decisions import DataDecision
from ratchet.schemas.base.persisted import PersistedFormat, Values, renamed

DECISION_FILE = "decision.json"
EVIDENCE_FILE = "evidence.json"
PAGE_FILE = "report.html"
PICTURES_FILE = "pictures.json"  # the images that its rules name, drawn
DRIFT = "drift"  # the span against the data that the served model was trained on
SKEW = "skew"  # the span against the traffic that the served model sees
GOLDEN = "golden"  # the golden set against the served model's training data
GOLDEN_SERVING = "golden serving"  # the golden set against the traffic

_Base64 = Annotated[
    bytes,
    BeforeValidator(base64.b64decode),
    PlainSerializer(lambda content: base64.b64encode(content).decode()),
]
EMBEDDING = "embedding"  # a feature of its own: what the served model's backbone makes of an image


@dataclass(frozen=True)
class Distribution:
    """How a feature is distributed.

    Attributes:
        shares: of each bucket or category; they add up to 1 unless there is no value.
        edges: borders of the buckets of a number, one more than shares; empty for categories.
        categories: the most frequent categories; empty for a number.
        values: how many values there are.
        median: of a number; None for categories.
    """

    shares: tuple[float, ...]
    edges: tuple[float, ...] = ()
    categories: tuple[str, ...] = ()
    values: int = 0
    median: float | None = None


@dataclass(frozen=True)
class Comparison:
    """One feature of the span beside the same feature of other data.

    Attributes:
        kind: DRIFT, SKEW, GOLDEN or GOLDEN_SERVING; of the last two `span` is the golden set.
        feature: its key, or `embedding` for what the served model's backbone sees.
        measure: `jensen shannon divergence`, `l infty` or `energy distance`.
        distance: what was measured.
        limit: what would have passed.
        noise: what pure chance reaches between samples this small.
        other: the data compared with.
        span: the span.
        effect_size: how far the values moved, in the feature's own unit; None where that cannot be said.
        reference: what `other` is, in words, of spans that the served model was trained on: that which is nearest.
        moved_before: how far the feature moved between each of these spans and the next one, in the unit of
            `effect_size`; empty where that is not known.
        moved_in_halves: whether there is only one such span, and its halves say how far it moves.
        first: the first span of the lineage, in words.
        from_first: how far the feature is from it; None where it is the only one.
        allowed: how far it may move before that stops a run, in the unit of `effect_size`; None where it never does.
    """

    kind: str
    feature: str
    measure: str
    distance: float
    limit: float
    noise: float
    other: Distribution
    span: Distribution
    effect_size: float | None = None
    reference: str = ""
    moved_before: tuple[float, ...] = ()
    moved_in_halves: bool = False
    first: str = ""
    from_first: float | None = None
    allowed: float | None = None

    @property
    def passed(self) -> bool:
        """Whether the distance is within its limit."""
        return self.distance <= self.limit


@dataclass(frozen=True)
class PictureLayer:
    """Boxes of one kind over an image.

    Attributes:
        name: `labels`, `detections` (of the served model), `given` (as the file has them) or `read` (otherwise).
        boxes_xywh_px: in pixels of the image in its data set.
        texts: one a box, empty for a box without; or none at all.
    """

    name: str
    boxes_xywh_px: tuple[tuple[float, float, float, float], ...]
    texts: tuple[str, ...] = ()


@dataclass(frozen=True)
class View:
    """An image as it is shown.

    Attributes:
        jpeg: a small copy of it.
        size_px: width and height in its data set; 0 in files of older versions, whose copies have their boxes in them.
        title: what image it is, `training image of span 2`; empty for one of the span.
        layers: what lies over it, from below.
    """

    jpeg: _Base64
    size_px: tuple[int, int] = (0, 0)
    title: str = ""
    layers: tuple[PictureLayer, ...] = ()


@dataclass(frozen=True)
class Picture:
    """An image that shows what a rule found, or one to compare with.

    Attributes:
        file_name: of the image in its data set.
        caption: what to see in it.
        views: the image, and beside it what it is a copy of.
    """

    file_name: str
    caption: str
    views: tuple[View, ...]

    @property
    def size_bytes(self) -> int:
        """Of all its JPEGs."""
        return sum(len(view.jpeg) for view in self.views)


Pictures = Mapping[str, tuple[Picture, ...]]  # by rule, the worst first


@dataclass(frozen=True)
class DataPictures:
    """The images that the gate's rules name.

    Attributes:
        pictures: that show what a rule found.
        usual: of each rule some that are as they should be: training images, or golden ones where those are gone.
    """

    pictures: Pictures
    usual: Pictures = field(default_factory=dict)


@dataclass(frozen=True)
class LabelMeasure:
    """One figure of the span's labels beside the golden set's, both by what the served model sees.

    Attributes:
        rule: that it belongs to, `labels:size`.
        name: what was measured: `offset_x`, `offset_y` (to the right, down, fractions of the box size), `log_width`,
            `log_height` (ln of the factor), `jitter` (fraction of the box size, 0 if boxes scatter less),
            `swapped:A>B` (of what looks like A, labelled B; the most confused pairs, of however many), `noise`,
            `missing` (of all objects), `missing:CLASS` (of one that lacks more than the others), `emptied` (images that
            surely lost all their labels), `found` (labels that fit nothing that it sees), `reading:NAME` (shares).
        value: signed, span minus golden set.
        std_error: of it; widened for few images, so that chance reaches three of them as seldom as with many.
        limit: of the rule on its absolute value.
        images: independent ones behind it.
        by_class: the same of each class with enough objects.
    """

    rule: str
    name: str
    value: float
    std_error: float
    limit: float
    images: int
    by_class: Mapping[str, float]


@dataclass(frozen=True)
class LabelEvidence:
    """What the served model says of the span's labels, in numbers.

    The measures are of the images whose labels it can judge, `judged` of them. Where it can judge none, or is lost in
    them or in the golden set, `judged` is 0 and the measures are of all images. Then a value within its limit or three
    standard errors still says that the labels are made as the golden set's are, for the model's own errors would have
    to undo a difference exactly; a value beyond both says nothing, for it may be the model that draws, confuses or
    overlooks what it does not know. A measure that is not there was not possible.

    Attributes:
        measures: see there; empty where the model finds hardly an object on either side. Where most boxes fit only if
            their numbers are read otherwise there is only `reading:NAME`.
        span_recall: share of the labels of the span, among those that were counted, that it sees.
        golden_recall: the same of the golden images that they were held against.
        objects: labelled objects of the span that were counted.
        judged: share of the span's images whose labels it can judge, of which the measures are; 0: see above.
    """

    measures: tuple[LabelMeasure, ...]
    span_recall: float
    golden_recall: float
    objects: int
    judged: float


@dataclass(frozen=True)
class DataEvidence:
    """Every feature that was compared, and the labels in numbers; None where nothing could be said of them."""

    comparisons: tuple[Comparison, ...]
    labels: LabelEvidence | None = None


def _with_effect_sizes(values: Values) -> Values:
    return {"comparisons": [renamed(moved="effect_size")(entry) for entry in values["comparisons"]]}


def _with_views(values: Values) -> Values:
    def viewed(picture: Values) -> Values:
        return {"file_name": picture["file_name"], "caption": picture["caption"], "views": [{"jpeg": picture["jpeg"]}]}

    return {"pictures": {rule: [viewed(each) for each in pictures] for rule, pictures in values["pictures"].items()}}


_FIX = "give the command with --anew"
DATA_DECISION_FORMAT = PersistedFormat(DataDecision, "the data gate's decision", 1, _FIX, derived=("verdict",))
EVIDENCE_FORMAT = PersistedFormat(DataEvidence, "the data gate's evidence", 1, _FIX, {0: _with_effect_sizes})
PICTURES_FORMAT = PersistedFormat(
    DataPictures,
    "the data gate's pictures",
    2,
    _FIX,
    {0: lambda values: {"pictures": values}, 1: _with_views},
)
