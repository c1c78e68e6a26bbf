"""Shows logged requests to candidate and served model; TensorFlow."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np

from ratchet.components.detector.detections import renumbering
from ratchet.components.detector.served import Detectors, load_detector
from ratchet.components.requests.log import RequestLog
from ratchet.components.requests.log_lines import LoggedImage
from ratchet.components.shadow.figures import AGREED, Objects
from ratchet.components.shadow.looks import Looks, Request, Worst
from ratchet.components.shadow.pairs import Paired, pair_detections
from ratchet.schemas.artifacts.evaluation import BASELINE, CANDIDATE
from ratchet.schemas.data.columns import DetectionColumns, rows_of


@dataclass(frozen=True, eq=False)
class ShadowModel:
    """One of the two models.

    Attributes:
        directory: its SavedModel.
        digest: of what is in there now.
        class_names: its label map.
        points: [K + 1] float64, by label of the common label map the score from which on a detection counts.
    """

    directory: str
    digest: str
    class_names: tuple[str, ...]
    points: np.ndarray


def look(
    log: RequestLog, models: Mapping[str, ShadowModel], names: Sequence[str], batch_size: int, pictures: int = 0
) -> Looks:
    """What both models find in the images of a log.

    Args:
        log: the images.
        models: CANDIDATE and BASELINE, which is the served one.
        names: the common label map, which has every class of both.
        batch_size: images at once.
        pictures: how many of the images to keep in which they disagree most.

    Raises:
        InputError: the log cannot be read.
        StateError: a model cannot be used.
    """
    detectors = Detectors(
        {name: load_detector(_CALLED[name], model.directory, model.digest) for name, model in models.items()},
        {name: renumbering(model.class_names, names) for name, model in models.items()},
        on_trial=CANDIDATE,
    )
    known = renumbering(names, models[BASELINE].class_names) > 0
    parts: list[Paired] = []
    requests: list[Request] = []
    left_out = np.zeros(len(names) + 1, np.int64)
    worst: list[Worst] = []
    for batch in _batches((logged for logged, _ in log), batch_size):
        found = detectors.detect([logged.encoded for logged in batch], np.arange(len(batch)))
        points = {name: model.points for name, model in models.items()}
        new = ~known[found[CANDIDATE].labels]
        sure = found[CANDIDATE].scores >= points[CANDIDATE][found[CANDIDATE].labels]
        left_out += np.bincount(found[CANDIDATE].labels[new & sure], minlength=len(left_out))
        paired = _paired(found[BASELINE], rows_of(found[CANDIDATE], ~new), points, len(batch))
        worst = _worst([*worst, *_candidates(paired, batch, len(requests))], pictures)
        parts.append(paired)
        requests += [Request(logged.camera, logged.at, logged.name) for logged in batch]
    return Looks(
        Paired.join(parts),
        tuple(requests),
        tuple(worst),
        tuple(detectors.no_numbers),
        {name: int(count) for name, count in zip(names, left_out[1:]) if count},
        len(log.unreadable),
    )


_CALLED = {CANDIDATE: "candidate", BASELINE: "served model"}


def _paired(
    served: DetectionColumns, candidate: DetectionColumns, points: Mapping[str, np.ndarray], images: int
) -> Paired:
    return pair_detections(served, candidate, points[BASELINE], points[CANDIDATE], images)


def _batches(images: Iterable[LoggedImage], size: int) -> Iterator[list[LoggedImage]]:
    left = iter(images)
    while batch := list(islice(left, size)):
        yield batch


def _candidates(paired: Paired, batch: Sequence[LoggedImage], start: int) -> list[Worst]:
    objects = Objects.of(paired)
    apart = np.unique(objects.image[objects.kind != AGREED]).tolist()
    return [Worst(start + place, float(objects.weight[place]), batch[place].encoded) for place in apart]


def _worst(found: Sequence[Worst], most: int) -> list[Worst]:
    """The images in which the models disagree most, so that no more than these are in memory."""
    return sorted(found, key=lambda each: (-each.weight, each.image))[:most]
