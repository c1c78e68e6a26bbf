"""Roots that a full disk, another owner or a stranger left: every command ends in words, never in a traceback."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ratchet.pipeline.cli.main import main
from ratchet.schemas.artifacts.decisions import Verdict
from tests.builders import write_span
from tests.pipeline.roots import add_run, add_unfinished, serve

Spoil = Callable[[Path], None]
RUN = "runs/span-3-aa-1"
SAID_BY = ["--by", "Ana", "--reason", "checked"]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Two models that were served and a run that was blocked."""
    root = tmp_path / "root"
    for day, verdict in enumerate((Verdict.BOOTSTRAPPED, Verdict.PUSHED, Verdict.BLOCKED), 1):
        add_run(root, f"span-{day}-aa-1", verdict, day)
    serve(root, "100", "span-1-aa-1", 1)
    serve(root, "200", "span-2-aa-1", 2)
    return root


def version(name: str, is_file: bool = False) -> Spoil:
    """Something beside the versions."""

    def spoil(root: Path) -> None:
        path = root / "serving" / "digits" / name
        path.write_text("x") if is_file else path.mkdir()

    return spoil


def instead(name: str, content: str | bytes | None) -> Spoil:
    """Other content of a file, or nothing in its place."""

    def spoil(root: Path) -> None:
        _remove(root / name)
        if content is not None:
            (root / name).write_bytes(content if isinstance(content, bytes) else content.encode())

    return spoil


def directory(name: str) -> Spoil:
    """An empty directory in the place of what was there."""

    def spoil(root: Path) -> None:
        _remove(root / name)
        (root / name).mkdir()

    return spoil


def circle(name: str) -> Spoil:
    """A symbolic link to itself in the place of what was there."""

    def spoil(root: Path) -> None:
        _remove(root / name)
        (root / name).symlink_to(root / name)

    return spoil


def fifo(name: str) -> Spoil:
    """A FIFO in the place of what was there."""

    def spoil(root: Path) -> None:
        _remove(root / name)
        os.mkfifo(root / name)

    return spoil


def result(**fields: Any) -> Spoil:
    """Other values in the result of the last run."""

    def spoil(root: Path) -> None:
        file = root / RUN / "result.json"
        file.write_text(json.dumps(json.loads(file.read_text()) | fields))

    return spoil


def odd_runs(root: Path) -> None:
    add_unfinished(root, "\x1b[2J\nx", 4)
    os.mkdir(os.fsencode(root) + b"/runs/\xff")
    (root / "runs" / "file").write_text("x")


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


DIGITS = ("007", "0", "00", "1_000", "٣", "²", "-5", "1e3", " 300", "9" * 30, "300", "unfinished-3")
TORN: tuple[str | bytes, ...] = (b"", "{", "[]", "null", '"x"', b"\xff\xfe", '{"version": "200"}')
SPOILT: dict[str, Spoil] = {
    **{f"directory {name}": version(name) for name in DIGITS},
    **{f"file {name}": version(name, is_file=True) for name in ("123", "999", "٣")},
    **{f"served.json {content!r}": instead("registry/served.json", content) for content in TORN},
    **{f"version {content!r}": instead("registry/versions/200.json", content) for content in TORN},
    **{f"index {content!r}": instead("registry/versions/index.json", content) for content in TORN},
    **{f"result {content!r}": instead(f"{RUN}/result.json", content) for content in (*TORN, "[" * 100_000)},
    **{
        f"no {name}": instead(name, None)
        for name in ("registry", "serving", "serving/digits", "runs", "registry/versions", "serving/digits/200", RUN)
    },
    **{
        f"file {name}": instead(name, b"")
        for name in ("registry", "serving", "serving/digits", "runs", "registry/versions", "serving/digits/200", RUN)
    },
    **{
        f"directory {name}": directory(name)
        for name in ("registry/served.json", "registry/versions/index.json", f"{RUN}/result.json", f"{RUN}/log.txt")
    },
    **{
        f"circle {name}": circle(name)
        for name in ("registry", "serving", "runs", "registry/served.json", f"{RUN}/result.json", RUN)
    },
    "fifo result": fifo(f"{RUN}/result.json"),
    "fifo log": fifo(f"{RUN}/log.txt"),
    "odd runs": odd_runs,
    **{
        f"result {fields}": result(**fields)
        for fields in (
            {"map": "x"},
            {"map": []},
            {"delta": "x"},
            {"delta_ci": ["a", "b"]},
            {"delta_ci": 5},
            {"ended_at": 5},
            {"run_id": 5},
            {"report": None},
            {"span": None},
            {"seconds": 5},
            {"observed": 5},
            {"verdict": "X"},
            {"reasons": [{}]},
            {"pushed_version": ["x"]},
        )
    },
}
COMMANDS = {
    "status": ["status"],
    "history": ["history"],
    "review": ["review"],
    "rollback": ["rollback", *SAID_BY],
    "run": ["run", "--set", "name=digits", "--set", "training.batch_size=10_000"],
}


@pytest.mark.parametrize("spoilt", SPOILT)
def test_every_command_ends_in_words(
    spoilt: str, root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    SPOILT[spoilt](root)
    data = tmp_path / "data"
    write_span(data / "span-1")
    write_span(data / "golden")
    for name, command in COMMANDS.items():
        # A run looks at the root, and then finds that the span is smaller than the batch.
        given = [*command, "--data", str(data)] if name == "run" else command
        code = main([*given, "--root", str(root), "--json"])
        captured = capsys.readouterr()
        assert code in (0, 2, 3, 4), (name, captured.err)
        assert "fault of Ratchet" not in captured.err
        assert captured.err.count("ratchet: ") <= 1
        assert "\x1b" not in captured.out + captured.err
        assert isinstance(json.loads(captured.out), dict)
