"""What two models found in logged requests, and the figures of it; pure."""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from ratchet.components.shadow.figures import Objects, by_class, by_part, read_as, score_shift
from ratchet.components.shadow.pairs import Paired
from ratchet.schemas.artifacts.shadow import UNKNOWN_PART, Shadow

MOST_CAMERAS = 50  # of which each has figures of its own
OTHER_CAMERAS = "all others"


@dataclass(frozen=True)
class Request:
    """What a log says of an image.

    Attributes:
        camera: that took it; empty if unknown.
        at: when it was logged, in the time zone of the log; a `date` that is no `datetime` where only the day is known;
            None if unknown.
        name: of its file; empty if unknown.
    """

    camera: str = ""
    at: datetime.date | None = None
    name: str = ""


@dataclass(frozen=True)
class Worst:
    """An image in which the models disagree much.

    Attributes:
        image: its position among all.
        weight: how much.
        encoded: its file.
    """

    image: int
    weight: float
    encoded: bytes = field(repr=False)


@dataclass(frozen=True, eq=False)
class Looks:
    """Both models on all images of a log.

    Attributes:
        paired: what they find.
        requests: [images] what is known of each.
        worst: those in which they disagree most, the worst first.
        no_numbers: what the candidate found that is no number, in words.
        new_classes: detections of the candidate of classes that the served model does not know, by class.
        unreadable: entries of the log that hold no image.
    """

    paired: Paired
    requests: tuple[Request, ...]
    worst: tuple[Worst, ...] = ()
    no_numbers: tuple[str, ...] = ()
    new_classes: Mapping[str, int] = field(default_factory=dict)
    unreadable: int = 0


def shadow_of(looks: Looks, log: str, names: Sequence[str], points: Mapping[str, np.ndarray]) -> Shadow:
    """The figures.

    Args:
        looks: what was found.
        log: directory of the log.
        names: of the labels 1..K.
        points: by model, [K + 1] the score from which on a detection of a label counts.
    """
    objects = Objects.of(looks.paired)
    times = sorted((request.at for request in looks.requests if request.at), key=_seconds)
    return Shadow(
        log=log,
        overall=objects.in_images(np.ones(objects.images, np.bool_)),
        by_camera=by_part(objects, _cameras(looks.requests)),
        by_hour=by_part(objects, [_hour(request) for request in looks.requests]),
        by_class=by_class(objects, names),
        read_as=read_as(looks.paired, names),
        shift=score_shift(looks.paired),
        points={model: dict(zip(names, of.tolist()[1:])) for model, of in points.items()},
        unreadable=looks.unreadable,
        new_classes=dict(looks.new_classes),
        oldest=_text(times[0]) if times else None,
        newest=_text(times[-1]) if times else None,
    )


def _cameras(requests: Sequence[Request]) -> list[str]:
    """The camera of each request; those with the fewest images together where there are too many to be listed."""
    counts = Counter(request.camera or UNKNOWN_PART for request in requests)
    listed = {camera for camera, _ in sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:MOST_CAMERAS]}
    own = (request.camera or UNKNOWN_PART for request in requests)
    return [camera if camera in listed else OTHER_CAMERAS for camera in own]


def _hour(request: Request) -> str:
    return f"{request.at.hour:02}" if isinstance(request.at, datetime.datetime) else UNKNOWN_PART


def _seconds(at: datetime.date) -> float:
    """For the order; a day without a time begins in UTC."""
    if isinstance(at, datetime.datetime):
        return at.timestamp()
    return datetime.datetime(at.year, at.month, at.day, tzinfo=datetime.timezone.utc).timestamp()


def _text(at: datetime.date) -> str:
    return at.isoformat(timespec="seconds") if isinstance(at, datetime.datetime) else at.isoformat()
