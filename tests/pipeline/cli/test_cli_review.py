"""The commands that look at what runs left."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from ratchet.pipeline.cli.root import add_root_commands
from ratchet.schemas.artifacts.decisions import Verdict
from ratchet.schemas.base.errors import InputError
from tests.pipeline.roots import add_run, add_unfinished, serve
from tests.test_architecture import HEAVY, ROOT


def ratchet(*arguments: str) -> int:
    parser = argparse.ArgumentParser()
    add_root_commands(parser.add_subparsers(required=True))
    parsed = parser.parse_args(arguments)
    return parsed.command(parsed)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    add_run(tmp_path, "span-1-aa-1", Verdict.PUSHED, 1)
    add_run(tmp_path, "span-2-bb-1", Verdict.BLOCKED, 2)
    serve(tmp_path, "100", "span-1-aa-1", 1)
    return tmp_path


def last_line(capsys: pytest.CaptureFixture[str]) -> Any:
    return json.loads(capsys.readouterr().out)


def test_history(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert ratchet("history", "--root", str(root), "--json") == 0
    assert [run["run_id"] for run in last_line(capsys)["runs"]] == ["span-1-aa-1", "span-2-bb-1"]


def test_status(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert ratchet("status", "--root", str(root), "--json") == 0
    assert last_line(capsys)["served"]["version"] == "100"
    (root / "registry" / "served.json").unlink()
    assert ratchet("status", "--root", str(root), "--json") == 2
    assert "served.json does not name it" in last_line(capsys)["problem"]


def test_review_prints_the_page_of_the_newest_run_or_of_one(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert ratchet("review", "--root", str(root)) == 0
    assert capsys.readouterr().out == f"{root}/runs/span-2-bb-1/review.html\n"
    assert ratchet("review", "span-1", "--root", str(root), "--json") == 0
    assert last_line(capsys) == {
        "run_id": "span-1-aa-1",
        "verdict": "PUSHED",
        "page": f"{root}/runs/span-1-aa-1/review.html",
    }


def test_review_passes_over_a_crashed_run_and_says_so(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    add_unfinished(root, "span-3-cc-1", 3)
    assert ratchet("review", "--root", str(root)) == 0
    captured = capsys.readouterr()
    assert captured.out == f"{root}/runs/span-2-bb-1/review.html\n"
    assert "the newest run, span-3-cc-1, is unfinished" in captured.err


def test_a_run_without_a_page_names_what_there_is(root: Path) -> None:
    add_run(root, "span-3-cc-1", Verdict.BLOCKED, 3, page=False)
    with pytest.raises(InputError, match=r"without a review page; its report is runs/span-3-cc-1/review\.html"):
        ratchet("review", "--root", str(root))
    add_unfinished(root, "span-4-dd-1", 4)
    with pytest.raises(InputError, match=r"span-4-dd-1: unfinished, without a review page; its log is .*log\.txt"):
        ratchet("review", "span-4", "--root", str(root))


def test_open_gives_the_page_to_the_browser(root: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    browser, opened = tmp_path / "browser.sh", tmp_path / "opened"
    browser.write_text(f'#!/bin/sh\necho "$1" > "{opened}"\n')
    browser.chmod(0o755)
    # As webbrowser reads the variable when it is imported, the command has to be a process of its own.
    monkeypatch.setenv("BROWSER", f"{browser} %s")
    code = (
        "from tests.pipeline.cli.test_cli_review import ratchet\n"
        f"raise SystemExit(ratchet('review', '--open', '--root', {str(root)!r}))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert opened.read_text().strip() == (root / "runs" / "span-2-bb-1" / "review.html").as_uri()


@pytest.mark.parametrize("command", ["history", "status", "review"])
def test_a_root_that_is_none_is_an_input_error(tmp_path: Path, command: str) -> None:
    with pytest.raises(InputError, match="no such directory"):
        ratchet(command, "--root", str(tmp_path / "nowhere"))


@pytest.mark.parametrize("command", ["history", "status", "review"])
def test_no_command_starts_tensorflow(root: Path, command: str) -> None:
    code = (
        "import argparse, sys\nfrom ratchet.pipeline.cli.root import add_root_commands\n"
        "parser = argparse.ArgumentParser()\nadd_root_commands(parser.add_subparsers())\n"
        f"arguments = parser.parse_args([{command!r}, '--root', {str(root)!r}])\n"
        "arguments.command(arguments)\n"
        f"sys.exit(str([name for name in {sorted(HEAVY)!r} if name in sys.modules] or ''))"
    )
    started = time.monotonic()
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stderr.strip() == ""
    assert time.monotonic() - started < 5  # a tenth of a second; TensorFlow takes twenty
