"""The rules for what a model costs where it is served; off until a limit is set; pure."""

from __future__ import annotations

from components.map_evaluator.settings import EvaluatorSettings
from schemas.artifacts.decisions import Reason
from schemas.artifacts.evaluation import Serving
from schemas.base.formatting import megabytes

LATENCY, SIZE = "serving:latency", "serving:size"


def serving_reasons(serving: Serving, settings: EvaluatorSettings) -> list[Reason]:
    """What the limits of latency and size say; nothing where none is set, or none but one of a ratio and no baseline.

    Args:
        serving: what was measured.
        settings: the limits.
    """
    return [*_latency(serving, settings), *_size(serving, settings)]


def _latency(serving: Serving, settings: EvaluatorSettings) -> list[Reason]:
    limits = {}
    if settings.max_latency_ms is not None:
        limits[f"at most {settings.max_latency_ms:g} ms"] = settings.max_latency_ms
    if settings.max_latency_ratio is not None and serving.baseline:
        of = serving.baseline.latency_ms
        limits[f"at most {settings.max_latency_ratio:g} x the baseline's {of:.1f} ms"] = settings.max_latency_ratio * of
    if not limits:
        return []
    tightest = min(limits, key=lambda words: limits[words])
    latency = serving.candidate.latency_ms
    return [
        Reason(
            rule=LATENCY,
            expected=f"a single image in {tightest}",
            actual=f"{latency:.1f} ms{_times(serving.latency_ratio)}",
            passed=latency <= limits[tightest],
        )
    ]


def _size(serving: Serving, settings: EvaluatorSettings) -> list[Reason]:
    if settings.max_size_ratio is None or serving.baseline is None or serving.size_ratio is None:
        return []
    of = megabytes(serving.baseline.size_bytes)
    return [
        Reason(
            rule=SIZE,
            expected=f"files of at most {settings.max_size_ratio:g} x the baseline's {of}",
            actual=f"{megabytes(serving.candidate.size_bytes)}{_times(serving.size_ratio)}",
            passed=serving.size_ratio <= settings.max_size_ratio,
        )
    ]


def _times(ratio: float | None) -> str:
    return "" if ratio is None else f" ({ratio:.2f} x)"
