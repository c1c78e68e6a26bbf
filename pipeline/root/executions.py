"""The numbers of executions: TFX writes to a directory of the execution's number, so none may be given twice."""

from __future__ import annotations

from pathlib import Path

from ratchet.components.stack import mlmd_tables
from ratchet.pipeline.root.metadata_store import Store, store_of
from ratchet.pipeline.root.places import Place, part_of

_NO_STEPS = ("checkpoints",)


def highest_execution(root: Path, tree: Place | None = None) -> int:
    """The highest number of an execution of which something lies under `artifacts/`; 0 if there is none.

    Args:
        root: pipeline root.
        tree: of `tree_of`; without it, what lies there is listed anew.
    """
    artifacts = tree / "artifacts" if tree is not None else part_of(root, "artifacts")
    found = [*artifacts.glob("*/*/*"), *artifacts.glob("*/.system/*/*")]
    numbers = [path.name for path in found if _is_of_step(str(path.relative_to(str(artifacts))).partition("/")[0])]
    return max((int(name) for name in numbers if name.isascii() and name.isdigit()), default=0)


def count_on(store: Store, last: int) -> None:
    """Lets a store give numbers above all that are there.

    Raises:
        StateError: it cannot be written.
    """
    from ratchet.pipeline.root.ml_metadata import store_errors

    with store_errors(store.root), store.tables() as tables:
        mlmd_tables.count_on(tables, last)


def count_on_where_behind(root: Path) -> None:
    """The same for a store that is behind what lies there: another machine had counted on, and was killed.

    Raises:
        StateError: it cannot be read or written.
    """
    from ratchet.pipeline.root.ml_metadata import store_errors

    store = store_of(root)
    with store_errors(root), store.tables() as tables:
        last = mlmd_tables.last_execution(tables)
    highest = highest_execution(root)
    if last < highest:
        count_on(store, highest)


def _is_of_step(directory: str) -> bool:
    """Approvals and rollbacks are no steps: what they leave has the number of a version."""
    return directory not in _NO_STEPS and not directory.startswith("ratchet.")
