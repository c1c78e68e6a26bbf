"""What is told about a run, and the same as a mail and as the JSON of a webhook."""

from __future__ import annotations

import email.policy
import email.utils
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from ratchet.components.object_store.uri import is_gs
from ratchet.pipeline.notify.target import Mailbox
from ratchet.pipeline.past.cause import cause_line
from ratchet.pipeline.past.history import page_of
from ratchet.pipeline.past.result import served_now
from ratchet.pipeline.root.places import named, uri_of
from ratchet.pipeline.terminal.plain_text import cut, one_line
from ratchet.schemas.artifacts.decisions import Reason, Verdict
from ratchet.schemas.artifacts.publication import AFTER_PUSH
from ratchet.schemas.artifacts.run_result import RunResult
from ratchet.schemas.base.differences import NO_DIFFERENCE
from ratchet.schemas.base.formatting import difference, interval, many, score

_TITLE = 140  # characters
_TEXT = 700
_SEEN = 3  # findings of the data gate
_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}  # all that Slack gives a meaning to, and all it wants escaped
# Slack's limits, in characters after escaping. It refuses a whole message over one of them.
HEADER_LIMIT = 150
SECTION_LIMIT = 3000
TEXT_LIMIT = 40_000


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
    if result.verdict is Verdict.NOTHING_NEW:
        return _notice_of_nothing_new(result, name, root)
    facts = [
        ("Verdict", f"{result.verdict.value}; {served_now(result)}"),
        ("Run", f"{result.run_id}, span {result.span}, ended {result.ended_at}"),
        ("Reason", _with_others(result)),
        *_cause(result),
        ("mAP", _maps(result)),
        ("Data gate", _seen(result)),
        *_after_push(result),
        ("Page", _page(result, root)),
    ]
    title = f"{result.verdict.value} {name} span {result.span}: {result.first_reason}"
    return _notice(title, facts, _command("review", result.run_id, root=root))


def _notice_of_nothing_new(result: RunResult, name: str, root: Path) -> Notice:
    facts = [
        ("Verdict", f"{result.verdict.value}; nothing was trained, what is served stays"),
        ("Reason", result.first_reason),
    ]
    if not result.run_id:  # nothing is delivered: neither a span nor a page
        return _notice(f"{result.verdict.value} {name}: {result.first_reason}", facts, _command("status", root=root))
    facts.append(("Page", _page(result, root)))
    title = f"{result.verdict.value} {name} span {result.span}: {result.first_reason}"
    return _notice(title, facts, _command("status", root=root))


def _page(result: RunResult, root: Path) -> str:
    page = page_of(root, result.run_id)
    if page.exists():
        return named(root.absolute(), page.absolute())
    return result.report if is_gs(result.report) else str(Path(result.report).absolute())


def notice_of_crash(error: Exception, name: str, root: Path, run_id: str, span: int) -> Notice:
    """What is told about a run that began and did not end; see `notice_of_result`."""
    problem = _first_line(error)
    facts = [
        ("Verdict", "none: the run crashed; `ratchet status` says what is served"),
        ("Run", f"{run_id}, span {span}"),
        ("Reason", problem),
        ("Log", named(root.absolute(), root.absolute() / "runs" / run_id / "log.txt")),
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


def mail_message(notice: Notice, mailbox: Mailbox) -> EmailMessage:
    """Plain text with the headers that a mail must have.

    Args:
        notice: its title has no line break, so that none can end the subject.
        mailbox: for `From` and `To`.
    """
    message = EmailMessage(policy=email.policy.SMTP)
    message["Subject"] = f"[ratchet] {notice.title}"
    message["From"] = mailbox.sender
    message["To"] = ", ".join(mailbox.recipients)
    message["Date"] = email.utils.localtime()
    # The sender's domain and not this machine's name, which would be looked up.
    message["Message-ID"] = email.utils.make_msgid("ratchet", domain=mailbox.sender.rpartition("@")[2])
    message["Auto-Submitted"] = "auto-generated"  # keeps holiday replies away
    message.set_content(notice.to_text() + "\n")
    return message


def slack_message(notice: Notice) -> dict[str, Any]:
    """The JSON that Slack's incoming webhooks take, and those of Mattermost and others that are made like them.

    Args:
        notice: `text` says everything by itself, `blocks` show it.
    """
    title = {"type": "plain_text", "text": escaped(notice.title, HEADER_LIMIT), "emoji": False}
    facts = [_section(f"*{label}*\n{escaped(text, SECTION_LIMIT - 100)}") for label, text in notice.facts]
    command = _section(f"*Next*\n```{escaped(notice.command, SECTION_LIMIT - 100)}```")
    return {
        "text": escaped(notice.to_text(), TEXT_LIMIT),
        "blocks": [{"type": "header", "text": title}, *facts, command],
    }


def escaped(text: str, limit: int) -> str:
    """The text with `&`, `<` and `>` escaped, cut between characters so that it has at most `limit` of them then.

    >>> escaped("a < b & c", 100), escaped("<<<", 11)
    ('a &lt; b &amp; c', '&lt;&lt;...')
    """
    parts = [_ESCAPES.get(character, character) for character in text]
    if sum(map(len, parts)) <= limit:
        return "".join(parts)
    room = limit - 3
    kept: list[str] = []
    for part in parts:
        room -= len(part)
        if room < 0:
            break
        kept.append(part)
    return "".join(kept) + "..."


def _section(text: str) -> dict[str, Any]:
    # Verbatim: "@channel" or "#general" in a class's name calls nobody.
    return {"type": "section", "text": {"type": "mrkdwn", "text": text, "verbatim": True}}


def _notice(title: str, facts: Sequence[tuple[str, str]], command: str) -> Notice:
    shown = tuple((label, cut(one_line(text), _TEXT)) for label, text in facts)
    return Notice(cut(one_line(title), _TITLE), shown, one_line(command))


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def _command(*words: str, root: Path) -> str:
    return shlex.join(["ratchet", *words, "--root", uri_of(root.absolute())])


def _with_others(result: RunResult) -> str:
    others = sum(not reason.passed for reason in result.deciding) - 1
    return result.first_reason + (f" (and {others} more)" if others > 0 else "")


def _cause(result: RunResult) -> list[tuple[str, str]]:
    told = cause_line(result.cause)
    if not told or result.cause is None:
        return []
    action = [("To do", result.cause.action)] if result.cause.action else []
    return [("Cause", told), *action]


def _after_push(result: RunResult) -> list[tuple[str, str]]:
    told = [reason for reason in result.deciding if reason.rule in AFTER_PUSH]
    return [("After the push", "; ".join(reason.sentence for reason in told))] if told else []


def _maps(result: RunResult) -> str:
    if result.map is None:
        return "nothing was trained"
    parts = [f"candidate {score(result.map)}"]
    if result.baseline_map is not None:
        parts.append(f"baseline {score(result.baseline_map)}")
    if result.delta is not None:
        parts.append(f"difference {difference(result.delta)}")
    if result.delta_ci is not None:
        noise = f" ({NO_DIFFERENCE})" if result.is_noise else ""
        parts.append(f"95 % interval {interval(result.delta_ci)}{noise}")
    return ", ".join(parts)


def _seen(result: RunResult) -> str:
    """What the data gate saw; of data that it rejected, the reasons are its own."""
    if result.verdict is Verdict.DATA_REJECTED:
        return f"rejected the span: {_some([reason for reason in result.reasons if reason.tested])}"
    seen = [reason for reason in result.observations if reason.tested]
    if seen:
        return f"let the span pass and saw {_some(seen)}"
    untested = len(result.observations)
    return f"nothing remarkable; {many(untested, 'rule')} not tested" if untested else "nothing remarkable"


def _some(reasons: Sequence[Reason]) -> str:
    more = len(reasons) - _SEEN
    # Each is cut by itself, so that a long one does not hide the next.
    shown = "; ".join(cut(one_line(reason.sentence), _TEXT // 4) for reason in reasons[:_SEEN])
    return shown + (f"; and {more} more" if more > 0 else "")
