"""The runs of a pipeline root, as they left it: what `ratchet history`, `status` and `review` read.

Nothing here needs a configuration, writes anything or starts TensorFlow.
"""

from __future__ import annotations

import dataclasses
import datetime
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ratchet.components.object_store.uri import is_gs
from ratchet.components.registry.registry import Registry
from ratchet.pipeline.past.best_served import BestServed
from ratchet.pipeline.past.cause import cause_name
from ratchet.pipeline.root.places import is_there, named, part_of, uri_of
from ratchet.pipeline.root.roots import registry_at, settled_if_possible, which_root
from ratchet.pipeline.terminal.plain_text import cut, one_line, table
from ratchet.schemas.artifacts.adoption import ADOPTED
from ratchet.schemas.artifacts.overrides import OVERRIDE_FORMAT, Override, OverrideKind
from ratchet.schemas.artifacts.registry_entries import ServedModel
from ratchet.schemas.artifacts.review import PAGE_FILES, REVIEW_FILE
from ratchet.schemas.artifacts.run_files import CRASH_FILE, CRASH_FORMAT, CrashedRun
from ratchet.schemas.artifacts.run_index import FINISHED, UNFINISHED, UNREADABLE
from ratchet.schemas.artifacts.run_result import RESULT_FILE, RUN_RESULT_FORMAT, RunResult
from ratchet.schemas.base.artifact_places import places
from ratchet.schemas.base.errors import InputError, StateError
from ratchet.schemas.base.files import read_regular, refuse_irregular
from ratchet.schemas.base.formatting import difference_with_interval, minute, score
from ratchet.schemas.base.visible import visible_line

_HEADER = ("run", "when (UTC)", "span", "verdict", "mAP", "baseline", "difference", "cause", "why")
_BARS = "▁▂▃▄▅▆▇█"
_MOST_BARS = 60
_LEAST_REASON = 20  # characters; with less room for it, difference, cause and reason stand on a line of their own
_INDENT = " " * 4


@dataclass(frozen=True)
class RunEntry:
    """One directory under `runs/`.

    Attributes:
        run_id: its name.
        at: when the run ended, or was last heard of; UTC, ISO 8601.
        state: FINISHED; UNFINISHED without a result; UNREADABLE with one that makes no sense.
        result: of a finished run.
        page: its review page; None if there is none.
        log: all that was printed.
        trouble: why the result is UNREADABLE, or why a run of a job crashed, in a sentence; empty otherwise.
        tfma: its TFMA report; None if there is none.
    """

    run_id: str
    at: str
    state: str
    result: RunResult | None
    page: Path | None
    log: Path
    trouble: str = ""
    tfma: Path | None = None

    def to_json(self) -> dict[str, Any]:
        """What `ratchet run --json` printed of a finished run, with `state` and `page`; `verdict` null of others."""
        values = (
            RUN_RESULT_FORMAT.values_of(self.result)
            if self.result
            else {"verdict": None, "run_id": self.run_id, "ended_at": None}
        )
        return {**values, "state": self.state, "page": str(self.page) if self.page else None}


@dataclass(frozen=True)
class History:
    """All of it, each part oldest first.

    Attributes:
        runs: all of them.
        overrides: approvals, rollbacks and adoptions.
        best: how far what is served is below the best that was.
        adopted_maps: mAP of models that no run made, by what stands where a run would.
    """

    runs: tuple[RunEntry, ...]
    overrides: tuple[Override, ...]
    best: BestServed | None = None
    adopted_maps: Mapping[str, float] = dataclasses.field(default_factory=dict)

    def run(self, run_id: str) -> RunEntry | None:
        """A run by its whole name."""
        return next((entry for entry in self.runs if entry.run_id == run_id), None)

    @property
    def finished(self) -> tuple[RunEntry, ...]:
        """The runs that have a result."""
        return tuple(entry for entry in self.runs if entry.result is not None)

    @property
    def served_maps(self) -> list[float]:
        """The mAP of each model that came into service, in that order, each on the golden set that accepted it."""
        came = [(entry.at, entry.result.map) for entry in self.finished if entry.result and entry.result.verdict.pushes]
        maps = {entry.run_id: entry.result.map for entry in self.finished if entry.result}
        came += [(made.at, maps.get(made.run_id, self.adopted_maps.get(made.run_id))) for made in self.overrides]
        return [value for _, value in sorted(came, key=lambda pair: pair[0]) if value is not None]

    def to_json(self) -> dict[str, Any]:
        """The contract of `ratchet history --json`."""
        return {
            "runs": [entry.to_json() for entry in self.runs],
            "overrides": [OVERRIDE_FORMAT.values_of(override) for override in self.overrides],
            "best": self.best.to_json() if self.best else None,
        }


def page_of(root: Path, run_id: str) -> Path:
    """Where the review page of a run is, or would be."""
    return root / "runs" / run_id / REVIEW_FILE


def open_registry(root: Path) -> Registry:
    """The registry of a pipeline root, whatever the name of its pipeline.

    Raises:
        InputError: there is no such directory, or it is not a pipeline root.
    """
    if not (root / "runs").is_dir() and not part_of(root, "registry").is_dir():
        if not is_there(root):
            raise InputError(f"--root {uri_of(root)}: no such directory; {which_root()}")
        raise InputError(
            f"--root {uri_of(root)}: not a pipeline root, it holds neither runs nor registry; {which_root()}"
        )
    registry = registry_at(root)
    settled_if_possible(registry)
    return registry


def read_history(
    root: Path,
    overrides: Sequence[Override],
    best: BestServed | None = None,
    versions: Sequence[ServedModel] = (),
) -> History:
    """Reads the runs of a pipeline root.

    Args:
        root: pipeline root.
        overrides: those of its registry, oldest first.
        best: of `read_best`.
        versions: those of its registry, of which adopted ones have no run that tells their mAP.
    """
    directory = root / "runs"
    runs = [read_run(root, path) for path in directory.iterdir() if path.is_dir()] if directory.is_dir() else []
    adopted = {model.run_id: model.map for model in versions if model.verdict == ADOPTED}
    return History(tuple(sorted(runs, key=lambda entry: (entry.at, entry.run_id))), tuple(overrides), best, adopted)


def find_run(history: History, name: str | None) -> RunEntry:
    """A run by name.

    Args:
        history: where to look.
        name: a run id, or the beginning of just one; None for the newest that finished.

    Raises:
        InputError: there is no such run, or several begin like this.
    """
    if not history.runs:
        raise InputError("no run yet in this pipeline root; `ratchet run` makes one")
    newest = ", ".join(entry.run_id for entry in reversed(history.runs[-5:]))
    if name is None:
        if not history.finished:
            raise InputError(f"no run has finished yet; the same `ratchet run` again goes on with {newest}")
        return history.finished[-1]
    exact = history.run(name)
    found = [exact] if exact else [entry for entry in history.runs if entry.run_id.startswith(name)]
    if not found:
        raise InputError(f"run {name}: no such run; the newest are {newest}")
    if len(found) > 1:
        several = ", ".join(entry.run_id for entry in reversed(found[-5:]))
        raise InputError(f"run {name}: {len(found)} runs begin like this, give more of the name: {several}")
    return found[0]


def read_run(root: Path, directory: Path) -> RunEntry:
    """One run, by its directory."""
    page, report = (directory / name for name in PAGE_FILES)
    file = directory / RESULT_FILE
    log = directory / "log.txt"
    result, state, trouble = _read_result(file)
    result = result and _placed(root, result, page)
    crash = None if result or trouble else _read_crash(directory / CRASH_FILE)
    heard = next(path for path in (file, log, directory) if path.exists())
    return RunEntry(
        run_id=directory.name,
        at=result.ended_at if result else crash.at if crash else _modified(heard),
        state=state,
        result=result,
        page=page if page.is_file() else None,
        log=log,
        trouble=crash.why if crash else trouble,
        tfma=report if report.is_file() else None,
    )


def _placed(root: Path, result: RunResult, page: Path) -> RunResult:
    """With the places in this root: one that was moved or copied must not show the files of its old place."""
    artifacts = f"{uri_of(root)}/artifacts"
    is_page = page.is_file() and Path(result.report).name == REVIEW_FILE
    report = named(root, page) if is_page else _own(result.report, artifacts)
    return dataclasses.replace(result, report=report, model=result.model and _own(result.model, artifacts))


def _own(place: str, artifacts: str) -> str:
    own = places(place, artifacts)[0]
    if is_gs(own) and (is_gs(place) or Path(place).is_absolute()):
        return own  # to ask an object store for each would take long
    return own if Path(own).exists() else place


def _read_crash(file: Path) -> CrashedRun | None:
    """Why a run of a job crashed; None of a run that did not, or of which that cannot be read."""
    try:
        return CRASH_FORMAT.read(read_regular(file), str(file))
    except (OSError, ValueError, StateError):
        return None


def _read_result(file: Path) -> tuple[RunResult | None, str, str]:
    if not file.exists():
        return None, UNFINISHED, ""
    # One file that a full disk or an editor spoilt must not hide the other runs.
    try:
        refuse_irregular(file)
        values = RUN_RESULT_FORMAT.load(read_regular(file), str(file))
        # A result from before its end was recorded ended when its file was written.
        return RUN_RESULT_FORMAT.from_values({"ended_at": _modified(file), **values}, str(file)), FINISHED, ""
    except (OSError, ValueError, StateError) as error:
        return None, UNREADABLE, str(error)


def _modified(path: Path) -> str:
    time = datetime.datetime.fromtimestamp(path.stat().st_mtime, datetime.timezone.utc)
    return time.isoformat(timespec="seconds")


def history_text(history: History, width: int | None) -> str:
    """The table, and above it the served mAP as bars.

    Args:
        history: what to show.
        width: of the terminal in characters; None to cut nothing and draw no bars, for files and pipes.
    """
    if not history.runs and not history.overrides:
        return "no run yet"
    dated = [(entry.at, _run_row(entry)) for entry in history.runs]
    dated += [(override.at, _override_row(override, history)) for override in history.overrides]
    # Sorting is stable: an override made in the second in which its run ended stands below it.
    rows = _without_empty_causes([_HEADER, *(row for _, row in sorted(dated, key=lambda pair: pair[0]))])
    bars = _bars(history.served_maps) if width is not None else []
    return "\n".join([*bars, *_lines(rows, width), *_best_lines(history.best, width)])


def _without_empty_causes(rows: Sequence[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Runs from before there was a diagnosis need no column for it."""
    place = _HEADER.index("cause")
    return list(rows) if any(row[place] for row in rows[1:]) else [row[:place] + row[place + 1 :] for row in rows]


def _best_lines(best: BestServed | None, width: int | None) -> list[str]:
    """Where a worse model than an earlier one is served."""
    if best is None or best.below is None:
        return []
    line = f"best served: {best.to_lines()[0]}"
    return ["", *(textwrap.wrap(line, width, subsequent_indent=_INDENT) if width else [line])]


def _lines(rows: Sequence[Sequence[str]], width: int | None) -> list[str]:
    whole = table(rows)
    if width is None:
        return whole
    if width - max(map(len, table([row[:-1] for row in rows]))) - 2 >= _LEAST_REASON:
        return [cut(line, width) for line in whole]
    lines, fixed = [], _HEADER.index("difference")
    for line, row in zip(table([row[:fixed] for row in rows]), rows):
        below = [part for part in row[fixed:] if part not in ("", "-")]
        lines += [cut(line, width), cut(_INDENT + "  ".join(below), width)]
    return lines


def _run_row(entry: RunEntry) -> tuple[str, ...]:
    result = entry.result
    if result is None:
        see = visible_line(entry.trouble or f"see {entry.log}")
        return visible_line(entry.run_id), minute(entry.at), "", entry.state, "", "", "", "", see
    return (
        visible_line(entry.run_id),
        minute(entry.at),
        str(result.span),
        result.verdict.value,
        score(result.map),
        score(result.baseline_map),
        difference_with_interval(result.delta, result.delta_ci),
        cause_name(result.cause),
        one_line(result.first_reason),
    )


def _override_row(override: Override, history: History) -> tuple[str, ...]:
    entry = history.run(override.run_id)
    result = entry.result if entry else None
    measured = result.map if result else history.adopted_maps.get(override.run_id)
    if override.kind is OverrideKind.ADOPTED:
        what = f"by {override.by}, made elsewhere: {override.reason}"
    elif override.kind is OverrideKind.APPROVED:
        what = f"by {override.by} until {override.expires}: {override.reason}"
    else:
        what = f"by {override.by}, version {override.restored} again: {override.reason}"
    return (
        visible_line(override.run_id),
        minute(override.at),
        str(result.span) if result else "",
        override.kind.value,
        score(measured),
        "",
        "",
        "",
        one_line(what),
    )


def _bars(maps: Sequence[float]) -> list[str]:
    """The served mAP over time; nothing to draw before there are two."""
    shown = maps[-_MOST_BARS:]
    if len(shown) < 2:
        return []
    low, high = min(shown), max(shown)
    scale = (len(_BARS) - 1) / (high - low) if high > low else 0.0
    bars = "".join(_BARS[round((value - low) * scale)] for value in shown)
    return [f"served mAP  {bars}  {score(shown[0])} -> {score(shown[-1])}", ""]
