"""Where candidate and served model disagree on logged requests, which nobody has labelled."""

from __future__ import annotations

from dataclasses import dataclass, field

SHADOW_FILE = "shadow.html"  # in the directory of a run
UNKNOWN_PART = "not known"  # camera or hour of an image whose log entry does not say


@dataclass(frozen=True)
class Disagreement:
    """What both models find in some images. An object is what one of them finds, or both.

    Attributes:
        images: the images.
        images_apart: those in which the two disagree about an object.
        agreed: objects that both find, in one class.
        other_class: objects that both find, in different classes.
        missed: objects that the served model finds and the candidate does not.
        new: objects that only the candidate finds.
        missed_faint: of the missed, those that the candidate finds with at least half the score that counts.
        new_faint: of the new ones, those that the served model finds so.
        interval: 95 % interval of `share`; None with fewer than two images that have an object.
        images_interval: the same of `images_share`.
    """

    images: int
    images_apart: int
    agreed: int
    other_class: int
    missed: int
    new: int
    missed_faint: int = 0
    new_faint: int = 0
    interval: tuple[float, float] | None = None
    images_interval: tuple[float, float] | None = None

    @property
    def apart(self) -> int:
        """Objects about which they disagree."""
        return self.other_class + self.missed + self.new

    @property
    def objects(self) -> int:
        """All that one of them finds."""
        return self.agreed + self.apart

    @property
    def share(self) -> float | None:
        """Of the objects, 0..1; None where neither finds one."""
        return self.apart / self.objects if self.objects else None

    @property
    def images_share(self) -> float | None:
        """Of the images, 0..1; None without one."""
        return self.images_apart / self.images if self.images else None


@dataclass(frozen=True)
class ScoreShift:
    """Score of the candidate minus that of the served model, over the objects on which they agree.

    Attributes:
        objects: how many.
        mean: of the differences; None without one, as the others.
        low: the 10th percentile.
        median: the 50th.
        high: the 90th.
    """

    objects: int
    mean: float | None = None
    low: float | None = None
    median: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class ReadAs:
    """Objects that the served model reads as one class and the candidate as another."""

    served: str
    candidate: str
    objects: int


@dataclass(frozen=True)
class Shadow:
    """Both models on logged requests.

    Attributes:
        log: its directory.
        overall: over all images.
        by_camera: by the camera that their entries name.
        by_hour: by the hour of the day at which they were logged, `00` to `23`, as their entries have it.
        by_class: by the class as the served model reads it; of what is new, as the candidate does.
        read_as: classes read differently, the most frequent first.
        shift: of the scores.
        points: by model, the score from which on a detection of each class counts.
        unreadable: further entries that hold no image.
        new_classes: detections of the candidate that were left out, by class: the served model does not know it.
        oldest: when the oldest of the images was logged, as its entry has it; None where none says so.
        newest: the newest one.
    """

    log: str
    overall: Disagreement
    by_camera: dict[str, Disagreement] = field(default_factory=dict)
    by_hour: dict[str, Disagreement] = field(default_factory=dict)
    by_class: dict[str, Disagreement] = field(default_factory=dict)
    read_as: tuple[ReadAs, ...] = ()
    shift: ScoreShift = ScoreShift(0)
    points: dict[str, dict[str, float]] = field(default_factory=dict)
    unreadable: int = 0
    new_classes: dict[str, int] = field(default_factory=dict)
    oldest: str | None = None
    newest: str | None = None
