"""The names of runs in ML Metadata: in a database that several roots share, the root's id is behind that of the run.

Ids of runs are made of what was asked for, so two roots with the same data and settings have the same ones.
"""

from __future__ import annotations

_MARK = "@"


def name_in_store(run_id: str, owner: str) -> str:
    """What a run is called.

    >>> name_in_store("span-1-ab-1", "0123"), name_in_store("span-1-ab-1", "")
    ('span-1-ab-1@0123', 'span-1-ab-1')

    Args:
        run_id: of the run; anything else that is to be told apart, such as a version, likewise.
        owner: id of the root; empty: the store is this root's alone.
    """
    return f"{run_id}{_MARK}{owner}" if owner else run_id


def run_of(name: str) -> str:
    """The inverse.

    >>> run_of("span-1-ab-1@0123"), run_of("span-1-ab-1")
    ('span-1-ab-1', 'span-1-ab-1')
    """
    return name.partition(_MARK)[0]
