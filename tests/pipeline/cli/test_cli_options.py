"""Where a command works: --root, RATCHET_ROOT, and no URI for a path."""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ratchet.pipeline.cli.main import _parser, main
from ratchet.pipeline.cli.options import RemoteRoot, from_anywhere, local, local_name, place, root_place
from ratchet.pipeline.terminal.program import program
from ratchet.schemas.artifacts.decisions import Verdict
from tests.pipeline.roots import add_run, serve

PATHS = {"--root", "--data", "--golden", "--out", "--dir", "--gt", "--dt", "--baseline-dt", "--report"}
PATHS |= {"--before", "--after", "--config-before", "--config-after", "--logs-before", "--logs-after"}
PATHS |= {"--train-before", "--train-after", "--before-on-train", "--on-train", "--on-new", "--on-earlier"}
PATHS |= {"--config", "--images", "--log", "--from", "--classes", "--faults", "--truth", "--key", "--like"}
PATHS |= {"--annotations", "--model", "--labels", "--pipeline-config", "--metrics"}


def options(parser: argparse.ArgumentParser, command: str = "ratchet") -> Iterator[tuple[str, argparse.Action]]:
    """Every option of every command."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, below in action.choices.items():
                yield from options(below, name)
        for flag in action.option_strings:
            yield f"{command} {flag}", action


ALL = list(options(_parser()))
# The commands that work on a root in Cloud Storage; a bench copies the root that it starts from.
ON_GS = ("adopt", "run", "check", "status", "history", "review", "approve", "rollback", "prune", "doctor", "diff")
ON_GS += ("shadow", "promote", "watch")
NO_PATHS = {"digits --golden", "digits --images", "digits --labels", "bench --images"}  # a flag and numbers
OF_PATHS = [(name, action) for name, action in ALL if name.split()[1] in PATHS and name not in NO_PATHS]


def test_every_option_that_takes_a_path_refuses_a_uri() -> None:
    assert {name.split()[1] for name, _ in OF_PATHS} == PATHS
    of_roots = {name for name, action in OF_PATHS if action.type is root_place}
    either = {name for name, action in OF_PATHS if action.type is place}
    local_ones = {name for name, action in OF_PATHS if action.type in (local, local_name)}
    assert {name for name, _ in OF_PATHS} == local_ones | of_roots | either
    assert of_roots == {f"{command} --root" for command in ON_GS}
    read_only = {"new-span --root", "new-span --data", "convert --from", "shadow --log"}
    assert either == read_only


def test_the_documents_name_the_commands_that_work_on_a_root_in_cloud_storage() -> None:
    page = (Path(__file__).parents[3] / "docs" / "command-line.md").read_text(encoding="utf-8")
    [named] = re.findall(r"^## A root on gs://\n\n(.*?) *\s?take ", page, re.MULTILINE | re.DOTALL)
    assert sorted(re.findall(r"`([\w-]+)`", named)) == sorted(ON_GS)


def test_no_option_is_a_path_that_this_test_does_not_know() -> None:
    assert [name for name, action in ALL if action.type is Path] == []
    assert [name for name, action in ALL if action.type in (local, local_name) and name.split()[1] not in PATHS] == []


@pytest.mark.parametrize("uri", ["gs://bucket/x", "s3://b", "file:///x", "http://h/x", "gs:/mangled", "HDFS://n/x"])
def test_a_uri_is_named_with_its_option(uri: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "--data", uri]) == 2
    assert f"argument --data: {uri} is a URI" in capsys.readouterr().err


@pytest.mark.parametrize(
    "uri", ["s3://b/r", "minio://b/r", "hdfs://n/r", "http://h/r", "file:///r", "gs:/b/r", "gs://"]
)
def test_a_root_of_another_store_is_refused_with_the_reason(uri: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status", "--root", uri]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"ratchet: argument --root: {uri}: ")
    assert "gs://BUCKET/" in error or "plain path" in error
    assert error.count("\n") == 1


def test_a_root_on_gs_is_no_path() -> None:
    assert root_place("gs://bucket/root/") == RemoteRoot("gs://bucket/root")
    assert root_place("gs/root") == Path("gs/root")


def test_paths_with_colons_are_paths() -> None:
    assert [local(text) for text in ("a:b", "x/gs://y", "2030-01-01T12:00/span", "c:/x")] == [
        Path(text) for text in ("a:b", "x/gs://y", "2030-01-01T12:00/span", "c:/x")
    ]


def test_an_empty_path_is_not_this_directory(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "--data", ""]) == 2
    assert "argument --data: is empty" in capsys.readouterr().err


@pytest.fixture
def root(tmp_path: Path) -> Path:
    add_run(tmp_path / "root", "span-1-aa-1", Verdict.BOOTSTRAPPED, 1)
    serve(tmp_path / "root", "100", "span-1-aa-1", 1)
    return tmp_path / "root"


def served(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(["status", "--json", *arguments]) == 0
    return json.loads(capsys.readouterr().out)["served"]["version"]


def test_the_environment_gives_the_root_and_the_option_wins(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RATCHET_ROOT", str(root))
    assert served(capsys) == "100"
    other = root.parent / "other"
    serve(other, "300", "span-1-aa-1", 1)
    assert served(capsys, "--root", str(other)) == "300"
    monkeypatch.chdir(root.parent)
    monkeypatch.setenv("RATCHET_ROOT", "")
    root.rename("ratchet-root")
    assert served(capsys) == "100"


def test_every_root_has_the_same_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RATCHET_ROOT", "somewhere")
    # A bench copies the root that it starts from, and makes one where none is given.
    roots = [action for name, action in options(_parser()) if name.endswith(" --root") and name != "bench --root"]
    assert len(roots) >= 7
    assert {action.default for action in roots} == {"somewhere"}
    assert all("RATCHET_ROOT" in str(action.help) for action in roots)


def test_a_uri_in_the_environment_is_named_as_such(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RATCHET_ROOT", "s3://bucket/root")
    assert main(["status"]) == 2
    error = capsys.readouterr().err
    assert "argument --root: s3://bucket/root: --root (from RATCHET_ROOT) cannot lie there" in error


def test_a_command_to_copy_means_the_same_in_every_directory_and_shell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.yaml").write_text("")
    monkeypatch.setattr(sys, "argv", ["pytest"])

    def copied(given: str, **values: Any) -> str:
        return from_anywhere(given, argparse.Namespace(**{"root": Path("ratchet-root"), **values}))

    here = str(tmp_path)
    shown = copied("ratchet run --data d --config mine.yaml --span 2", data=Path("d"), config="mine.yaml", span=2)
    assert shown == f"ratchet run --data {here}/d --config {here}/mine.yaml --span 2 --root {here}/ratchet-root"
    assert copied("ratchet run --config digits --root=x", config="digits") == (
        f"ratchet run --config digits --root={here}/x"
    )
    assert copied("ratchet run --data gs://bucket/d --root gs://b/r", data=Path("d")).endswith(
        "--data gs://bucket/d --root gs://b/r"
    )


def test_a_command_to_copy_names_the_program_by_its_whole_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "ratchet").write_text("")
    monkeypatch.chdir(tmp_path)
    for argv, expected in (
        ("ratchet", [str(tmp_path / "ratchet")]),
        ("x/ratchet/__main__.py", [sys.executable, "-m", "ratchet"]),
        ("pytest", ["ratchet"]),
    ):
        monkeypatch.setattr(sys, "argv", [argv])
        assert program() == expected


@pytest.mark.parametrize("command", [["status"], ["history"], ["review"], ["approve", "r"], ["rollback"]])
def test_a_missing_root_lists_those_that_are_near(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: list[str]
) -> None:
    demo = root.parent / "ratchet-demo"
    demo.mkdir()
    root.rename(demo / "root")
    monkeypatch.chdir(demo.parent)
    monkeypatch.delenv("RATCHET_ROOT", raising=False)
    signed = ["--by", "Ada", "--reason", "r"] if command[0] in ("approve", "rollback") else []
    expires = ["--expires", "2030-01-01"] if command[0] == "approve" else []
    assert main([*command, *signed, *expires]) == 2
    error = capsys.readouterr().err
    assert error.startswith("ratchet: --root ratchet-root: no ")
    assert error.endswith("near are --root ratchet-demo/root\n")
