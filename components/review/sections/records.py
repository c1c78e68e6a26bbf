"""Two training records side by side."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from components.pages.text import many, safe
from components.review.sections.figures import NOTHING
from schemas.artifacts.training_record import TrainingRecord


@dataclass(frozen=True)
class Row:
    """One entry of both records, as text.

    Attributes:
        name: what it is.
        candidate: its value there.
        baseline: its value there.
        of_method: whether it is how a model was trained, rather than on what, what follows from that, or the outcome.
    """

    name: str
    candidate: str
    baseline: str
    of_method: bool

    @property
    def differs(self) -> bool:
        """Whether the two values are different."""
        return self.candidate != self.baseline


def differing(candidate: TrainingRecord, baseline: TrainingRecord | None) -> list[Row]:
    """The entries in which two records differ."""
    return [row for row in rows(candidate, baseline) if row.differs]


def rows(candidate: TrainingRecord, baseline: TrainingRecord | None) -> list[Row]:
    """All entries of both records."""
    own, other = _entries(candidate), _entries(baseline) if baseline else {}
    names = list(dict.fromkeys([*own, *other]))
    missing = (NOTHING, False)
    return [
        Row(name, own.get(name, missing)[0], other.get(name, missing)[0], (own.get(name) or other[name])[1])
        for name in names
    ]


def record_tables(candidate: TrainingRecord, baseline: TrainingRecord | None) -> str:
    """What differs as a table, and what does not folded below it; safe HTML."""
    found = rows(candidate, baseline)
    if baseline is None:
        return _table(found, with_baseline=False)
    apart = [row for row in found if row.differs]
    same = [row for row in found if not row.differs]
    folded = (
        f"<details><summary>{many(len(same), 'entry')} alike</summary>{_table(same, with_baseline=False)}</details>"
    )
    return _table(apart, with_baseline=True) + (folded.replace("entrys", "entries") if same else "")


def _table(found: list[Row], with_baseline: bool) -> str:
    columns = ["baseline", "candidate"] if with_baseline else ["value"]
    head = "".join(f'<th scope="col">{name}</th>' for name in ("", *columns))
    body = "".join(
        f'<tr><th scope="row">{safe(row.name)}</th>'
        + (f'<td data-of="baseline">{safe(row.baseline)}</td>' if with_baseline else "")
        + f'<td data-of="{columns[-1]}">{safe(row.candidate)}</td></tr>'
        for row in found
    )
    return f'<table class="stack"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'


def _entries(record: TrainingRecord) -> dict[str, tuple[str, bool]]:
    """Text and whether it belongs to the method, by name, in the order in which a person asks."""
    newest, rate, continual = record.data[-1], record.learning_rate, record.continual
    method: dict[str, Any] = {
        "peak learning rate": f"{rate.peak:.3g}",
        "augmentation": f"{record.augmentation} ({record.augmentation_digest[:8]})",
        "batch size": record.batch_size,
        "replay of earlier spans": f"{continual.replay:.0%} of a batch",
        "pull to the baseline (L2-SP)": f"{continual.l2_sp:g}",
        "batch norm": "frozen backbone" if record.batch_norm_frozen else continual.batch_norm,
        "backbone": "frozen" if continual.freeze_backbone else "trained",
        "gradient clipping": f"{record.clip_norm:g}" if record.clip_norm else "none",
        "averaged weights": f"decay {record.average:g}" if record.average else "none",
        "start": record.init_checkpoint or ("the served model" if record.baseline_digest else "random weights"),
        "seed": record.seed,
        "devices": record.devices,
        **{f"model: {name}": value for name, value in _flat(record.model)},
        "Ratchet": record.ratchet_version,
    }
    other: dict[str, Any] = {
        "newest span": f"{newest.span}, version {newest.version}: {newest.images:,} training images",
        "all spans": ", ".join(f"{data.span} ({data.images:,} images)" for data in record.data),
        "classes": ", ".join(record.class_names),
        "declared changes": "; ".join(record.declared_changes) or "none",
        "warm-up": f"{rate.warmup_steps} steps from {rate.warmup_start:.2g}",
        "last learning rate": f"{rate.final:.2g}",
        "planned steps": record.planned_steps,
        "steps taken": record.steps,
        "best step": record.best_step,
        "distance of the weights from their start": f"{record.weight_distance:.4f} of their norm",
    }
    return {name: (str(value), name in method) for name, value in {**other, **method}.items()}


def _flat(values: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, str]]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{before}{name}.")
        else:
            yield f"{before}{name}", ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
