"""Upsets: bytes that are altered between two steps, or during one."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ratchet.schemas.base.progress import LOGGER
from tests.kills.children import accept_all, run_story
from tests.kills.matrix import Prepared
from tests.kills.moments import at_moment
from tests.kills.state import contradictions, measured, state_of, visible, wrong_at_the_end, wrong_in_words
from tests.kills.tiny import PUSH, Tiny
from tests.kills.upset import EVALUATOR, expect, failed_rules, upset


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


def _kept_out(prepared: Prepared, rule: str, served: str = "bootstrap") -> Iterator[str]:
    """The same command ends blocked by a rule and changes nothing; given once more, it is a new run that is pushed."""
    tiny, run_id = prepared.tiny, prepared.expected["push"].run_id
    again = run_story(tiny, PUSH)
    yield from expect(again, 3, "BLOCKED", run_id)
    if failed_rules(again) != [rule]:
        yield f"rules {failed_rules(again)}"
    state = state_of(tiny)
    yield from contradictions(state)
    wanted = prepared.expected[served].state.served
    if state.served is None or wanted is None or state.served[1] != wanted[1]:
        yield f"served is {state.served}"
    anew = run_story(tiny, PUSH)
    yield from expect(anew, 0, "PUSHED")
    if anew.result.get("run_id") == run_id:
        yield "the next command is the same run"
    yield from contradictions(state_of(tiny))


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
    yield from _altered_at(prepared, lambda act: {"moment": EVALUATOR, "act": act})


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
    print(f"    ended with {given.code}, {given.result.get('verdict')}, {failed_rules(given)}")
    if given.code in (1, 2):
        again = run_story(tiny, PUSH)
        print(f"    again: {again.code}: {again.out.strip().splitlines()[-2][:300]}")
        yield from wrong_in_words(again)
        if again.code in (1, 2) and "--anew" not in again.out:
            yield f"no way on is named: {again.out[-400:]!r}"
        if again.code in (1, 2):
            anew = run_story(tiny, PUSH, options=("--anew",))
            yield from expect(anew, 0, "PUSHED")
    yield from _only_measured(tiny, before)
    yield from contradictions(state_of(tiny))


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
        from ratchet.components.registry import executor

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
