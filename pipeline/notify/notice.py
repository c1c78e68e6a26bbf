"""What is told about a run, before it becomes a mail or a message."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.past.history import page_of
from pipeline.terminal.plain_text import cut, one_line
from schemas.artifacts.decisions import Reason, Verdict
from schemas.artifacts.run_result import RunResult

_TITLE = 140  # characters
_TEXT = 700
_SEEN = 3  # findings of the data gate


@dataclass(frozen=True)
class Notice:
    """One message; no text in it has a line break.

    Attributes:
        title: verdict, pipeline, span and what decided, at most 140 characters.
        facts: labels and texts of at most 700 characters.
        command: what to give next, for a shell.
    """

    title: str
    facts: tuple[tuple[str, str], ...]
    command: str

    def to_text(self) -> str:
        """All of it as plain text."""
        width = max((len(label) for label, _ in self.facts), default=0) + 2
        lines = [f"{label + ':':<{width}}{text}" for label, text in self.facts]
        return "\n".join([self.title, "", *lines, "", "Next:", f"    {self.command}"])


def notice_of_result(result: RunResult, name: str, root: Path) -> Notice:
    """What is told about a run that ended.

    Args:
        result: how it ended.
        name: of the pipeline.
        root: pipeline root.
    """
    served = f"version {result.pushed_version} is served now" if result.pushed_version else "what is served stays"
    page = page_of(root, result.run_id)
    page = page if page.exists() else Path(result.report)
    facts = [
        ("Verdict", f"{result.verdict.value}; {served}"),
        ("Run", f"{result.run_id}, span {result.span}, ended {result.ended_at}"),
        ("Reason", _with_others(result)),
        ("mAP", _maps(result)),
        ("Data gate", _seen(result)),
        ("Page", str(page.absolute())),
    ]
    title = f"{result.verdict.value} {name} span {result.span}: {result.first_reason}"
    return _notice(title, facts, _command("review", result.run_id, root=root))


def notice_of_crash(error: Exception, name: str, root: Path, run_id: str, span: int) -> Notice:
    """What is told about a run that began and did not end; see `notice_of_result`."""
    problem = _first_line(error)
    facts = [
        ("Verdict", "none: the run crashed; `ratchet status` says what is served"),
        ("Run", f"{run_id}, span {span}"),
        ("Reason", problem),
        ("Log", str((root / "runs" / run_id / "log.txt").absolute())),
        ("Going on", "the same `ratchet run` again goes on from the failed step"),
    ]
    return _notice(f"CRASHED {name} span {span}: {problem}", facts, _command("status", root=root))


def notice_of_stop(error: Exception, name: str, root: Path, span: int | None) -> Notice:
    """What is told about a run that could not begin because the root contradicts itself; see `notice_of_result`."""
    problem = _first_line(error)
    facts = [
        ("Verdict", "none: the run did not start"),
        ("Span", "the newest" if span is None else str(span)),
        ("Reason", problem),
    ]
    of_span = "" if span is None else f" span {span}"
    return _notice(f"CRASHED {name}{of_span}: not started, {problem}", facts, _command("status", root=root))


def _notice(title: str, facts: Iterable[tuple[str, str]], command: str) -> Notice:
    shown = tuple((label, cut(one_line(text), _TEXT)) for label, text in facts)
    return Notice(cut(one_line(title), _TITLE), shown, one_line(command))


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def _command(*words: str, root: Path) -> str:
    return shlex.join(["ratchet", *words, "--root", str(root.absolute())])


def _with_others(result: RunResult) -> str:
    others = sum(not reason.passed for reason in result.deciding) - 1
    return result.first_reason + (f" (and {others} more)" if others > 0 else "")


def _maps(result: RunResult) -> str:
    if result.map is None:
        return "nothing was trained"
    parts = [f"candidate {result.map:.4f}"]
    if result.baseline_map is not None:
        parts.append(f"baseline {result.baseline_map:.4f}")
    if result.delta is not None:
        parts.append(f"difference {result.delta:+.4f}")
    if result.delta_ci is not None:
        low, high = result.delta_ci
        parts.append(f"95 % interval [{low:+.4f}, {high:+.4f}]")
    return ", ".join(parts)


def _seen(result: RunResult) -> str:
    """What the data gate saw; of data that it rejected, the reasons are its own."""
    if result.verdict is Verdict.DATA_REJECTED:
        return f"rejected the span: {_some(result.reasons)}"
    if not result.observed:
        return "nothing remarkable"
    return f"let the span pass and saw {_some(result.observations)}"


def _some(reasons: Sequence[Reason]) -> str:
    more = len(reasons) - _SEEN
    # Each is cut by itself, so that a long one does not hide the next.
    shown = "; ".join(cut(one_line(reason.sentence), _TEXT // 4) for reason in reasons[:_SEEN])
    return shown + (f"; and {more} more" if more > 0 else "")
