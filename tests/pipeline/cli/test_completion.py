"""What Tab offers: asked as argcomplete asks, and by a bash that has read what `ratchet completion` prints."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ratchet.pipeline.cli.completion import setting_names
from ratchet.pipeline.cli.main import main
from ratchet.pipeline.config.pipeline_settings import PipelineSettings
from ratchet.schemas.artifacts.decisions import Verdict
from ratchet.schemas.base.settings import paths_of
from tests.pipeline.roots import add_run, serve
from tests.test_architecture import HEAVY, ROOT

SEPARATOR = "\x0b"
SLOW = sorted({*HEAVY, "numpy", "scipy", "PIL", "pydantic", "yaml", "tabulate", "sqlite3"})
ENVIRONMENT = {
    **{name: value for name, value in os.environ.items() if not name.startswith(("RATCHET_", "_ARGCOMPLETE"))},
    "PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]),
}


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A directory with a root, a configuration and what is neither."""
    root = tmp_path / "ratchet-root"
    add_run(root, "span-1-aa-1", Verdict.BOOTSTRAPPED, 1)
    add_run(root, "span-2-bb-1", Verdict.PUSHED, 2)
    serve(root, "100", "span-1-aa-1", 1)
    serve(root, "200", "span-2-bb-1", 2)
    (tmp_path / "mine.yaml").touch()
    (tmp_path / "mine.txt").touch()
    (tmp_path / "spans").mkdir()
    return tmp_path


def offered(place: Path, line: str, program: tuple[str, ...] = ("-m", "ratchet"), **environment: str) -> list[str]:
    """What stands to choose from at the end of a line, by the protocol of argcomplete."""
    answer = place / "answer"
    asked = {
        **{"_ARGCOMPLETE": "1", "_ARGCOMPLETE_SHELL": "bash", "_ARGCOMPLETE_IFS": SEPARATOR},
        **{"COMP_LINE": line, "COMP_POINT": str(len(line)), "COMP_TYPE": "9", "_ARGCOMPLETE_SUPPRESS_SPACE": "1"},
        "_ARGCOMPLETE_STDOUT_FILENAME": str(answer),
    }
    done = subprocess.run(
        [sys.executable, *program],
        env={**ENVIRONMENT, **asked, **environment},
        cwd=place,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr, done.stdout) == (0, "", "")
    return [word for word in answer.read_text().split(SEPARATOR) if word]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("ratchet st", ["status"]),
        ("ratchet ro", ["rollback"]),
        ("ratchet schema ", ["infer"]),
        ("ratchet run --a", ["--anew", "--again"]),
        ("ratchet convert --exif ", ["refuse", "apply", "ignore"]),
        ("ratchet completion ", ["bash", "zsh", "fish"]),
        ("ratchet review span-", ["span-1-aa-1", "span-2-bb-1"]),
        ("ratchet approve --root ratchet-root span-2", ["span-2-bb-1"]),
        ("ratchet rollback --to ", ["100", "200"]),
        ("ratchet run --config m", ["mobile", "mine.yaml"]),
        ("ratchet run --set training.retrain.e", ["training.retrain.epochs="]),
        ("ratchet run --data s", ["spans/"]),
        ("ratchet run --span ", []),
        ("ratchet review --root nowhere span-", []),
        ("ratchet zzz", []),
    ],
)
def test_what_is_offered(place: Path, line: str, words: list[str]) -> None:
    found = offered(place, line)
    given = [word for word in found if not word.startswith("--") or line.endswith("--a")]
    assert sorted(given) == sorted(words)


def test_all_commands_are_offered_where_one_is_wanted(place: Path) -> None:
    assert {"run", "status", "approve", "config", "new-span", "completion"} <= set(offered(place, "ratchet "))


def test_ids_of_a_remote_root_are_those_that_were_fetched_and_no_network_is_asked(place: Path) -> None:
    from ratchet.pipeline.root import working_copy

    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("XDG_CACHE_HOME", str(place / "cache"))
        copy = working_copy.directory_of("gs://bucket/root")
    add_run(copy, "span-9-cc-1", Verdict.PUSHED, 3)
    line = "ratchet review --root gs://bucket/root span-"
    assert offered(place, line, XDG_CACHE_HOME=str(place / "cache")) == ["span-9-cc-1"]


@pytest.mark.parametrize("module", ["compile", "submit", "schedule", "vertex_model"])
def test_the_commands_of_kubeflow_are_completed_too(place: Path, module: str) -> None:
    program = ("-m", f"ratchet.kubeflow.{module}")
    line = f"ratchet.kubeflow.{module} {'create ' if module == 'schedule' else ''}--js"
    assert offered(place, line, program) == ["--json"]
    source = (ROOT / "kubeflow" / f"{module}.py").read_text(encoding="utf-8")
    assert "PYTHON_ARGCOMPLETE_OK" in source[:1024]


@pytest.mark.parametrize("file", ["pipeline/cli/entry.py", "ratchet/__main__.py"])
def test_the_program_is_marked_for_shells_that_complete_every_program(file: str) -> None:
    assert "PYTHON_ARGCOMPLETE_OK" in (ROOT / file).read_text(encoding="utf-8")[:1024]


@pytest.mark.parametrize("line", ["ratchet run --config ", "ratchet run --set training.", "ratchet review span-"])
def test_nothing_that_takes_long_is_imported(place: Path, line: str) -> None:
    code = (
        "import atexit, os, sys\n"
        "ended = os._exit\n"
        f"os._exit = lambda code: (print([n for n in {SLOW!r} if n in sys.modules]), sys.stdout.flush(), ended(code))\n"
        "from ratchet.pipeline.cli.entry import main\nmain()\n"
    )
    asked = {"_ARGCOMPLETE": "1", "_ARGCOMPLETE_SHELL": "bash", "COMP_LINE": line, "COMP_POINT": str(len(line))}
    given = {**ENVIRONMENT, **asked, "_ARGCOMPLETE_STDOUT_FILENAME": str(place / "answer")}
    done = subprocess.run(
        [sys.executable, "-c", code], env=given, cwd=place, capture_output=True, text=True, check=False
    )
    assert done.stdout == "[]\n"
    assert (place / "answer").read_text()


def test_the_names_of_settings_are_those_of_the_classes() -> None:
    assert setting_names() == paths_of(PipelineSettings)


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
@pytest.mark.parametrize(
    ("words", "expected"),
    [(["ratchet", "stat"], "status "), (["ratchet", "run", "--set", "retention.pa"], "retention.pages=")],
)
def test_a_bash_completes_with_what_the_command_prints(
    place: Path, words: list[str], expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["completion", "bash"]) == 0
    (place / "code.sh").write_text(capsys.readouterr().out)
    program = place / "ratchet"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m ratchet "$@"\n')
    program.chmod(0o755)
    line = " ".join(words)
    script = (
        "source code.sh\n"
        "spec=$(complete -p ratchet); function=${spec#*-F }; function=${function%% *}\n"
        f"COMP_WORDS=({line}) COMP_CWORD={len(words) - 1} COMP_LINE='{line}' COMP_POINT={len(line)} COMP_TYPE=9\n"
        f"$function ratchet '{words[-1]}' '{words[-2]}'\n"
        'printf "%s\\n" "${COMPREPLY[@]}"\n'
    )
    path = f"{place}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "--norc", "--noprofile", "-c", script],
        env={**ENVIRONMENT, "PATH": path},
        cwd=place,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.stderr) == (f"{expected}\n", "")


@pytest.mark.parametrize(("shell", "mark"), [("bash", "complete "), ("zsh", "compdef"), ("fish", "complete --command")])
def test_each_shell_gets_its_own_code(shell: str, mark: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", shell]) == 0
    told = capsys.readouterr().out
    assert mark in told
    assert "ratchet" in told
