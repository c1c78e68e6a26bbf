"""What `make image` hands to podman, and what it takes as an answer; podman itself is not called here."""

from __future__ import annotations

import json
import os
import sys
import types
from pathlib import Path

import pytest

from tests.image.bases import mirror_in
from tests.image.build import JOB, main
from tests.image.engine import Engine, seconds_until
from tests.image.inside import executors, has_stale_bytecode, import_failures
from tests.image.machine import build_arguments, merged_pip_configuration, paths_in
from tests.image.task import command_of

LISTED = """:env:.cert='/etc/a.crt'
:env:.default-timeout='180'
global.cert='/etc/b.crt'
global.extra-index-url='file:///x/simple https://example.invalid/simple'
install.no-deps='true'
list.format='columns'
"""


def test_one_configuration_says_what_files_and_variables_of_pip_say() -> None:
    assert merged_pip_configuration(LISTED).splitlines() == [
        "[global]",
        "cert = /etc/a.crt",
        "extra-index-url = file:///x/simple",
        "    https://example.invalid/simple",
        "no-deps = true",
        "default-timeout = 180",
    ]


def test_what_a_configuration_speaks_of_is_mounted_read_only_and_itself_is_a_secret(tmp_path: Path) -> None:
    for name in ("index/simple", "index/files", "wheels"):
        (tmp_path / name).mkdir(parents=True)
    configuration = (
        f"[global]\nextra-index-url = file://{tmp_path}/index/simple\nfind-links = {tmp_path}/wheels {tmp_path}/no"
    )
    assert paths_in(configuration) == [f"{tmp_path}/index", f"{tmp_path}/wheels"]
    arguments = build_arguments(configuration, tmp_path / "pip.conf")
    assert f"--secret=id=pip.conf,src={tmp_path}/pip.conf" in arguments
    assert (tmp_path / "pip.conf").read_text() == configuration
    assert f"--volume={tmp_path}/index:{tmp_path}/index:ro" in arguments
    assert not [argument for argument in arguments if argument.startswith(("--env", "--build-arg"))]


def test_a_mirror_is_that_of_apt() -> None:
    lines = "deb-src http://a/debian x\ndeb [signed-by=/k] http://b/debian trixie main\n"
    assert mirror_in(["", lines]) == "http://b/debian"
    assert mirror_in(["Types: deb\nURIs: http://c/debian-security\nURIs: http://d/debian\n"]) == "http://d/debian"
    assert mirror_in([]) == "http://deb.debian.org/debian"


def test_a_task_is_called_as_the_compiled_job_says() -> None:
    command = command_of(JOB, "/out")
    assert command[:3] == ["python", "-m", "ratchet.kubeflow.run_step"]
    assert command[command.index("--root") + 1] == "/out/root"
    request = json.loads(command[command.index("--json_serialized_invocation_args") + 1])
    assert request["inputs"]["parameterValues"]["schema_file"] == "/ratchet/schemas/detection.pbtxt"
    assert request["outputs"]["artifacts"]["schema"]["artifacts"][0]["uri"] == "/out/schema"
    assert len(executors(JOB)) >= 10


def test_time_is_taken_of_the_line_and_of_the_end() -> None:
    clock = iter([10.0, 11.0, 14.0])
    command = [sys.executable, "-c", "print('b'); print('a'); print('a')"]
    assert seconds_until(command, lambda line: line == "a\n", lambda: next(clock)) == (1.0, 4.0)


@pytest.mark.parametrize("script", ["print('a'); raise SystemExit(3)", "print('b')"])
def test_a_task_that_fails_or_says_nothing_is_no_measurement(script: str) -> None:
    with pytest.raises(RuntimeError, match=r"exit code [03]:\n[ab]\n"):
        seconds_until([sys.executable, "-c", script], lambda line: line == "a\n")


def test_imports_that_fail_and_those_that_are_swallowed_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "swallows_it.py").write_text("import sys\nsys.stderr.write('Error importing: no x')\nName = 1\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    failures = list(import_failures(["swallows_it.Name", "is_not_there.Name", "json.Nothing"]))
    assert "is_not_there.Name: No module named 'is_not_there'" in failures
    assert "json.Nothing: module 'json' has no attribute 'Nothing'" in failures
    assert "an import that was swallowed: Error importing: no x" in failures


def test_bytecode_of_another_time_is_stale(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    source, cached = tmp_path / "m.py", tmp_path / "m.pyc"
    module = types.ModuleType("m")
    source.write_text("")
    module.__dict__.update(__file__=str(source), __cached__=str(cached))
    assert has_stale_bytecode(module)
    cached.write_bytes(b"\0" * 8 + int(source.stat().st_mtime).to_bytes(4, "little") + b"\0" * 4)
    assert not has_stale_bytecode(module)
    os.utime(source, (1, 1))
    assert has_stale_bytecode(module)


def test_podman_has_a_store_of_its_own(tmp_path: Path) -> None:
    command = Engine(tmp_path / "s", tmp_path / "r").run("image", ["x"], ["--volume=a:b"])
    assert command[:5] == ["podman", "--root", str(tmp_path / "s"), "--runroot", str(tmp_path / "r")]
    assert command[-3:] == ["--volume=a:b", "image", "x"]


def test_where_podman_cannot_run_that_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([], lambda: "podman is missing") == 2
    assert capsys.readouterr().out == "skipped: podman is missing\n"


@pytest.mark.parametrize("arguments", [["--base", "x"], ["--python", "3.12"]])
def test_bases_that_cannot_be_made_are_asked_for(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(arguments, lambda: None)
    assert "--build-base" in capsys.readouterr().err
