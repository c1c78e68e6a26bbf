"""What a mutant is, and where it lies in the code."""

from __future__ import annotations

import ast
import functools
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Mutant:
    """One small change by which the product would break a promise.

    Attributes:
        path: the module, relative to the tree.
        original: code that occurs once in it.
        replacement: what takes its place.
        promise: what no longer holds then.
        tests: files of which one has to notice.
    """

    path: str
    original: str
    replacement: str
    promise: str
    tests: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.path}: {_line(self.original)} -> {_line(self.replacement)}  ({self.promise})"


class LostMutantError(Exception):
    """A mutant no longer fits the code: the list has to be mended."""


def mutants_of(path: str, tests: str, *changes: tuple[str, str, str]) -> tuple[Mutant, ...]:
    """The mutants of one module.

    Args:
        path: the module.
        tests: files of its tests, separated by blanks.
        changes: original, replacement and promise of each.
    """
    return tuple(Mutant(path, *change, tuple(tests.split())) for change in changes)


def mutated(mutant: Mutant, tree: Path) -> str:
    """The text of a mutant's module with the change in it.

    Args:
        mutant: the change.
        tree: where the modules are; it is not written to.

    Raises:
        LostMutantError: the module or a test is gone, the code is not there exactly once, or nothing is changed by it.
    """
    for name in (mutant.path, *mutant.tests):
        if not (tree / name).is_file():
            raise LostMutantError(f"{mutant}: there is no {name}; mend the list")
    text = (tree / mutant.path).read_text(encoding="utf-8")
    if text.count(mutant.original) != 1:
        found = [path for path in _modules(tree) if mutant.original in (tree / path).read_text(encoding="utf-8")]
        raise LostMutantError(
            f"{mutant}: {text.count(mutant.original)} places have this code, not 1; mend the list (found in "
            f"{', '.join(found[:5]) or 'no module'})"
        )
    changed = text.replace(mutant.original, mutant.replacement)
    try:
        same = ast.dump(ast.parse(changed)) == _parsed(text)
    except SyntaxError as error:
        raise LostMutantError(f"{mutant}: what comes of it is no Python ({error.msg}); mend the list") from error
    if same:
        raise LostMutantError(f"{mutant}: it changes no code; mend the list")
    return changed


@functools.lru_cache(maxsize=2)  # a module's mutants follow one another in the list
def _parsed(text: str) -> str:
    return ast.dump(ast.parse(text))


def lost_because(mutant: Mutant, tree: Path) -> str | None:
    """Why a mutant no longer fits; None if it does."""
    try:
        mutated(mutant, tree)
    except LostMutantError as error:
        return str(error)
    return None


def _modules(tree: Path) -> list[str]:
    return sorted(
        str(path.relative_to(tree))
        for top in ("schemas", "components", "pipeline")
        for path in (tree / top).rglob("*.py")
    )


def _line(code: str) -> str:
    return " ".join(code.split()) or "(nothing)"
