"""Which run a figure is of: its span, the version under which its model was served, and when; pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ratchet.schemas.artifacts.registry_entries import RecordedDecision
from ratchet.schemas.base.formatting import minute


@dataclass(frozen=True)
class RunName:
    """A run, as people tell it from others.

    Attributes:
        run_id: its name.
        span: what its candidate was trained on; None where that is not known.
        version: under which its model was served; None if it was not, as far as is known.
        at: when it was decided, UTC, ISO 8601; may be empty.
        verdict: of it; may be empty.
        golden: digest of the golden set it was measured on; may be empty.
    """

    run_id: str
    span: int | None = None
    version: str | None = None
    at: str = ""
    verdict: str = ""
    golden: str = ""

    @property
    def identifier(self) -> str:
        """The same in one line, which TFMA, that sorts runs by name as text, sorts by time.

        >>> RunName("span-3-a-1", 3, "1796000019", "2026-11-30T00:52:10+00:00").identifier
        '2026-11-30 00:52:10, span 3, v1796000019, span-3-a-1'
        """
        span = "" if self.span is None else f"span {self.span}"
        parts = (self.at[:19].replace("T", " "), span, f"v{self.version}" if self.version else "", self.run_id)
        return ", ".join(part for part in parts if part)

    @property
    def marks(self) -> tuple[str, ...]:
        """Span and version, as far as they are known."""
        span = () if self.span is None else (f"span {self.span}",)
        return (*span, *([f"version {self.version}"] if self.version else []))

    @property
    def when(self) -> str:
        """To the minute; empty where it is not known."""
        return minute(self.at)


def names_of(decisions: Sequence[RecordedDecision], versions: Mapping[str, str] | None = None) -> dict[str, RunName]:
    """The runs of a registry by their id, in the order given.

    Args:
        decisions: what was decided, the oldest first.
        versions: what else is known of which model, by its digest, was served as which version.
    """
    known = {made.baseline_digest: made.baseline_version for made in decisions if made.baseline_digest}
    served = {**known, **(versions or {})}
    return {made.run_id: _name_of(made, served.get(made.model_digest)) for made in decisions}


def _name_of(made: RecordedDecision, version: str | None) -> RunName:
    return RunName(made.run_id, made.span, version, made.decided_at, made.verdict, made.golden_digest)


_ARTIFACTS = "/artifacts/"  # of a pipeline root


def beside(recorded: str, own: str) -> str:
    """Where an artifact of an earlier run is: what the registry records lies below the pipeline root.

    Args:
        recorded: its place, relative to the root, or a URI.
        own: URI of an artifact of this run.

    >>> beside("artifacts/MapEvaluator/evaluation/8", "/data/pets/artifacts/MapEvaluator/evaluation/19")
    '/data/pets/artifacts/MapEvaluator/evaluation/8'
    >>> beside("gs://other/evaluation/8", "/data/pets/artifacts/MapEvaluator/evaluation/19")
    'gs://other/evaluation/8'
    """
    root, found, _ = own.rpartition(_ARTIFACTS)
    is_relative = not recorded.startswith("/") and "://" not in recorded
    return f"{root}/{recorded}" if found and is_relative else recorded
