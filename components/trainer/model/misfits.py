"""Which weights of a checkpoint do not fit a model, by their names and shapes; pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

Shapes = Mapping[str, Sequence[int]]  # by the name in the checkpoint
SHOWN = 4  # in an error; the log has all


@dataclass(frozen=True)
class Misfit:
    """A weight that is not alike in both.

    Attributes:
        name: in the checkpoint, or the one that it would have.
        there: its shape in the checkpoint; None if there is none.
        here: its shape in the model; None if there is none.
    """

    name: str
    there: tuple[int, ...] | None
    here: tuple[int, ...] | None

    def __str__(self) -> str:
        """
        >>> str(Misfit("head/bias", (91,), (11,))), str(Misfit("head/gamma", None, (8,)))
        ('head/bias is [91] there and [11] here', 'head/gamma is missing there and [8] here')
        """
        there, here = ("missing" if shape is None else str(list(shape)) for shape in (self.there, self.here))
        return f"{self.name} is {there} there and {here} here"


def misfits(there: Shapes, here: Shapes) -> list[Misfit]:
    """All weights that are not alike, those of both first.

    Args:
        there: of a part in a checkpoint.
        here: of the same part of the model.

    >>> [str(one) for one in misfits({"a": [2], "b": [3]}, {"b": [3], "a": [4]})]
    ['a is [2] there and [4] here']
    """
    names = sorted({*there, *here}, key=lambda name: (name not in there or name not in here, name))
    pairs = [Misfit(name, _shape(there.get(name)), _shape(here.get(name))) for name in names]
    return [pair for pair in pairs if pair.there != pair.here]


def told(found: Sequence[Misfit], weights: int) -> str:
    """How many do not fit and which, the first of them, in one line.

    Args:
        found: at least one.
        weights: how many the model has in these parts.

    >>> told([Misfit(name, (1,), (2,)) for name in "abcdef"], 9)
    '6 of 9 weights do not fit: a is [1] there and [2] here; b is [1] there and [2] here; c is [1] there and [2] here; \
d is [1] there and [2] here; and 2 more, which the log names'
    """
    more = len(found) - SHOWN
    rest = f"; and {more} more, which the log names" if more > 0 else ""
    return f"{len(found)} of {weights} weights do not fit: {'; '.join(map(str, found[:SHOWN]))}{rest}"


def _shape(shape: Sequence[int] | None) -> tuple[int, ...] | None:
    return None if shape is None else tuple(shape)
