"""What is known of an export."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.components.example_gen.exports.scenes import Truth

Build = Callable[[Path], Truth]


@dataclass(frozen=True)
class Export:
    """A data set as a tool exports it.

    Attributes:
        tool: whose.
        form: the format that it is in.
        build: writes it into a directory that is not there yet, and gives the boxes of all pictures by their path below
            it; a picture that the tool leaves out of its annotations is not among them.
        splits: of a picture by the beginning of its path; empty if there is only one.
        unnamed_classes: whether it has no list of classes, so that they have to be given: `scenes.CLASSES`.
    """

    tool: str
    form: str
    build: Build
    splits: tuple[tuple[str, str], ...] = ()
    unnamed_classes: bool = False

    def split_of(self, path: str) -> str:
        """The split that a picture belongs to; empty if there is only one."""
        return next((split for start, split in self.splits if path.startswith(start)), "")
