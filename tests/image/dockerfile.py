"""Reads a Dockerfile as far as tests need it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Stage:
    """One stage.

    Attributes:
        base: what it goes on from, a stage or an image.
        instructions: word and rest of each instruction, in order, continued lines joined and comments left out.
    """

    base: str
    instructions: list[tuple[str, str]] = field(default_factory=list)

    def all(self, word: str) -> list[str]:
        """The rest of each instruction of a kind."""
        return [rest for name, rest in self.instructions if name == word]


def instructions_of(text: str) -> Iterator[tuple[str, str]]:
    """Word and rest of each instruction."""
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    for line in re.sub(r"\\\n", " ", "\n".join(lines)).splitlines():
        word, _, rest = line.strip().partition(" ")
        yield word.upper(), " ".join(rest.split())


def read_stages(path: Path) -> dict[str, Stage]:
    """Stages by name, in order; what stands above the first is that of the name ''."""
    stages = {"": Stage("")}
    name = ""
    for word, rest in instructions_of(path.read_text(encoding="utf-8")):
        if word == "FROM":
            base, _, name = rest.partition(" AS ")
            stages[name] = Stage(base)
        else:
            stages[name].instructions.append((word, rest))
    return stages


def lineage(stages: dict[str, Stage], name: str) -> list[Stage]:
    """A stage and those that it goes on from, the first one first."""
    stage = stages[name]
    return [*(lineage(stages, stage.base) if stage.base in stages else []), stage]
