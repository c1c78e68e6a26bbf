"""What TFMA's readers read of runs, as plain values; pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ratchet.components.pages import numbers
from ratchet.components.review.tfma_view.runs import RunName

SliceKey = tuple[tuple[str, str], ...]
OVERALL: SliceKey = ()
CLASS = "class"
IMAGES, OBJECTS = "example_count", "objects"  # the former is TFMA's name of the column that weighs slices


@dataclass(frozen=True)
class Figure:
    """A figure, and its interval if it has one; None where it is undefined."""

    value: float | None
    lo: float | None = None
    hi: float | None = None


NO_FIGURE = Figure(None)
Figures = Mapping[str, Figure]  # by TFMA's name; a difference ends in `_diff`


@dataclass(frozen=True)
class Bound:
    """A threshold.

    Attributes:
        lower: the least value that passes; None for none.
        upper: the largest.
        change: "absolute" or "relative" where the difference to the baseline is held against it, else empty.
    """

    lower: float | None = None
    upper: float | None = None
    change: str = ""

    @property
    def text(self) -> str:
        r"""In words.

        >>> Bound(0.5).text, Bound(-0.02, change="absolute").text, Bound().text
        ('at least 0.5000', 'difference at least \u22120.0200', '\u2013')
        """
        shown = numbers.change if self.change or (self.lower or 0) < 0 else numbers.score
        ends = (("at least", self.lower), ("at most", self.upper))
        words = " and ".join(f"{word} {shown(end + 0.0)}" for word, end in ends if end is not None)  # no negative zero
        of = {"absolute": "difference ", "relative": "difference, as a share of the baseline, "}.get(self.change, "")
        return f"{of}{words}" if words else numbers.NOTHING


@dataclass(frozen=True)
class Threshold:
    """What a figure of a slice is held against."""

    within: SliceKey
    figure: str
    bound: Bound


@dataclass(frozen=True)
class Failure:
    """A threshold or rule that failed.

    Attributes:
        threshold: which; without bound where it is a rule that has none.
        value: what was measured; None where there is no number.
        message: the rule, what it expected and what it found.
    """

    threshold: Threshold
    value: float | None
    message: str


@dataclass(frozen=True)
class Validation:
    """What became of a run's thresholds.

    Attributes:
        passed: whether the candidate may be served.
        no_baseline: whether no change was tested, for want of a baseline.
        thresholds: of the configuration.
        failures: what failed.
    """

    passed: bool
    no_baseline: bool = False
    thresholds: Sequence[Threshold] = ()
    failures: Sequence[Failure] = ()


@dataclass(frozen=True)
class TfmaResults:
    """All that the report shows.

    Attributes:
        run: the run that is explained.
        models: figures of each of its slices, by model; the candidate's are with the differences.
        validation: of the run.
        past: the candidates' figures on the whole golden set, of the runs before it, the oldest first.
        skipped: past runs that could not be read, each with the reason.
    """

    run: RunName
    models: Mapping[str, Mapping[SliceKey, Figures]]
    validation: Validation
    past: Mapping[RunName, Figures]
    skipped: Sequence[str] = ()
