"""Which pictures of a delivery with splits are read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from ratchet.components.example_gen.layout.split_names import same_split
from ratchet.schemas.base.checked_json import shown
from ratchet.schemas.base.errors import DataError
from ratchet.schemas.base.formatting import and_more, many


def refuse_unknown_split(wanted: str | None, splits: Iterable[str], directory: str) -> None:
    """DataError when a split is wanted that a delivery does not have."""
    known = sorted({split for split in splits if split})
    if wanted is not None and same_split(wanted) not in known:
        there = f"it has {', '.join(known)}" if known else "it has no splits; leave --split out"
        raise DataError(f"{directory}: no split {shown(wanted)} in it; {there}")


def is_wanted(split: str, wanted: str | None) -> bool:
    """Whether pictures of a split are read."""
    return wanted is None or split == same_split(wanted)


def splits_told(splits: Mapping[str, str] | Iterable[str], wanted: str | None) -> tuple[str, ...]:
    """What to say of the splits of all pictures that were found: which were read, and how to read one."""
    counts = Counter(splits.values() if isinstance(splits, Mapping) else splits)
    if wanted is not None:
        left = {split: count for split, count in counts.items() if split != same_split(wanted)}
        left_out = f"; left out: {_listed(left)}" if left else ""
        return (f"split {same_split(wanted)} was read ({counts[same_split(wanted)]:,}){left_out}",)
    if len(counts) < 2:
        return ()
    return (f"pictures of all splits were read ({_listed(counts)}); --split (settings: data.reading.split) reads one",)


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{split or 'no split'} {count:,}" for split, count in sorted(counts.items()))


def pictures_told(*groups: tuple[Sequence[str], str]) -> list[str]:
    """How many pictures each group has, why they are told of, and the first of them; nothing of a group without any.

    >>> pictures_told((["a.bmp", "b.bmp"], "neither JPEG nor PNG"), ([], "in no split"))
    ["2 pictures neither JPEG nor PNG: 'a.bmp' and 1 more"]
    """
    return [
        f"{many(len(names), 'picture')} {why}: {shown(names[0])}{and_more(len(names) - 1)}"
        for names, why in groups
        if names
    ]
