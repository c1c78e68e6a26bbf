"""What the data gate's decision rests on, feature by feature: `evidence.json` beside `decision.json`."""

from __future__ import annotations

import base64
import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

DECISION_FILE = "decision.json"
EVIDENCE_FILE = "evidence.json"
PAGE_FILE = "report.html"
PICTURES_FILE = "pictures.json"  # the images that its rules name, drawn
DRIFT = "drift"  # the span against the data that the served model was trained on
SKEW = "skew"  # the span against the traffic that the served model sees

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
        kind: DRIFT or SKEW.
        feature: its key, or `embedding` for what the served model's backbone sees.
        measure: `jensen shannon divergence`, `l infty` or `energy distance`.
        distance: what was measured.
        limit: what would have passed.
        noise: what pure chance reaches between samples this small.
        other: the data compared with.
        span: the span.
        moved: how far the values moved, in the feature's own unit; None where that cannot be said.
    """

    kind: str
    feature: str
    measure: str
    distance: float
    limit: float
    noise: float
    other: Distribution
    span: Distribution
    moved: float | None = None

    @property
    def passed(self) -> bool:
        """Whether the distance is within its limit."""
        return self.distance <= self.limit


@dataclass(frozen=True)
class Picture:
    """An image that shows what a rule found.

    Attributes:
        file_name: of the image in its data set.
        jpeg: thumbnail with boxes, as `components.imaging.drawing.draw_boxes` makes it.
        caption: what to see in it.
    """

    file_name: str
    jpeg: bytes
    caption: str


Pictures = Mapping[str, tuple[Picture, ...]]  # by rule, the worst first


def pictures_to_json(pictures: Pictures) -> str:
    """JSON text of PICTURES_FILE."""
    return json.dumps(
        {
            rule: [{**dataclasses.asdict(entry), "jpeg": base64.b64encode(entry.jpeg).decode()} for entry in entries]
            for rule, entries in pictures.items()
        }
    )


def pictures_from_json(text: str) -> dict[str, tuple[Picture, ...]]:
    """The inverse of `pictures_to_json`."""
    return {
        rule: tuple(Picture(**{**entry, "jpeg": base64.b64decode(entry["jpeg"])}) for entry in entries)
        for rule, entries in json.loads(text).items()
    }


def evidence_to_json(comparisons: Sequence[Comparison]) -> str:
    """JSON text of EVIDENCE_FILE."""
    return json.dumps({"comparisons": [dataclasses.asdict(entry) for entry in comparisons]}, indent=1)


def evidence_from_json(text: str) -> tuple[Comparison, ...]:
    """The inverse of `evidence_to_json`."""
    entries = json.loads(text)["comparisons"]
    return tuple(
        Comparison(**{**entry, "other": _distribution(entry["other"]), "span": _distribution(entry["span"])})
        for entry in entries
    )


def _distribution(values: dict[str, Any]) -> Distribution:
    lists = {name: tuple(values[name]) for name in ("shares", "edges", "categories")}
    return Distribution(**{**values, **lists})
