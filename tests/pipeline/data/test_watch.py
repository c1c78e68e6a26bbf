"""`ratchet watch`: one run on each span that is whole, the newest first; what fails is not tried without end."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ratchet.components.example_gen.spans import FoundSpan
from ratchet.pipeline.data.watch import Ran, Watch, WatchRequest
from ratchet.schemas.artifacts.decisions import Reason, Verdict
from ratchet.schemas.artifacts.publication import BASELINE_CHANGED
from ratchet.schemas.artifacts.run_files import RUN_RECORD_FORMAT, RunRecord
from ratchet.schemas.artifacts.run_result import EXIT_CODES, RUN_RESULT_FORMAT, RunResult
from ratchet.schemas.base.errors import DataError


class Yard:
    """Deliveries, a root, and a watch whose runs end as they are told to."""

    def __init__(self, directory: Path, marker: str | None = None) -> None:
        self.data, self.root = directory / "data", directory / "root"
        self.data.mkdir()
        self.ran: list[str] = []
        self.told: list[str] = []
        self.now = 0.0
        self.busy: str | None = None
        self.ends: dict[str, Verdict | int] = {}  # by span; PUSHED where nothing is said
        self._asked = WatchRequest(str(self.root), str(self.data), marker, every_s=60.0, tries=3)
        self.watch = self.anew()

    def anew(self) -> Watch:
        """Another process watches."""
        self.watch = Watch(self._asked, self._start, self.told.append, lambda: self.busy, lambda: self.now)
        return self.watch

    def deliver(self, name: str, files: Mapping[str, str] | None = None) -> Path:
        span = self.data / name
        span.mkdir()
        for file, text in (files or {"annotations.json": "{}"}).items():
            (span / file).write_text(text)
        return span

    def decide(
        self, name: str, number: int, version: int = 1, verdict: Verdict = Verdict.PUSHED, rule: str = "x"
    ) -> int:
        run_id = f"run-{name}-{len(self.ran)}"
        result = RunResult.untrained(verdict, (Reason(rule, "", ""),), "page", run_id, number, {})
        record = RunRecord(number, {"span": number}, None, "ratchet run", "2030-01-01T00:00:00+00:00", "0", version)
        directory = self.root / "runs" / run_id
        directory.mkdir(parents=True)
        (directory / "request.json").write_text(RUN_RECORD_FORMAT.write(record))
        (directory / "result.json").write_text(RUN_RESULT_FORMAT.write(result))
        return EXIT_CODES[verdict]

    def _start(self, span: FoundSpan) -> int:
        name = Path(span.directory).name
        self.ran.append(name)
        end = self.ends.get(name, Verdict.PUSHED)
        if end is Verdict.NOTHING_NEW:
            return 0
        return self.decide(name, *span[:2], verdict=end) if isinstance(end, Verdict) else end

    def steps(self, count: int, apart_s: float = 60.0) -> list[Ran | None]:
        made = []
        for _ in range(count):
            made.append(self.watch.step())
            self.now += apart_s
        return made


@pytest.fixture
def yard(tmp_path: Path) -> Yard:
    return Yard(tmp_path)


def test_each_span_gets_one_run_when_it_has_come(yard: Yard) -> None:
    yard.steps(2)
    yard.deliver("span-1")
    yard.steps(3)
    yard.deliver("span-2")
    yard.steps(3)
    assert yard.ran == ["span-1", "span-2"]


@pytest.mark.parametrize("verdict", [Verdict.BLOCKED, Verdict.INCONCLUSIVE, Verdict.DATA_REJECTED, Verdict.PUSHED])
def test_whatever_a_run_decides_it_is_not_made_again(yard: Yard, verdict: Verdict) -> None:
    yard.ends["span-1"] = verdict
    yard.deliver("span-1")
    yard.steps(3)
    yard.anew()
    yard.steps(2)
    assert yard.ran == ["span-1"]


def test_of_several_that_came_during_a_run_the_newest_is_first_and_none_is_left(yard: Yard) -> None:
    yard.deliver("span-1")
    yard.steps(1)
    for name in ("span-2", "span-4", "span-3"):
        yard.deliver(name)
    yard.steps(6)
    assert yard.ran == ["span-1", "span-4", "span-3", "span-2"]


def test_what_was_there_before_a_first_run_is_left_to_a_person(yard: Yard) -> None:
    for name in ("span-1", "span-2", "span-3"):
        yard.deliver(name)
    yard.steps(4)
    assert yard.ran == ["span-3"]
    assert "passed over: span-2, span-1 (`ratchet run --span N` trains on one)" in yard.told[-1]


def test_what_an_older_watch_has_passed_over_stays_so(yard: Yard) -> None:
    yard.decide("span-5", 5)
    yard.deliver("span-4")
    yard.deliver("span-5")
    yard.deliver("span-6")
    yard.steps(4)
    assert yard.ran == ["span-6"]


def test_what_a_decided_correction_corrects_is_not_run_on(yard: Yard) -> None:
    for name in ("span-1", "span-1-version-2"):
        yard.deliver(name)
    yard.decide("span-1-version-2", 1, version=2)
    yard.steps(2)
    assert yard.ran == []


def test_a_correction_of_a_decided_span_is_run_on_and_its_older_version_is_not(yard: Yard) -> None:
    yard.deliver("span-1")
    yard.steps(2)
    yard.deliver("span-1-version-2")
    yard.steps(2)
    assert yard.ran == ["span-1", "span-1-version-2"]


def test_days_come_in_their_order(yard: Yard) -> None:
    for name in ("span-2026-12-01", "span-2026-11-30"):
        yard.deliver(name)
    yard.steps(1)
    yard.deliver("span-2026-12-02")
    yard.steps(2)
    assert yard.ran == ["span-2026-12-01", "span-2026-12-02"]


def test_a_half_copied_span_is_named_with_what_it_lacks_and_run_on_when_it_is_whole(yard: Yard) -> None:
    line = f"{hashlib.sha256(b'image').hexdigest()}  a.jpg\n"
    span = yard.deliver("span-1", {"SHA256SUMS": line})
    yard.steps(2)
    assert yard.told == [
        f"waits for a span in {yard.data}; span-1 is not whole yet: SHA256SUMS lists 1 file, of which 1 is not there "
        "yet: 'a.jpg'"
    ]
    (span / "a.jpg").write_text("ima")
    yard.steps(2)
    assert yard.told[-1].endswith("'a.jpg' is not the file that SHA256SUMS lists: it is being copied, or was changed")
    assert yard.ran == []
    (span / "a.jpg").write_text("image")
    yard.steps(2)
    assert yard.ran == ["span-1"]


def test_an_empty_directory_is_waited_for_and_named(yard: Yard) -> None:
    span = yard.deliver("span-2", {"annotations.json": "{}"})
    (span / "annotations.json").unlink()
    yard.deliver("span-1")
    yard.steps(2)
    assert yard.ran == ["span-1"]
    assert yard.told[-1] == (
        f"waits for a span in {yard.data}; span-2 is not whole yet: no file in it, so copy the delivery into it or "
        "delete it"
    )
    (span / "annotations.json").touch()
    yard.steps(1)
    assert yard.ran == ["span-1", "span-2"]


def test_a_marker_is_waited_for(tmp_path: Path) -> None:
    yard = Yard(tmp_path, marker="_SUCCESS")
    span = yard.deliver("span-1")
    yard.steps(2)
    assert (yard.ran, yard.told[-1].endswith("span-1 is not whole yet: no _SUCCESS")) == ([], True)
    (span / "_SUCCESS").touch()
    yard.steps(1)
    assert yard.ran == ["span-1"]


def test_a_span_whose_run_fails_is_tried_three_times_ever_later_and_given_up(yard: Yard) -> None:
    yard.ends["span-1"] = 1
    yard.deliver("span-1")
    made = yard.steps(60)
    assert [place for place, ran in enumerate(made) if ran] == [0, 1, 5]  # after one minute, after four
    assert "given up until its files change or the watch begins anew" in yard.told[-2]
    assert yard.told[-1] == f"waits for a span in {yard.data}; given up until its files change: span-1"


def test_another_span_is_not_kept_waiting_by_one_that_fails(yard: Yard) -> None:
    yard.ends["span-2"] = 2
    yard.deliver("span-2")
    yard.steps(2)
    yard.deliver("span-3")
    yard.steps(20)
    assert yard.ran == ["span-2", "span-2", "span-3", "span-2"]


def test_a_span_that_was_given_up_is_tried_when_its_files_change_or_by_another_watch(yard: Yard) -> None:
    yard.ends["span-1"] = 2
    span = yard.deliver("span-1")
    yard.steps(60)
    (span / "more.json").touch()
    yard.steps(60)
    assert len(yard.ran) == 6
    yard.anew()
    yard.ends["span-1"] = Verdict.PUSHED
    yard.steps(2)
    assert len(yard.ran) == 7


@pytest.mark.parametrize("code", [-9, 1, 2, 143])
def test_a_run_that_ends_without_a_verdict_has_failed(yard: Yard, code: int) -> None:
    yard.ends["span-1"] = code
    yard.deliver("span-1")
    [ran] = yard.steps(1)
    assert ran is not None
    assert (ran.failed, ran.decided, ran.exit_code) == (True, None, code)
    assert yard.told[-1].startswith(f"the run on span-1 ended with exit code {code} and no decision; it is tried again")


def test_a_run_that_ended_by_an_accident_is_made_again(yard: Yard) -> None:
    codes = iter([Verdict.BLOCKED, Verdict.PUSHED])

    def start(span: FoundSpan) -> int:
        verdict = next(codes)
        yard.ran.append("span-1")
        return yard.decide("span-1", 1, verdict=verdict, rule=BASELINE_CHANGED if verdict is Verdict.BLOCKED else "x")

    yard.deliver("span-1")
    yard.watch.start = start
    assert [ran and ran.failed for ran in yard.steps(3)] == [True, False, None]


def test_a_copy_of_a_decided_span_is_answered_once(yard: Yard) -> None:
    yard.ends["span-2"] = Verdict.NOTHING_NEW
    yard.deliver("span-1")
    yard.steps(1)
    yard.deliver("span-2")
    yard.steps(5)
    assert yard.ran == ["span-1", "span-2"]
    assert yard.watch.pending == 0
    yard.deliver("span-3")
    yard.steps(2)
    assert yard.ran[-1] == "span-3"


def test_while_somebody_works_in_the_root_it_waits_and_counts_no_failure(yard: Yard) -> None:
    yard.deliver("span-1")
    yard.busy = "process 7"
    assert yard.steps(9) == [None] * 9
    assert yard.told == ["process 7 works in the root; span-1 is next"]
    yard.busy = None
    assert [bool(ran) for ran in yard.steps(2)] == [True, False]


def test_what_is_wrong_for_a_while_is_told_once_and_survived(yard: Yard) -> None:
    shutil.move(yard.data, yard.data.with_name("unmounted"))
    assert yard.steps(5) == [None] * 5
    [told] = yard.told
    assert told.startswith(f"cannot look, and tries again: {yard.data}: no such directory")
    shutil.move(yard.data.with_name("unmounted"), yard.data)
    yard.deliver("span-1")
    yard.steps(1)
    assert yard.ran == ["span-1"]


def test_the_first_look_names_a_mistake(yard: Yard) -> None:
    yard.deliver("span-1")
    yard.deliver("span-01")
    with pytest.raises(DataError, match="span-01 and span-1 are the same span"):
        yard.watch.look()


def test_the_same_is_said_once_until_something_changes(yard: Yard) -> None:
    yard.steps(10)
    assert yard.told == [f"waits for a span in {yard.data}"]
    yard.deliver("span-1")
    yard.steps(10)
    assert yard.told[1:] == ["span-1 is whole: a run begins on it", f"waits for a span in {yard.data}"]


def test_files_of_a_delivery_are_compared_once(yard: Yard, monkeypatch: pytest.MonkeyPatch) -> None:
    from ratchet.components.example_gen import manifests

    read: list[str] = []

    def sha256() -> Any:
        read.append("a file")
        return hashlib.sha256()

    monkeypatch.setattr(manifests, "hashlib", SimpleNamespace(sha256=sha256))
    lines = "".join(f"{hashlib.sha256(name.encode()).hexdigest()}  {name}.jpg\n" for name in "abc")
    span = yard.deliver("span-1", {"SHA256SUMS": lines} | {f"{name}.jpg": name for name in "ab"} | {"c.jpg": ""})
    yard.steps(5)
    assert len(read) == 3
    (span / "c.jpg").write_text("c")
    yard.steps(1)
    assert (len(read), yard.ran) == (4, ["span-1"])
