"""What can be said of a data set without any model, as counts; `dataset.json` keeps them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

# Names of what is counted.
REPEATED_OBJECTS = "repeated_objects"  # objects that another box of the same class stands for already
TWO_CLASSES = "two_classes"  # objects that another box gives another class
CROWDS = "crowds"  # objects that stand for a crowd
OUTSIDE_CONTENT = "outside_content"  # objects on a border without content
WITHOUT_OBJECTS = "without_objects"  # images
UNLABELLED_END = "unlabelled_end"  # the last images, of which none has an object although the others have
SAME_FILES = "same_files"  # images whose file is that of another, byte for byte
BLANK = "blank"  # images that show nothing: nearly black, nearly white or flat
BORDERS = "borders"  # images with a border without content
DEEP = "deep"  # images of 16 bits a channel


@dataclass(frozen=True)
class Fact:
    """How many there are of something.

    Attributes:
        count: how many.
        of: out of how many.
        images: file names of images that show it, the worst first.
        detail: in words, where a count does not say all.
    """

    count: int
    of: int
    images: tuple[str, ...] = ()
    detail: str = ""

    @property
    def share(self) -> float:
        """0..1; 0 of nothing."""
        return self.count / self.of if self.of else 0.0


@dataclass(frozen=True)
class ClassFact:
    """How often a class is there.

    Attributes:
        name: of the class.
        objects: labelled with it.
        images: that show it.
        ends_after: images, in the order of ids or of file names, after which it does not occur although its share
            makes that no chance; None where it goes on.
        crowds: of the objects, those that stand for a crowd: nothing is learnt from them, and none of them is measured.
    """

    name: str
    objects: int
    images: int
    ends_after: int | None = None
    crowds: int = 0


@dataclass(frozen=True)
class DataSetFacts:
    """All splits of a data set together.

    Attributes:
        images: how many; 0 where nothing was counted, as in data sets of older versions.
        objects: how many.
        sizes: the most frequent sizes of images, `640x480`, with how many images have it.
        most_objects: in one image.
        counts: by the names above.
        classes: in label order.
        side_shares: 0th, 1st, ... 100th percentile of the objects' sides, the root of width times height, as a share of
            the image's longer side; empty without objects.
    """

    images: int = 0
    objects: int = 0
    sizes: Mapping[str, int] = field(default_factory=dict)
    most_objects: int = 0
    counts: Mapping[str, Fact] = field(default_factory=dict)
    classes: tuple[ClassFact, ...] = ()
    side_shares: tuple[float, ...] = ()

    def of(self, name: str) -> Fact:
        """What was counted under a name; nothing of nothing if it was not."""
        return self.counts.get(name, Fact(0, 0))

    def share_below(self, side_share: float) -> float:
        """Share of the objects whose side is below a share of the image's longer side, to a percent."""
        below = sum(share < side_share for share in self.side_shares)
        return min(1.0, below / max(1, len(self.side_shares) - 1))


NOTHING_COUNTED = DataSetFacts()  # of a data set of an older version
