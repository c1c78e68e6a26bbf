"""Upsets: other commands while a retraining works, and a clock that goes back."""

from __future__ import annotations

import datetime
import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.kills.children import accept_all, run_story
from tests.kills.matrix import Prepared
from tests.kills.moments import at_moment
from tests.kills.state import contradictions, state_of, wrong_at_the_end
from tests.kills.tiny import PUSH, Given
from tests.kills.upset import EVALUATOR, expect, failed_rules, upset

_REPOSITORY = Path(__file__).resolve().parents[2]


def ratchet(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Gives a command in a fresh process, as another person would meanwhile."""
    code = "import sys; from ratchet.pipeline.cli.main import main; sys.exit(main())"
    return subprocess.run(
        [sys.executable, "-c", code, *arguments], cwd=_REPOSITORY, capture_output=True, text=True, check=False
    )


def _meanwhile(prepared: Prepared, saved: str, *command: str) -> tuple[Given, list[str], list[str]]:
    """A retraining that waits, before its evaluation, for a command of somebody else; its end, and what was wrong."""
    tiny = prepared.tiny
    tiny.restore(saved)
    answer = tiny.directory / "meanwhile.json"
    answer.unlink(missing_ok=True)

    def act() -> None:
        done = ratchet(*command)
        answer.write_text(json.dumps([done.returncode, done.stdout, done.stderr]))

    given = at_moment(tiny, PUSH, EVALUATOR, act)
    code, out, err = json.loads(answer.read_text())
    return given, [str(code), out, err], [f"in {command[0]}: {err!r}"] if "Traceback" in err + out else []


@upset
def rollback_while_a_retraining_works(prepared: Prepared) -> Iterator[str]:
    given, (code, _, err), wrong = _meanwhile(
        prepared, "pushed", "rollback", "--root", str(prepared.tiny.root), "--by", "Ada", "--reason", "worse"
    )
    yield from _baseline_changed(prepared, given, code, err, wrong)


@upset
def approve_while_a_retraining_works(prepared: Prepared) -> Iterator[str]:
    run_id = prepared.expected["blocked"].run_id
    day = (datetime.date.today() + datetime.timedelta(days=30)).isoformat()
    signed = ["--root", str(prepared.tiny.root), "--by", "Ada", "--reason", "better", "--expires", day]
    given, (code, _, err), wrong = _meanwhile(prepared, "kept-out", "approve", run_id, *signed)
    yield from _baseline_changed(prepared, given, code, err, wrong)


def _baseline_changed(prepared: Prepared, given: Given, code: str, err: str, wrong: Sequence[str]) -> Iterator[str]:
    yield from wrong
    if code != "0":
        yield f"the other command ended with {code}: {err!r}"
    yield from expect(given, 3, "BLOCKED")
    if failed_rules(given) != ["baseline_changed"]:
        yield f"rules {failed_rules(given)}"
    yield from contradictions(state_of(prepared.tiny))
    yield from expect(run_story(prepared.tiny, PUSH), 0, "PUSHED")
    yield from contradictions(state_of(prepared.tiny))


@upset
def status_while_a_retraining_works(prepared: Prepared) -> Iterator[str]:
    given, (code, out, err), wrong = _meanwhile(prepared, "served", "status", "--root", str(prepared.tiny.root))
    yield from wrong
    if code != "0" or "process" not in out:
        yield f"status ended with {code}: {out!r} {err!r}"
    yield from expect(given, 0, "PUSHED")
    yield from contradictions(state_of(prepared.tiny))


@upset
def the_same_command_while_a_retraining_works(prepared: Prepared) -> Iterator[str]:
    given, (code, _, err), wrong = _meanwhile(prepared, "served", *prepared.tiny.command(PUSH))
    yield from wrong
    if code != "2" or "process" not in err or "wait until it is done" not in err:
        yield f"the second ended with {code}: {err!r}"
    yield from expect(given, 0, "PUSHED")
    yield from contradictions(state_of(prepared.tiny))


def _two_days_back() -> None:
    """Shifts what this process takes for the present, by which versions are numbered and runs are dated."""
    accept_all()
    real = datetime.datetime

    class Back(real):
        @classmethod
        def now(cls, tz: datetime.tzinfo | None = None) -> datetime.datetime:
            return real.now(tz) - datetime.timedelta(days=2)

    datetime.datetime = Back  # type: ignore[misc]


@upset
def clock_back_at_the_push(prepared: Prepared) -> Iterator[str]:
    prepared.tiny.restore("push")
    given = run_story(prepared.tiny, PUSH, before=_two_days_back)
    yield from wrong_at_the_end(prepared.tiny, given, prepared.expected["push"])


@upset
def clock_back_for_a_whole_run(prepared: Prepared) -> Iterator[str]:
    prepared.tiny.restore("served")
    yield from expect(run_story(prepared.tiny, PUSH, before=_two_days_back), 0, "PUSHED")
    yield from contradictions(state_of(prepared.tiny))
