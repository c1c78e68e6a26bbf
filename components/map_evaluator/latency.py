"""How long a model takes for a single image, beside another; pure."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence

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
