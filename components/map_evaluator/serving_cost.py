"""What a model costs where it is served: how long an image takes beside another model, and the limits on it; pure."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence

from ratchet.components.map_evaluator.settings import EvaluatorSettings
from ratchet.schemas.artifacts.decisions import Reason
from ratchet.schemas.artifacts.evaluation import Serving
from ratchet.schemas.base.formatting import megabytes

LATENCY, SIZE = "serving:latency", "serving:size"
_MOST_ROUNDS = 10
_ENOUGH_S = 1.0  # no further round after so many seconds


def median_latencies(
    models: Mapping[str, Callable[[bytes], object]],
    images: Sequence[bytes],
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, float]:
    """Shows every image to every model, one at a time, as clients do.

    The models take turns image by image, and who is first changes, so that whatever else the machine does meets them
    alike. A first round, in which TensorFlow still sets things up, does not count.

    Args:
        models: by name; each takes an image file and returns when its answer is there.
        images: image files, at least one.
        clock: seconds.

    Returns:
        Median milliseconds of an image, by model.
    """
    taken: dict[str, list[float]] = {name: [] for name in models}
    _one_round(models, images, clock, 0)
    start = clock()
    for number in range(_MOST_ROUNDS):
        for name, seconds in _one_round(models, images, clock, number):
            taken[name].append(seconds)
        if clock() - start >= _ENOUGH_S:
            break
    return {name: 1000 * statistics.median(seconds) for name, seconds in taken.items()}


def _one_round(
    models: Mapping[str, Callable[[bytes], object]],
    images: Sequence[bytes],
    clock: Callable[[], float],
    number: int,
) -> list[tuple[str, float]]:
    taken = []
    for place, image in enumerate(images):
        for name in list(models)[:: 1 if (place + number) % 2 == 0 else -1]:
            start = clock()
            models[name](image)
            taken.append((name, clock() - start))
    return taken


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
