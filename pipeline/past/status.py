"""What is served now and why, and how the last run ended."""

from __future__ import annotations

import dataclasses
import datetime
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ratchet.components.registry.registry import Registry
from ratchet.pipeline.past.best_served import BestServed, read_best
from ratchet.pipeline.past.cause import cause_line
from ratchet.pipeline.past.golden_looks import GoldenLooks, read_looks
from ratchet.pipeline.past.history import RunEntry, open_registry, read_run
from ratchet.pipeline.past.run_index import known_runs
from ratchet.pipeline.past.told_apart import ToldApart, told_apart
from ratchet.pipeline.root.holding import holder_of
from ratchet.pipeline.terminal.plain_text import one_line
from ratchet.schemas.artifacts.overrides import OVERRIDE_FORMAT, Override, OverrideKind
from ratchet.schemas.artifacts.registry_entries import SERVED_MODEL_FORMAT, RecordedDecision, ServedModel
from ratchet.schemas.base.errors import StateError
from ratchet.schemas.base.formatting import minute, score
from ratchet.schemas.base.visible import visible_line


@dataclass(frozen=True)
class Status:
    """A pipeline root at one moment.

    Attributes:
        served: the model that is served; None if none ever was, or if there is a problem.
        override: the approval or rollback that brought it into service; None if a run did.
        expired: whether the last day of the approval that it needed is over.
        problem: how registry and served model contradict each other, and what to do; None if they do not.
        told_apart: what the golden set can tell apart; None where nothing is known of it.
        last: the newest run; None before the first.
        working: the process that retrains in the root, in words; None if none does.
        best: the best model that was served on the served one's golden set; None if there is none, or a problem.
        golden: the golden set of the newest decision, and how often it was asked; None before the first.
    """

    served: ServedModel | None
    override: Override | None
    expired: bool
    problem: str | None
    told_apart: ToldApart | None
    last: RunEntry | None
    working: str | None
    best: BestServed | None = None
    golden: GoldenLooks | None = None

    @property
    def exit_code(self) -> int:
        """What `ratchet status` exits with."""
        return 0 if self.problem is None else 2

    @property
    def since(self) -> str | None:
        """When the served model came into service; UTC, ISO 8601."""
        if self.override is not None:
            return self.override.at
        return self.served.pushed_at if self.served else None

    def to_json(self) -> dict[str, Any]:
        """The contract of `ratchet status --json`."""
        return {
            "served": SERVED_MODEL_FORMAT.values_of(self.served) if self.served else None,
            "since": self.since,
            "override": OVERRIDE_FORMAT.values_of(self.override) if self.override else None,
            "expired": self.expired,
            "problem": self.problem,
            "told_apart": dataclasses.asdict(self.told_apart) if self.told_apart else None,
            "last_run": self.last.to_json() if self.last else None,
            "working": self.working,
            "best": self.best.to_json() if self.best else None,
            "golden": dataclasses.asdict(self.golden) if self.golden else None,
        }

    def to_text(self) -> str:
        """A few lines for a terminal."""
        lines = [*self._served_lines(), *self._last_lines()]
        if self.working is not None:
            lines.append(f"now      {self.working} is retraining in this root")
        return "\n".join(lines)

    def _served_lines(self) -> list[str]:
        if self.problem is not None:
            return ["served   UNKNOWN: the registry contradicts what is served", f"         {one_line(self.problem)}"]
        if self.served is None:
            return ["served   no model yet; `ratchet run --bootstrap` trains and serves a first one"]
        served = self.served
        return [
            f"served   version {served.version}, {served.path}",
            f"since    {minute(self.since or '')} UTC",
            *(_override_lines(self.override, self.expired) if self.override else [_why_pushed(served)]),
            f"mAP      {score(served.map)} on golden set {served.golden_digest[:12]}",
            *self._best_lines(),
            *([f"golden   {self.told_apart.sentence}"] if self.told_apart else []),
            *([f"budget   {self.golden.to_text(served.golden_digest)}"] if self.golden else []),
        ]

    def _best_lines(self) -> list[str]:
        unknown = "no model was soundly measured on this golden set before it came into service"
        first, *others = self.best.to_lines() if self.best else [unknown]
        return [f"best     {first}", *(f"         {line}" for line in others)]

    def _last_lines(self) -> list[str]:
        if self.last is None:
            return ["last run none yet"]
        entry, result = self.last, self.last.result
        ended = result.verdict.value if result else entry.state
        lines = [f"last run {visible_line(entry.run_id)}, {minute(entry.at)} UTC: {ended}"]
        if result is None:
            return [*lines, f"         {one_line(entry.trouble) if entry.trouble else entry.log}"]
        lines.append(f"         {one_line(result.first_reason)}")
        cause = cause_line(result.cause)
        lines += [f"         {cause}"] if cause else []
        return [*lines, f"         {entry.page or result.report}"]


def read_status(root: Path, today: datetime.date) -> Status:
    """Looks at a pipeline root; nothing in it is changed.

    Args:
        root: pipeline root.
        today: decides whether an approval has expired.

    Raises:
        InputError: there is no such root.
    """
    registry = open_registry(root)
    served, override, problem, best = None, None, None, None
    try:
        served = registry.served()
        override = registry.current_override()
        best = read_best(registry, served)
    except StateError as error:
        served, problem = None, str(error)
    runs = known_runs(root).runs
    decisions = _decisions(registry)
    return Status(
        served=served,
        override=override,
        expired=override is not None and override.expired(today),
        problem=problem,
        told_apart=told_apart(registry, decisions) if decisions is not None else None,
        last=read_run(root, root / "runs" / runs[-1].run_id) if runs else None,
        working=holder_of(root),
        best=best,
        golden=read_looks(root, decisions) if decisions is not None else None,
    )


def _why_pushed(served: ServedModel) -> str:
    what = "as the first model" if served.verdict == "BOOTSTRAPPED" else "because every rule passed"
    return f"why      pushed by run {served.run_id} {what}"


def _override_lines(override: Override, expired: bool) -> list[str]:
    by, reason = one_line(override.by), one_line(override.reason)
    if override.kind is OverrideKind.ROLLED_BACK:
        lines = [f"why      rolled back by {by} to version {override.restored}: {reason}"]
        if override.expires is not None:
            lines.append(f"         which an approval had let into service until {override.expires}")
    elif override.kind is OverrideKind.ADOPTED:
        lines = [f"why      adopted by {by}, made elsewhere: {reason}"]
    else:
        lines = [f"why      run {override.run_id} was blocked and approved by {by} until {override.expires}: {reason}"]
    if override.evaluation_broken:
        lines.append("         although its evaluation could not be trusted")
    if expired:
        lines.append(
            f"         EXPIRED: the approval ended on {override.expires} and the model is still served; retrain until "
            "a run is pushed, approve again, or `ratchet rollback`"
        )
    return lines


def _decisions(registry: Registry) -> list[RecordedDecision] | None:
    """Read once, for an object store takes a request for each."""
    try:
        return registry.decisions()
    except (OSError, StateError):  # a torn one stops runs, which say so; what is served is known all the same
        return None
