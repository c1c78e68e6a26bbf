"""Small page contents, any part of which a test can replace."""

from __future__ import annotations

from typing import Any

import numpy as np

from ratchet.components.data_gate.page import PageContent
from ratchet.components.imaging.drawing import thumbnail
from ratchet.schemas.artifacts.data_evidence import (
    DRIFT,
    Comparison,
    DataPictures,
    Distribution,
    Picture,
    PictureLayer,
    View,
)
from ratchet.schemas.artifacts.decisions import DataDecision, Reason
from ratchet.schemas.data.dataset import DataSetInfo
from tests.builders import encode, picture


def data_set(**fields: Any) -> DataSetInfo:
    """Version 2 of span 4: 60 images of cats and dogs."""
    whole: dict[str, Any] = {
        "source": "data/spans/span-4-version-2",
        "source_format": "coco",
        "span": 4,
        "version": 2,
        "digest": "5ba4",
        "class_names": ("cat", "dog"),
        "category_ids": (3, 7),
        "images": {"train": 54, "eval": 6, "held_out": 5},
        "boxes": {"train": 1100, "eval": 99, "held_out": 80},
    }
    return DataSetInfo(**whole | fields)


def numbers(*shares: float, edges: tuple[float, ...] = (), median: float | None = 0.5) -> Distribution:
    """A distribution over equal buckets from 0 to 1."""
    edges = edges or tuple(np.linspace(0, 1, len(shares) + 1).tolist())
    return Distribution(shares, edges=edges, values=100, median=median)


def comparison(**fields: Any) -> Comparison:
    """Brightness, far too dark."""
    whole: dict[str, Any] = {
        "kind": DRIFT,
        "feature": "qa/brightness",
        "measure": "jensen shannon divergence",
        "distance": 0.4,
        "limit": 0.1,
        "noise": 0.05,
        "other": numbers(0.0, 1.0, edges=(0, 100, 200), median=150.0),
        "span": numbers(1.0, 0.0, edges=(0, 100, 200), median=50.0),
    }
    return Comparison(**whole | fields)


def shown(file_name: str = "17.jpg", caption: str = "a caption", title: str = "", text: str = "cat") -> Picture:
    """A picture with one box."""
    layer = PictureLayer("labels", ((9.0, 9.0, 20.0, 20.0),), (text,))
    return Picture(file_name, caption, (View(thumbnail(encode(picture()), 90), (90, 60), title, (layer,)),))


def decision(*reasons: Reason, observe: bool = False) -> DataDecision:
    """What the gate decides of these reasons."""
    return DataDecision(observe or all(reason.passed for reason in reasons), reasons)


def content(**fields: Any) -> PageContent:
    """A span that passed its only rule."""
    whole: dict[str, Any] = {
        "title": "span 4 of data/spans",
        "span": data_set(),
        "golden": data_set(source="data/golden", span=0, version=1, digest="901d"),
        "baseline": "version 1790000000, trained on span 3 (540 images)",
        "decision": decision(Reason("schema", "no anomaly", "no anomaly", passed=True)),
        "comparisons": (),
        "pictures": DataPictures({}),
    }
    return PageContent(**whole | fields)


def hostile(text: str) -> PageContent:
    """A rejected span, every string of which is `text`."""
    info = data_set(
        source=text,
        source_format=text,
        digest=text,
        class_names=(text, text),
        images={text: 3},
        boxes={text: 3},
    )
    categories = Distribution((0.5, 0.5), categories=(text, "cat"), values=4)
    compared = (
        comparison(feature=text, measure=text, other=categories, span=categories),
        comparison(feature=f"source/{text}", measure=text),
    )
    reasons = (
        Reason(f"drift:{text}", text, text, images=(text,)),
        Reason(text, text, text, passed=True, warning=True),
        Reason(f"classes:{text}", text, text, passed=True),
    )
    pictures = DataPictures({text: (shown(text, text, text, text),)}, {text: (shown(text, text, text, text),)})
    return content(
        title=text,
        span=info,
        golden=info,
        baseline=text,
        decision=decision(*reasons),
        comparisons=compared,
        pictures=pictures,
    )
