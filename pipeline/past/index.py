"""The index of runs, `runs/index.html`: written anew after whatever changes what it shows."""

from __future__ import annotations

import datetime
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from urllib.parse import quote

from ratchet.components.object_store import objects
from ratchet.components.pages.rule_words import rule_title
from ratchet.components.pages.trail import INDEX_FILE
from ratchet.components.registry.registry import Registry
from ratchet.components.run_pages.index_content import Act, CameToServe, IndexContent, IndexRow
from ratchet.components.run_pages.index_page import MOST_ROWS, index_page
from ratchet.pipeline.past.best_served import read_best
from ratchet.pipeline.past.golden_looks import read_looks
from ratchet.pipeline.past.history import RunEntry
from ratchet.pipeline.past.run_index import entry_of, known_runs
from ratchet.pipeline.root.places import home_of, is_remote, uri_of
from ratchet.pipeline.root.roots import registry_at, serving_name
from ratchet.schemas.artifacts.cause_words import cause_title
from ratchet.schemas.artifacts.decisions import Verdict
from ratchet.schemas.artifacts.diagnosis import NOTHING, UNKNOWN, Cause
from ratchet.schemas.artifacts.overrides import Override, OverrideKind
from ratchet.schemas.artifacts.registry_entries import RecordedDecision, ServedModel
from ratchet.schemas.artifacts.run_index import KnownRun
from ratchet.schemas.artifacts.run_result import RunResult, utc_now
from ratchet.schemas.base.differences import NO_DIFFERENCE, Clarity
from ratchet.schemas.base.errors import RatchetError
from ratchet.schemas.base.files import write_durably

_CLOUD_PAGES = "https://storage.cloud.google.com/"  # what a browser opens of gs://


def write_index(root: Path) -> Path:
    """Writes the index of a pipeline root; of one in an object store there and, for this machine, in the working copy.

    Args:
        root: pipeline root, or its working copy.

    Returns:
        The file on this machine.

    Raises:
        OSError: it cannot be written.
        RatchetError: the object store refuses.
    """
    file = root / "runs" / INDEX_FILE
    file.parent.mkdir(exist_ok=True)
    if is_remote(root):
        content = index_content(root, utc_now())
        objects.write(f"{uri_of(root)}/runs/{INDEX_FILE}", index_page(content).encode())
        # In the working copy pages are there by name only: there a browser has to ask the object store.
        content = index_content(root, content.made_at, f"{_CLOUD_PAGES}{uri_of(root).removeprefix('gs://')}/runs/")
    else:
        content = index_content(root, utc_now())
    write_durably(file, index_page(content))
    return file


def index_content(root: Path, made_at: str, before: str = "") -> IndexContent:
    """What the index of a pipeline root shows.

    Args:
        root: pipeline root.
        made_at: the present, UTC, ISO 8601.
        before: what addresses of pages begin with; by default they are relative to `runs/`.
    """
    registry, problem = registry_at(root), ""
    versions: Sequence[ServedModel] = ()
    decisions: Sequence[RecordedDecision] = ()
    overrides: Sequence[Override] = ()
    served = None
    try:
        served, overrides = registry.pointer().served, registry.overrides()
        versions, decisions = registry.versions(), registry.decisions()
    except (RatchetError, OSError) as error:  # the runs are shown all the same
        problem = str(error)
    used = [(model.pushed_at, model.golden_digest) for model in versions]
    used += [(made.decided_at, made.golden_digest) for made in decisions]
    used += [(served.pushed_at, served.golden_digest)] if served else []
    goldens = tuple(dict.fromkeys(digest for _, digest in sorted(used)))
    sets = {made.run_id: goldens.index(made.golden_digest) + 1 for made in decisions}
    by_version = {override.version: override for override in overrides}
    # A job that found nothing new has a directory until its last step has ended.
    runs = [run for run in known_runs(root).runs if not _is_no_run(run)]
    home = uri_of(root)
    return IndexContent(
        pipeline=serving_name(root),
        root=home_of(root),
        made_at=made_at,
        rows=tuple(_row(root, run, home, sets, overrides, before) for run in reversed(runs[-MOST_ROWS:])),
        runs=len(runs),
        served=tuple(_came(model, by_version, goldens) for model in versions if _is_sound(model)),
        serving=_came(served, by_version, goldens) if served and not problem else None,
        serving_words=_served_words(served, by_version.get(served.version)) if served else "",
        goldens=goldens,
        problem=problem,
        notes=tuple(_notes(root, registry, served, decisions)) if not problem else (),
    )


def _row(
    root: Path, run: KnownRun, home: str, sets: Mapping[str, int], overrides: Iterable[Override], before: str
) -> IndexRow:
    entry = entry_of(root, run, home)
    result = entry.result
    page = f"{before}{quote(entry.run_id)}/{quote(entry.page.name)}" if entry.page else run.other_page
    acts = tuple(_act(made) for made in overrides if made.run_id == entry.run_id)
    if result is None:
        return IndexRow(entry.run_id, _moment(root, entry), entry.state, entry.trouble, page=page, acts=acts)
    ends = result.delta_ci
    return IndexRow(
        run_id=entry.run_id,
        at=_moment(root, entry),
        verdict=result.verdict.value,
        why=_why(result),
        span=result.span,
        map=_figure(result.map),
        delta=_figure(result.delta),
        interval=ends if ends is not None and all(map(math.isfinite, ends)) else None,
        golden=sets.get(entry.run_id),
        version=result.pushed_version,
        cause=result.cause.name if result.cause and result.cause.name != NOTHING else "",
        cause_words=_cause(result.cause),
        page=page,
        acts=acts,
    )


def _is_no_run(entry: KnownRun) -> bool:
    return entry.result is not None and entry.result.verdict is Verdict.NOTHING_NEW


def _moment(root: Path, entry: RunEntry) -> str:
    """When a run ended; of a result whose time makes no sense, when it was written."""
    try:
        datetime.datetime.fromisoformat(entry.at)
        return entry.at
    except ValueError:
        written = (root / "runs" / entry.run_id).stat().st_mtime
        return datetime.datetime.fromtimestamp(written, datetime.timezone.utc).isoformat(timespec="seconds")


def _figure(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _why(result: RunResult) -> str:
    first = result.decisive
    if first is None:
        return NO_DIFFERENCE if result.is_noise else ""
    return rule_title(first.rule, passed=False, clarity=Clarity.NOISE if result.blocked_by_noise else Clarity.CLEAR)


def _cause(cause: Cause | None) -> str:
    if cause is None or cause.name == NOTHING:
        return ""
    return "unknown" if cause.name == UNKNOWN else cause_title(cause.name, cause.detail)


def _act(made: Override) -> Act:
    if made.kind is OverrideKind.ROLLED_BACK:
        return Act(made.at, f"served again as version {made.version} by the rollback of {made.by}", made.reason)
    if made.kind is OverrideKind.ADOPTED:
        return Act(made.at, f"adopted by {made.by} as version {made.version}", made.reason)
    broken = ", although the evaluation was broken" if made.evaluation_broken else ""
    return Act(made.at, f"approved by {made.by} until {made.expires} as version {made.version}{broken}", made.reason)


def _is_sound(model: ServedModel) -> bool:
    try:
        datetime.datetime.fromisoformat(model.pushed_at)
    except ValueError:
        return False
    return model.map >= 0


def _came(model: ServedModel, by_version: Mapping[str, Override], goldens: Sequence[str]) -> CameToServe:
    made = by_version.get(model.version)
    how = made.kind.value if made else model.verdict
    return CameToServe(model.pushed_at, model.version, model.map, goldens.index(model.golden_digest) + 1, how)


def _served_words(served: ServedModel, made: Override | None) -> str:
    if made is None:
        how = "as the first model" if served.verdict == "BOOTSTRAPPED" else "because no rule failed"
        return f"run {served.run_id} pushed it, {how}"
    if made.kind is OverrideKind.ROLLED_BACK:
        return f"{made.by} rolled back to version {made.restored} ({made.reason})"
    if made.kind is OverrideKind.ADOPTED:
        return f"{made.by} adopted it, made elsewhere ({made.reason})"
    return f"run {made.run_id} was blocked, and {made.by} approved it until {made.expires} ({made.reason})"


def _notes(
    root: Path, registry: Registry, served: ServedModel | None, decisions: Sequence[RecordedDecision]
) -> Iterable[str]:
    best = read_best(registry, served)
    if best is not None and best.below is not None:
        yield f"Best served: {best.to_lines()[0]}."
    looks = read_looks(root, decisions)
    if looks is not None:
        yield f"Golden set {looks.digest[:12]}: {looks.to_text(served.golden_digest if served else looks.digest)}."
