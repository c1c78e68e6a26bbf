"""The commands that look at what runs left."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ratchet.pipeline.cli.root import add_root_commands
from ratchet.pipeline.terminal.arguments import Parser
from ratchet.schemas.artifacts.decisions import Verdict
from ratchet.schemas.base.errors import InputError
from tests.pipeline.roots import add_run, add_unfinished, serve
from tests.test_architecture import HEAVY, ROOT


def ratchet(*arguments: str) -> int:
    parser = Parser()
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
        "tfma": None,
    }


def test_review_prints_the_tfma_report_where_there_is_one(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = root / "runs" / "span-2-bb-1" / "tfma.html"
    report.write_text("<!doctype html>")
    assert ratchet("review", "--tfma", "--root", str(root)) == 0
    assert capsys.readouterr().out == f"{report}\n"
    assert ratchet("review", "--root", str(root), "--json") == 0
    values = last_line(capsys)
    assert (values["page"], values["tfma"]) == (f"{root}/runs/span-2-bb-1/review.html", str(report))
    with pytest.raises(InputError, match=r"run span-1-aa-1: without a TFMA report.*; its page is .*review\.html"):
        ratchet("review", "span-1", "--tfma", "--root", str(root))


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


def opened_by(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, *command: str) -> str:
    """The address that a command gives to the browser."""
    browser, opened = tmp_path / "browser.sh", tmp_path / "opened"
    browser.write_text(f'#!/bin/sh\necho "$1" > "{opened}"\n')
    browser.chmod(0o755)
    # As webbrowser reads the variable when it is imported, the command has to be a process of its own.
    monkeypatch.setenv("BROWSER", f"{browser} %s")
    code = f"from tests.pipeline.cli.test_cli_review import ratchet\nraise SystemExit(ratchet(*{command!r}))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return opened.read_text().strip()


def test_open_gives_the_page_to_the_browser(root: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    opened = opened_by(monkeypatch, tmp_path, "review", "--open", "--root", str(root))
    assert opened == (root / "runs" / "span-2-bb-1" / "review.html").as_uri()


def test_history_opens_an_index_that_is_written_now(
    root: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    index = root / "runs" / "index.html"
    index.write_text("of yesterday")
    opened = opened_by(monkeypatch, tmp_path, "history", "--open", "--json", "--root", str(root))
    assert opened == index.as_uri()
    assert "span-2-bb-1" in index.read_text()


def test_diff_opens_its_page_and_says_where_it_is(root: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    page = root / "runs" / "diff-span-1-aa-1-span-2-bb-1.html"
    assert opened_by(monkeypatch, tmp_path, "diff", "span-1", "span-2", "--open", "--root", str(root)) == page.as_uri()
    assert "span-2-bb-1" in page.read_text()


def test_diff_says_what_differs_as_text_and_as_json(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert ratchet("diff", "span-1", "span-2", "--root", str(root)) == 0
    assert "PUSHED" in capsys.readouterr().out
    assert ratchet("diff", "span-1", "span-2", "--root", str(root), "--json") == 0
    assert last_line(capsys)["verdicts"] == ["PUSHED", "BLOCKED"]
    assert not list((root / "runs").glob("*.html"))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_an_index_in_a_directory_that_nobody_may_write_is_an_input_error(root: Path) -> None:
    (root / "runs").chmod(0o555)
    try:
        with pytest.raises(InputError, match="cannot be written"):
            ratchet("history", "--open", "--root", str(root))
    finally:
        (root / "runs").chmod(0o755)


@pytest.mark.parametrize("command", ["history", "status", "review"])
def test_a_root_that_is_none_is_an_input_error(tmp_path: Path, command: str) -> None:
    with pytest.raises(InputError, match="no such directory"):
        ratchet(command, "--root", str(tmp_path / "nowhere"))


@pytest.mark.parametrize("command", ["history", "status", "review"])
def test_no_command_starts_tensorflow(root: Path, command: str) -> None:
    code = (
        "import sys\nfrom ratchet.pipeline.cli.root import add_root_commands\n"
        "from ratchet.pipeline.terminal.arguments import Parser\n"
        "parser = Parser()\nadd_root_commands(parser.add_subparsers())\n"
        f"arguments = parser.parse_args([{command!r}, '--root', {str(root)!r}])\n"
        "arguments.command(arguments)\n"
        f"sys.exit(str([name for name in {sorted(HEAVY)!r} if name in sys.modules] or ''))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stderr.strip() == ""
