"""`ratchet watch` as a command: what it gives, how it ends, what monitoring sees of it."""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ratchet.pipeline.cli import watch
from ratchet.pipeline.cli.main import main
from ratchet.pipeline.data.watch import Watch, WatchRequest
from ratchet.pipeline.root.roots import registry_at
from ratchet.schemas.artifacts.decisions import Verdict
from tests.builders import recorded_decision, write_span
from tests.pipeline.roots import add_run, serve

REPOSITORY = Path(__file__).resolve().parents[3]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory with a root that serves a model, and one delivery."""
    add_run(tmp_path / "root", "span-1-aa-1", Verdict.BOOTSTRAPPED, 1)
    serve(tmp_path / "root", "100", "span-1-aa-1", 1)
    write_span(tmp_path / "data" / "span-1")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The commands that are given, which all end as BLOCKED and leave nothing."""
    commands: list[list[str]] = []

    def run_child(command: list[str]) -> int:
        commands.append(command)
        return 3

    monkeypatch.setattr(watch, "run_child", run_child)
    return commands


def test_it_gives_the_command_that_a_person_would(place: Path, given: list[list[str]]) -> None:
    write_span(place / "data" / "span-2026-11-28")
    options = ["--golden", "gold", "--set", "evaluator.margin=0.1", "--set=name=digits", "--config", "digits", "-q"]
    assert main(["watch", "data", "--root", "root", "--once", *options]) == 3
    [command] = given
    start = command.index("run")
    assert command[start:] == [
        *("run", "--data", "data", "--span", "20261128", "--root", "root", "--only-new", "--golden", "gold"),
        *("--config", "digits", "--set=evaluator.margin=0.1", "--set=name=digits", "--quiet"),
    ]


def test_a_first_model_is_asked_for_only_where_none_is_served(
    place: Path, given: list[list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    write_span(place / "data" / "span-2")
    assert main(["watch", "data", "--root", "root", "--once", "--bootstrap"]) == 3
    assert "--bootstrap" not in given[-1]
    assert main(["watch", "data", "--root", "new-root", "--once", "--bootstrap"]) == 3
    assert "--bootstrap" in given[-1]
    assert main(["watch", "data", "--root", "new-root", "--once"]) == 2
    assert "no model is served from new-root yet: give --bootstrap" in capsys.readouterr().err
    kept_out = recorded_decision(run_id="span-1-bb-1", verdict="BLOCKED", baseline_version=None, baseline_digest=None)
    add_run(place / "new-root", "span-1-bb-1", Verdict.BLOCKED, 1)
    registry_at(place / "new-root").record_decision("span-1-bb-1", kept_out)
    assert main(["watch", "data", "--root", "new-root", "--once"]) == 2
    assert "served from new-root yet: `ratchet approve span-1-bb-1` serves the candidate" in capsys.readouterr().err
    assert len(given) == 2


def test_once_without_a_new_span_is_nothing_new(
    place: Path, given: list[list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    write_span(place / "data" / "span-2")
    (place / "data" / "span-2" / "SHA256SUMS").write_text("")
    assert main(["watch", "data", "--root", "root", "--once", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["verdict"], told["run_id"], given) == ("NOTHING_NEW", "", [])
    assert told["reasons"][0]["actual"] == "waits for a span in data; span-2 is not whole yet: SHA256SUMS is empty"


@pytest.mark.parametrize(
    "wrong", [["--every", "0"], ["--every", "nan"], ["--every", "x"], ["--tries", "0"], ["--tries", "1.5"]]
)
def test_an_impossible_option_is_refused(place: Path, wrong: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["watch", "data", "--root", "root", *wrong]) == 2
    assert f"invalid value '{wrong[1]}'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("data", "more", "said"),
    [
        ("nowhere", [], "nowhere: no such directory"),
        ("data/span-1/annotations.json", [], "no such directory"),
        ("data", ["--metrics", "nowhere/ratchet.prom"], "nowhere is no directory"),
        ("data", ["--set", "evaluator.nonsense=1"], "nonsense"),
    ],
)
def test_a_mistake_is_not_waited_for(
    place: Path, data: str, more: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["watch", data, "--root", "root", *more]) == 2
    assert said in capsys.readouterr().err


def test_metrics_tell_what_waits_and_how_the_last_run_ended(place: Path, given: list[list[str]]) -> None:
    write_span(place / "data" / "span-2")
    write_span(place / "data" / "span-3")
    (place / "data" / "span-3" / "SHA256SUMS").write_text("")
    assert main(["watch", "data", "--root", "root", "--once", "--metrics", "watch.prom", "-q"]) == 3
    lines = (place / "watch.prom").read_text().splitlines()
    assert f'ratchet_command_exit_code{{root="{place}/root",command="watch"}} 3' in lines
    assert f'ratchet_spans_waiting{{root="{place}/root",state="unfinished"}} 1' in lines
    assert f'ratchet_spans_waiting{{root="{place}/root",state="new"}} 1' in lines  # no run has decided on it
    assert main(["watch", "data", "--root", "root", "--once", "--metrics", "watch.prom", "-q"]) == 3


def test_what_a_run_ended_with_stays_until_the_next_one(place: Path) -> None:
    write_span(place / "data" / "span-2")
    request = WatchRequest(str(place / "root"), str(place / "data"))
    watched = Watch(request, start=lambda span: 1, tell=lambda text: None)
    arguments = argparse.Namespace(metrics=place / "watch.prom", root=place / "root")
    report = watch._Reporter(arguments)
    report(watched, watched.step())
    (place / "data" / "span-3").mkdir()
    (place / "data" / "span-3" / "SHA256SUMS").touch()
    report(watched, watched.step())
    text = (place / "watch.prom").read_text()
    assert f'ratchet_spans_waiting{{root="{place}/root",state="unfinished"}} 1' in text  # it was written anew
    assert f'ratchet_command_exit_code{{root="{place}/root",command="watch"}} 1' in text
    assert 'verdict="NOTHING_NEW"} 1' not in text


CHILD = """
import signal, sys
from ratchet.schemas.base.termination import take_sigterm, Terminated
take_sigterm()
print("child works", flush=True)
try:
    while True:
        signal.pause()
except Terminated:
    print("child has saved", flush=True)
    sys.exit(143)
"""
PARENT = """
import sys
from ratchet.pipeline.cli import watch
watch.run_command = lambda arguments, span: [sys.executable, "-c", {child!r}]
from ratchet.pipeline.cli.main import main
sys.argv = ["ratchet", *{given!r}]
sys.exit(main())
"""


def started(*given: str) -> subprocess.Popen[str]:
    code = PARENT.format(child=CHILD, given=list(given))
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    return subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment
    )


def test_sigterm_between_runs_ends_it_at_once_and_well(place: Path) -> None:
    with started("watch", "data", "--root", "root", "--every", "1000") as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ratchet: waits for a span in data\n"
        process.send_signal(signal.SIGTERM)
        assert process.stdout.read() == "ratchet: ended by SIGTERM; the same command goes on where this one was\n"
    assert process.returncode == 0


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_a_run_is_told_to_end_and_has_saved_by_then(place: Path, number: int, code: int) -> None:
    write_span(place / "data" / "span-2")
    with started("watch", "data", "--root", "root", "--every", "1000") as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ratchet: span-2 is whole: a run begins on it\n"
        assert process.stdout.readline() == "child works\n"
        process.send_signal(number)
        assert process.stdout.readline() == "child has saved\n"
        process.stdout.read()
    assert process.returncode == code
