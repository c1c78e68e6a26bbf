"""A pruning in a terminal, and as JSON."""

from __future__ import annotations

import dataclasses
from collections import Counter
from typing import Any

from pipeline.retention.plan import Kind
from pipeline.retention.prune import Pruned

_UNITS = ("kB", "MB", "GB", "TB")
_SHOWN = 5  # of the failures, and of the reasons for which something stays


def to_text(pruned: Pruned) -> str:
    """A table of what was deleted, and what stays and why."""
    rows = [(kind.value, *_of_kind(pruned, kind)) for kind in Kind]
    shown = [row for row in rows if row[1]]
    if not shown:
        return "\n".join(["Nothing to prune.", *_kept_lines(pruned)])
    total = ("in all", len(pruned.removals), pruned.size_bytes)
    width = max(len(name) for name, _, _ in (*shown, total))
    head = f"{'would go' if pruned.dry_run else 'deleted':<{width}}  {'number':>6}  {'room':>9}"
    lines = [f"{name:<{width}}  {number:>6}  {size_text(size):>9}" for name, number, size in (*shown, total)]
    return "\n".join([head, *lines, *_kept_lines(pruned), *_failure_lines(pruned)])


def to_json(pruned: Pruned) -> dict[str, Any]:
    """The contract of `ratchet prune --json`."""
    return {
        "dry_run": pruned.dry_run,
        "removed": [
            {"kind": one.kind.name.lower(), "path": one.path, "reason": one.reason, "bytes": one.size_bytes}
            for one in pruned.removals
        ],
        "kept": [dataclasses.asdict(one) for one in pruned.kept],
        "bytes": pruned.size_bytes,
        "failures": list(pruned.failures),
    }


def size_text(size_bytes: int) -> str:
    """A size with three digits or fewer.

    >>> size_text(0), size_text(4096), size_text(28_400_000), size_text(3_210_000_000)
    ('0 kB', '4 kB', '28 MB', '3.2 GB')
    """
    value = size_bytes / 1000
    for unit in _UNITS:
        if value < 999.5 or unit == _UNITS[-1]:
            break
        value /= 1000
    return f"{value:.1f} {unit}" if 0 < value < 9.95 and unit != "kB" else f"{value:.0f} {unit}"


def _of_kind(pruned: Pruned, kind: Kind) -> tuple[int, int]:
    sizes = [one.size_bytes for one in pruned.removals if one.kind is kind]
    return len(sizes), sum(sizes)


def _kept_lines(pruned: Pruned) -> list[str]:
    if not pruned.kept:
        return []
    reasons = Counter(one.reason for one in pruned.kept).most_common()
    lines = [f"  {number:>3}  {reason}" for reason, number in reasons[:_SHOWN]]
    more = [f"       and {len(reasons) - _SHOWN} more reasons: --json"] if len(reasons) > _SHOWN else []
    return [f"{len(pruned.kept)} artifacts of old runs stay:", *lines, *more]


def _failure_lines(pruned: Pruned) -> list[str]:
    more = [f"and {len(pruned.failures) - _SHOWN} more"] if len(pruned.failures) > _SHOWN else []
    return [*pruned.failures[:_SHOWN], *more]
