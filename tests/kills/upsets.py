"""What else happens to a root between two commands, or beside one: altered bytes, other commands, clocks, lost files.

    python -m tests.kills.upsets DIRECTORY [NAME ...]

Each upset starts from a saved root of a real run. Writes DIRECTORY/upsets.json, prints what was wrong with each, and
exits with 1 if anything was.
"""

from __future__ import annotations

import datetime
import json
import logging
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from components.registry.publication import settle
from schemas.base.progress import LOGGER
from tests.kills.children import accept_all, import_everything, run_story
from tests.kills.look import contradictions, look, measured, registry_of, visible, wrong_at_the_end, wrong_in_words
from tests.kills.matrix import Prepared
from tests.kills.moments import at_moment
from tests.kills.tiny import BLOCKED, PUSH, Given, Tiny

Upset = Callable[[Prepared], Iterator[str]]
UPSETS: dict[str, Upset] = {}
_EVALUATOR = "log Component MapEvaluator is running."
_REPOSITORY = Path(__file__).resolve().parents[2]
_NOBODY = 65534


def upset(function: Upset) -> Upset:
    """Adds it to the list."""
    UPSETS[function.__name__] = function
    return function


def _one(root: Path, pattern: str) -> Path:
    """The newest file or directory of that name."""
    return max(root.glob(pattern), key=lambda path: [int(part) for part in path.parts if part.isdigit()])


def _weights(root: Path, step: str = "DetectorTrainer/model") -> Path:
    return _one(root, f"artifacts/{step}/*/Format-Serving/variables/variables.data-00000-of-00001")


def alter(path: Path) -> None:
    """Turns some bits in the middle of a file; its length stays."""
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 8] = bytes(byte ^ 0x55 for byte in content[middle : middle + 8])
    path.write_bytes(bytes(content))


def ratchet(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Gives a command in a fresh process, as another person would meanwhile."""
    code = "import sys; from pipeline.cli.main import main; sys.exit(main())"
    return subprocess.run(
        [sys.executable, "-c", code, *arguments], cwd=_REPOSITORY, capture_output=True, text=True, check=False
    )


def _expect(given: Given, code: int, verdict: str | None, run_id: str | None = None) -> Iterator[str]:
    yield from wrong_in_words(given)
    result = given.result
    if given.code != code or result.get("verdict") != verdict:
        yield f"ended with {given.code}, {result.get('verdict')}: {given.out[-500:]!r}"
    elif run_id is not None and result.get("run_id") != run_id:
        yield f"ended as {result.get('run_id')} instead of {run_id}"


def _rules(given: Given) -> list[str]:
    return [reason["rule"] for reason in given.result.get("reasons", ()) if not reason["passed"]]


def _kept_out(prepared: Prepared, rule: str, served: str = "bootstrap") -> Iterator[str]:
    """The same command ends blocked by a rule and changes nothing; given once more, it is a new run that is pushed."""
    tiny, run_id = prepared.tiny, prepared.expected["push"].run_id
    again = run_story(tiny, PUSH)
    yield from _expect(again, 3, "BLOCKED", run_id)
    if _rules(again) != [rule]:
        yield f"rules {_rules(again)}"
    seen = look(tiny)
    yield from contradictions(seen)
    wanted = prepared.expected[served].seen.served
    if seen.served is None or wanted is None or seen.served[1] != wanted[1]:
        yield f"served is {seen.served}"
    anew = run_story(tiny, PUSH)
    yield from _expect(anew, 0, "PUSHED")
    if anew.result.get("run_id") == run_id:
        yield "the next command is the same run"
    yield from contradictions(look(tiny))


def _only_measured(tiny: Tiny, before: frozenset[str]) -> Iterator[str]:
    known = before | measured(tiny)
    for version, digest in visible(tiny.root).items():
        if digest not in known:
            yield f"version {version} was never measured"


@upset
def candidate_altered_before_pusher(prepared: Prepared) -> Iterator[str]:
    prepared.tiny.restore("push")
    alter(_weights(prepared.tiny.root))
    yield from _kept_out(prepared, "candidate_changed")


@upset
def evaluation_altered_before_pusher(prepared: Prepared) -> Iterator[str]:
    prepared.tiny.restore("push")
    path = _one(prepared.tiny.root, "artifacts/MapEvaluator/evaluation/*/evaluation.json")
    path.write_text(path.read_text() + " ")
    yield from _kept_out(prepared, "evaluation_changed")


@upset
def candidate_altered_between_trainer_and_evaluator(prepared: Prepared) -> Iterator[str]:
    yield from _altered_at(prepared, lambda act: {"moment": _EVALUATOR, "act": act})


@upset
def candidate_altered_during_evaluation(prepared: Prepared) -> Iterator[str]:
    def when(act: Callable[[], None]) -> dict[str, Any]:
        def before() -> None:
            accept_all()
            LOGGER.addHandler(_Once("evaluating", act))

        return {"moment": "", "act": lambda: None, "before": before}

    yield from _altered_at(prepared, when)


class _Once(logging.Handler):
    """Does something at the first of our own progress lines that starts so."""

    def __init__(self, start: str, act: Callable[[], None]) -> None:
        super().__init__()
        self._start = start
        self._act: Callable[[], None] | None = act

    def emit(self, record: logging.LogRecord) -> None:
        if self._act is not None and record.getMessage().startswith(self._start):
            act, self._act = self._act, None
            act()


def _altered_at(prepared: Prepared, when: Callable[[Callable[[], None]], dict[str, Any]]) -> Iterator[str]:
    """Whatever the run makes of it: nothing unmeasured is served, and there is a way on."""
    tiny = prepared.tiny
    tiny.restore("served")
    before = frozenset(visible(tiny.root).values())
    done: list[Path] = []
    mark = tiny.directory / "altered"
    mark.unlink(missing_ok=True)

    def act() -> None:
        alter(_weights(tiny.root))
        mark.touch()

    given = at_moment(tiny, PUSH, **when(act))
    if not mark.exists():
        yield f"nothing was altered: {done}, {given.out[-300:]!r}"
    yield from wrong_in_words(given)
    if given.code not in (0, 1, 2, 3):
        yield f"ended with {given.code}"
    yield from _only_measured(tiny, before)
    print(f"    ended with {given.code}, {given.result.get('verdict')}, {_rules(given)}")
    if given.code in (1, 2):
        again = run_story(tiny, PUSH)
        print(f"    again: {again.code}: {again.out.strip().splitlines()[-2][:300]}")
        yield from wrong_in_words(again)
        if again.code in (1, 2) and "--anew" not in again.out:
            yield f"no way on is named: {again.out[-400:]!r}"
        if again.code in (1, 2):
            anew = run_story(tiny, PUSH, options=("--anew",))
            yield from _expect(anew, 0, "PUSHED")
    yield from _only_measured(tiny, before)
    yield from contradictions(look(tiny))


@upset
def baseline_copy_altered(prepared: Prepared) -> Iterator[str]:
    tiny = prepared.tiny
    tiny.restore("push")
    alter(_weights(tiny.root, "BaselineReader/baseline"))
    yield from wrong_at_the_end(tiny, run_story(tiny, PUSH), prepared.expected["push"])


@upset
def staged_copy_altered(prepared: Prepared) -> Iterator[str]:
    tiny = prepared.tiny
    tiny.restore("push")

    def before() -> None:
        accept_all()
        from components.registry import executor

        accept = executor.check_serving

        def altering(staged: str, *rest: Any) -> Any:
            alter(Path(staged, "variables", "variables.data-00000-of-00001"))
            return accept(staged, *rest)

        executor.check_serving = altering

    given = run_story(tiny, PUSH, before=before)
    yield from wrong_in_words(given)
    shown = visible(tiny.root)
    if not set(shown.values()) <= prepared.expected["push"].measured:
        yield f"visible are {shown}"
    if given.code != 0:
        given = run_story(tiny, PUSH)
    yield from wrong_at_the_end(tiny, given, prepared.expected["push"])


def _meanwhile(prepared: Prepared, saved: str, *command: str) -> tuple[Given, list[str], list[str]]:
    """A retraining that waits, before its evaluation, for a command of somebody else; its end, and what was wrong."""
    tiny = prepared.tiny
    tiny.restore(saved)
    answer = tiny.directory / "meanwhile.json"
    answer.unlink(missing_ok=True)

    def act() -> None:
        done = ratchet(*command)
        answer.write_text(json.dumps([done.returncode, done.stdout, done.stderr]))

    given = at_moment(tiny, PUSH, _EVALUATOR, act)
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
    yield from _expect(given, 3, "BLOCKED")
    if _rules(given) != ["baseline_changed"]:
        yield f"rules {_rules(given)}"
    yield from contradictions(look(prepared.tiny))
    yield from _expect(run_story(prepared.tiny, PUSH), 0, "PUSHED")
    yield from contradictions(look(prepared.tiny))


@upset
def status_while_a_retraining_works(prepared: Prepared) -> Iterator[str]:
    given, (code, out, err), wrong = _meanwhile(prepared, "served", "status", "--root", str(prepared.tiny.root))
    yield from wrong
    if code != "0" or "process" not in out:
        yield f"status ended with {code}: {out!r} {err!r}"
    yield from _expect(given, 0, "PUSHED")
    yield from contradictions(look(prepared.tiny))


@upset
def the_same_command_while_a_retraining_works(prepared: Prepared) -> Iterator[str]:
    given, (code, _, err), wrong = _meanwhile(prepared, "served", *prepared.tiny.command(PUSH))
    yield from wrong
    if code != "2" or "process" not in err or "wait until it is done" not in err:
        yield f"the second ended with {code}: {err!r}"
    yield from _expect(given, 0, "PUSHED")
    yield from contradictions(look(prepared.tiny))


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
    yield from _expect(run_story(prepared.tiny, PUSH, before=_two_days_back), 0, "PUSHED")
    yield from contradictions(look(prepared.tiny))


def _named_then_mended(prepared: Prepared, path: Path, damage: Callable[[Path], None], name: str) -> Iterator[str]:
    """A damaged file is named in a line, nothing is changed; once it is back, the same command finishes."""
    tiny = prepared.tiny
    kept = tiny.directory / "kept"
    shutil.copy2(path, kept)
    damage(path)
    given = run_story(tiny, PUSH)
    print(f"    {given.code}: {[line for line in given.out.splitlines() if line.startswith('ratchet: ')]}")
    yield from wrong_in_words(given)
    if given.code != 2 or name not in given.out:
        yield f"ended with {given.code}: {given.out[-400:]!r}"
    os.replace(kept, path)
    settle(registry_of(tiny.root))
    yield from wrong_at_the_end(tiny, run_story(tiny, PUSH), prepared.expected["push"])


def _cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


@upset
def ml_metadata_lost(prepared: Prepared) -> Iterator[str]:
    prepared.tiny.restore("push")
    yield from _named_then_mended(prepared, prepared.tiny.root / "metadata.sqlite", Path.unlink, "metadata.sqlite")


@upset
def ml_metadata_truncated(prepared: Prepared) -> Iterator[str]:
    prepared.tiny.restore("push")
    yield from _named_then_mended(prepared, prepared.tiny.root / "metadata.sqlite", _cut, "metadata.sqlite")


@upset
def ml_metadata_empty(prepared: Prepared) -> Iterator[str]:
    prepared.tiny.restore("push")
    damage = lambda path: os.truncate(path, 0)  # noqa: E731
    yield from _named_then_mended(prepared, prepared.tiny.root / "metadata.sqlite", damage, "metadata.sqlite")


@upset
def ml_metadata_read_only(prepared: Prepared) -> Iterator[str]:
    tiny = prepared.tiny
    tiny.restore("push")
    database = tiny.root / "metadata.sqlite"
    os.chmod(database, 0o444)
    before = accept_all
    if os.geteuid() == 0:  # who may do everything: the command is given by somebody who may not
        for path in (tiny.root, *tiny.root.rglob("*")):
            os.chown(path, _NOBODY, _NOBODY)
        os.chown(database, 0, 0)
        for path in (*tiny.directory.parents, tiny.directory):
            os.chmod(path, path.stat().st_mode | 0o555) if path.stat().st_uid == 0 else None

        def before() -> None:
            accept_all()
            os.setgid(_NOBODY)
            os.setuid(_NOBODY)

    given = run_story(tiny, PUSH, before=before)
    print(f"    {given.code}: {[line for line in given.out.splitlines() if line.startswith('ratchet: ')]}")
    yield from wrong_in_words(given)
    if given.code not in (1, 2) or "metadata.sqlite" not in given.out:
        yield f"ended with {given.code}: {given.out[-400:]!r}"
    os.chmod(database, 0o644)
    yield from wrong_at_the_end(tiny, run_story(tiny, PUSH), prepared.expected["push"])


@upset
def pointer_torn(prepared: Prepared) -> Iterator[str]:
    prepared.tiny.restore("push")
    yield from _named_then_mended(prepared, prepared.tiny.root / "registry" / "served.json", _cut, "served.json")


@upset
def root_moved(prepared: Prepared) -> Iterator[str]:
    tiny = prepared.tiny
    tiny.restore("push")
    moved = tiny.directory / "moved"
    shutil.rmtree(moved, ignore_errors=True)
    os.rename(tiny.root, moved)
    given = run_story(tiny, PUSH, root=moved)
    yield from _expect(given, 0, "PUSHED", prepared.expected["push"].run_id)
    if tiny.root.exists():
        yield f"something was written where the root was: {sorted(tiny.root.rglob('*'))[:5]}"
        shutil.rmtree(tiny.root)
    os.rename(moved, tiny.root)
    yield from wrong_in_words(given)
    if sorted(visible(tiny.root).values()) != sorted(prepared.expected["push"].seen.visible.values()):
        yield f"visible are {visible(tiny.root)}"


@upset
def data_touched(prepared: Prepared) -> Iterator[str]:
    tiny = prepared.tiny
    tiny.restore("push")
    for path in tiny.data.rglob("*"):
        os.utime(path)
    yield from wrong_at_the_end(tiny, run_story(tiny, PUSH), prepared.expected["push"])


@upset
def data_changed(prepared: Prepared) -> Iterator[str]:
    tiny = prepared.tiny
    tiny.restore("push")
    path = tiny.data / "span-2" / "annotations.json"
    kept = path.read_text()
    values = json.loads(kept)
    values["annotations"] = values["annotations"][:-1]
    path.write_text(json.dumps(values))
    given = run_story(tiny, PUSH)
    path.write_text(kept)
    yield from _expect(given, 0, "PUSHED")
    if given.result.get("run_id") == prepared.expected["push"].run_id:
        yield "other data are the same run"
    yield from contradictions(look(tiny))


@upset
def serving_check_for_real(prepared: Prepared) -> Iterator[str]:
    tiny = prepared.tiny
    tiny.restore("push")
    yield from wrong_at_the_end(tiny, run_story(tiny, PUSH, before=lambda: None), prepared.expected["push"])


def run_upsets(prepared: Prepared, names: Sequence[str]) -> dict[str, list[str]]:
    """What was wrong with each."""
    found: dict[str, list[str]] = {}
    for name in names:
        started = time.monotonic()
        try:
            found[name] = list(UPSETS[name](prepared))
        except Exception as error:  # the others are still worth knowing
            found[name] = [f"{type(error).__name__}: {error}"]
        print(f"{name}: {found[name] or 'as it should be'} ({time.monotonic() - started:.0f} s)", flush=True)
    return found


def main(arguments: Sequence[str]) -> int:
    """Runs them."""
    directory, names = Path(arguments[0]).resolve(), list(arguments[1:]) or list(UPSETS)
    import_everything()
    prepared = Prepared(Tiny(directory))
    prepared.prepare((PUSH, BLOCKED))
    found = run_upsets(prepared, names)
    (directory / "upsets.json").write_text(json.dumps(found, indent=1))
    return int(any(found.values()))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
