"""What the models cost where they are served."""

from __future__ import annotations

from collections.abc import Callable

from components.review.sections.figures import NOTHING
from schemas.artifacts.evaluation import Serving, ServingFigures
from schemas.base.formatting import megabytes, number


def serving_section(serving: Serving) -> str:
    """A table of latency and size of both models; safe HTML."""
    rows = (
        _row("a single image, median", _latency, serving, serving.latency_ratio),
        _row("files of the model", _size, serving, serving.size_ratio),
    )
    head = "<td></td>" + "".join(f'<th scope="col">{name}</th>' for name in ("baseline", "candidate", "ratio"))
    caption = (
        "<caption>Both models in one process of the machine that evaluated them, one after the other image by image. "
        "Limits are evaluator.max_latency_ms, max_latency_ratio and max_size_ratio; none is set by default.</caption>"
    )
    return (
        '<div class="scroll" tabindex="0" role="region" aria-label="Latency and size"><table>'
        f"{caption}<thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
    )


def _row(name: str, shown: Callable[[ServingFigures], str], serving: Serving, ratio: float | None) -> str:
    before = shown(serving.baseline) if serving.baseline else NOTHING
    cells = (before, shown(serving.candidate), NOTHING if ratio is None else f"{ratio:.2f} x")
    numbers = "".join(f'<td class="number">{cell}</td>' for cell in cells)
    return f'<tr><th scope="row">{name}</th>{numbers}</tr>'


def _latency(figures: ServingFigures) -> str:
    return f"{number(figures.latency_ms)} ms"


def _size(figures: ServingFigures) -> str:
    return megabytes(figures.size_bytes)
