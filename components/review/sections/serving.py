"""What serving the models costs: latency and size."""

from __future__ import annotations

from markupsafe import Markup

from ratchet.components.pages.html import render
from ratchet.components.pages.numbers import NOTHING, megabytes
from ratchet.schemas.artifacts.evaluation import Serving, ServingFigures
from ratchet.schemas.base.formatting import number


def serving_section(serving: Serving) -> Markup:
    """A table of latency and size of both models."""
    return render("review/templates/serving.html", rows=_rows(serving))


def serving_gist(serving: Serving) -> str:
    """Both figures of the candidate, in a line."""
    told = [(after, f" ({ratio})" if before != NOTHING else "") for _, before, after, ratio in _rows(serving)]
    return ", ".join(f"{after}{ratio}" for after, ratio in told)


def _rows(serving: Serving) -> list[tuple[str, str, str, str]]:
    """Name, baseline, candidate and ratio."""
    before = serving.baseline
    return [
        (
            "a single image, median",
            _latency(before) if before else NOTHING,
            _latency(serving.candidate),
            _ratio(serving.latency_ratio),
        ),
        (
            "files of the model",
            megabytes(before.size_bytes) if before else NOTHING,
            megabytes(serving.candidate.size_bytes),
            _ratio(serving.size_ratio),
        ),
    ]


def _latency(figures: ServingFigures) -> str:
    return f"{number(figures.latency_ms)} ms"


def _ratio(ratio: float | None) -> str:
    return NOTHING if ratio is None else f"{ratio:.2f} x"
