"""What an approval or rollback would do: checked as the real one is, and nothing is changed."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ratchet.components.registry.registry import Registry
from ratchet.pipeline.root.roots import check_settled
from ratchet.pipeline.serving.change import ServingChange
from ratchet.pipeline.terminal.extras import Extra, installed
from ratchet.schemas.artifacts.overrides import OVERRIDE_FORMAT, Override, OverrideKind


@dataclass(frozen=True)
class Rehearsed:
    """What would be done.

    Attributes:
        override: as it would be logged, without the version, which is chosen then; of what was done before, as it is.
        source: the SavedModel that would be copied; None if nothing would be done.
        at_least: the lowest number that the version could have; None if nothing would be done.
        left_behind: versions that would no longer be blessed.
        is_loaded: whether TensorFlow would load the model and ask it before it is served; a dry run does not.
    """

    override: Override
    source: str | None = None
    at_least: str | None = None
    left_behind: tuple[str, ...] = ()
    is_loaded: bool = False

    def to_text(self) -> str:
        """A few lines for a terminal."""
        made = self.override
        if self.source is None:
            return f"Nothing would be done: this command did it at {made.at}, and version {made.version} is served."
        approves = made.kind is OverrideKind.APPROVED
        what = f"the blocked candidate of run {made.run_id}" if approves else f"the model of version {made.restored}"
        lines = [
            f"Nothing was changed. Would serve {what}, as version {self.at_least} or higher",
            f"  from {self.source}",
            f"  in place of {f'version {made.previous_version}' if made.previous_version else 'no model'}",
            f"  by {made.by}: {made.reason}",
        ]
        if made.expires:
            lines.append(f"  approved until {made.expires}; nothing is withdrawn by itself after that day")
        if self.left_behind:
            lines.append(f"  no longer blessed, so that nothing goes back to them: {', '.join(self.left_behind)}")
        if self.is_loaded:
            lines.append("  the model would be loaded and asked first, which was not tried now")
        return "\n".join(lines)

    def to_json(self) -> dict[str, Any]:
        """The contract of `--dry-run --json`."""
        return {
            "dry_run": True,
            "would": "serve" if self.source else "nothing",
            "override": {**OVERRIDE_FORMAT.values_of(self.override), "version": self.override.version or None},
            "source": self.source,
            "version_at_least": self.at_least,
            "left_behind": list(self.left_behind),
            "loaded_first": self.is_loaded,
        }


def rehearsed(
    registry: Registry, done: Override | None, plan: Callable[[], ServingChange], now: datetime.datetime
) -> Rehearsed:
    """Plans a change of what is served.

    Args:
        registry: of the root.
        done: what this very command had done before, if that is served.
        plan: checks what is asked for, and says what is to be done.
        now: the present, UTC.

    Raises:
        InputError: the real command would refuse it.
        StateError: the pipeline root contradicts itself, or a publication was interrupted, which has to be completed
            before anything can be said.
    """
    check_settled(registry)
    if done is not None:
        return Rehearsed(done)
    change = plan()
    publication = change.publication
    assert publication.override is not None
    return Rehearsed(
        publication.override,
        publication.source,
        registry.next_version(int(now.timestamp())),
        publication.left_behind,
        is_loaded=change.probe is not None and change.probe.is_file() and installed(Extra.PIPELINE),
    )
