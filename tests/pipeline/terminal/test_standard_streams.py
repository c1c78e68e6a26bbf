"""Output that is closed, full or not read, and Ctrl-C: seen from outside, in a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ratchet.schemas.artifacts.decisions import Verdict
from tests.pipeline.roots import add_run

ROOT = Path(__file__).resolve().parents[3]
COMMAND = [sys.executable, "-c", "from ratchet.pipeline.cli.main import main; raise SystemExit(main())"]
ENVIRONMENT = os.environ | {"PYTHONPATH": str(ROOT)}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With a history of more than a pipe holds."""
    root = tmp_path_factory.mktemp("root")
    for day in range(1, 32):
        add_run(root, f"span-{day}-aa-1", Verdict.BLOCKED, day, report="x" * 4000)
    return root


def shell(line: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs a line of shell, in which `"$@"` is the command."""
    given = ["bash", "-c", line, "bash", *COMMAND, *arguments]
    return subprocess.run(given, capture_output=True, text=True, env=ENVIRONMENT, check=False)


def test_when_the_reader_leaves_the_command_ends_without_a_word(root: Path) -> None:
    for reader in ("head -c 300", "true"):
        line = f'"$@" | {reader} > /dev/null; echo "${{PIPESTATUS[0]}}"'
        done = shell(line, "history", "--json", "--root", str(root))
        assert (done.stdout, done.stderr) == ("141\n", "")
    assert shell('"$@" 2>&1 | true; exit "${PIPESTATUS[0]}"', "history", "--root", str(root)).returncode == 141


def test_help_that_nobody_reads_to_its_end_leaves_no_traceback() -> None:
    done = shell('"$@" | true', "--help")
    assert done.stderr == ""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs Linux's device that is always full")
def test_output_that_cannot_be_written_is_an_error_and_not_a_traceback(root: Path) -> None:
    for arguments in (("history", "--json"), ("status",)):
        done = shell('"$@" > /dev/full', *arguments, "--root", str(root))
        assert done.returncode == 1
        assert done.stderr.startswith("ratchet: standard output: No space left on device; ")
        assert done.stderr.count("\n") == 1
    assert shell('"$@" > /dev/full 2> /dev/full', "status", "--root", str(root)).returncode == 1


def test_closed_streams_neither_fail_nor_catch_what_goes_into_files(root: Path, tmp_path: Path) -> None:
    assert shell('"$@" >&-', "history", "--root", str(root)).returncode == 0
    out = tmp_path / "digits"
    done = shell('"$@" <&- >&- 2>&-', "digits", "--span", "1", "--images", "1", "--out", str(out))
    assert done.returncode == 0
    assert (out / "span-1" / "annotations.json").read_text().startswith("{")
    assert shell('"$@" >&- 2>&-', "status", "--root", str(root / "nowhere")).returncode == 2


ARGUMENTS = [
    ["status", "--root"],
    ["run", "--config", "digits", "--data"],
    ["convert", "--out", "o", "--from"],
    ["status"],
    [],
]


@pytest.mark.parametrize("arguments", ARGUMENTS)
def test_arguments_reach_no_terminal_raw(arguments: list[str], tmp_path: Path) -> None:
    given = [*COMMAND, *arguments, b"a\x1b[2J\xff"]
    done = subprocess.run(given, capture_output=True, env=ENVIRONMENT, cwd=tmp_path, check=False)
    assert done.returncode == 2
    assert b"\x1b" not in done.stderr
    assert rb"a\x1b[2J" in done.stderr
    assert done.stderr.count(b"\n") == 1


def test_a_current_directory_that_is_gone_is_named(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    done = shell(f'cd {gone}; rmdir {gone}; "$@"', "digits", "--span", "1", "--images", "1", "--out", "x")
    assert done.returncode == 2
    assert "the current directory is gone" in done.stderr
    assert "Traceback" not in done.stderr


WORKING = """
import sys, threading
from ratchet.pipeline.cli import main as cli

def work(arguments):
    threading.Thread(target=threading.Event().wait).start()  # never ends, like those of Beam
    try:
        print("working", flush=True)
        threading.Event().wait()
    finally:
        if arguments.wait:  # cleaning up, which never ends either
            print("cleaning", flush=True)
            threading.Event().wait()

def parser():
    made = cli.Parser(prog="ratchet")
    made.add_argument("--wait", action="store_true")
    made.set_defaults(command=work, needs=None)
    return made

cli._parser = parser
sys.exit(cli.main())
"""


def working(*arguments: str, sent: signal.Signals = signal.SIGINT) -> subprocess.Popen[str]:
    """A command that goes on until it is interrupted."""
    pipe = subprocess.PIPE
    given = [sys.executable, "-c", WORKING, *arguments]
    process = subprocess.Popen(given, stdout=pipe, stderr=pipe, text=True, env=ENVIRONMENT)
    assert process.stdout is not None
    assert process.stdout.readline() == "working\n"
    process.send_signal(sent)
    return process


def test_ctrl_c_ends_with_one_line_although_a_thread_goes_on() -> None:
    process = working()
    _, printed = process.communicate()
    assert process.returncode == 130
    assert printed.startswith("ratchet: interrupted; ")
    assert printed.count("\n") == 1


def test_a_second_ctrl_c_ends_the_process_at_once() -> None:
    process = working("--wait")
    assert process.stdout is not None
    assert process.stdout.readline() == "cleaning\n"
    process.send_signal(signal.SIGINT)
    _, printed = process.communicate()
    assert (process.returncode, printed) == (-signal.SIGINT, "")


def test_sigterm_ends_with_one_line_although_a_thread_goes_on() -> None:
    process = working(sent=signal.SIGTERM)
    _, printed = process.communicate()
    assert process.returncode == 143
    assert printed.startswith("ratchet: ended by SIGTERM; ")
    assert printed.count("\n") == 1


def test_a_second_sigterm_ends_the_process_at_once() -> None:
    process = working("--wait", sent=signal.SIGTERM)
    assert process.stdout is not None
    assert process.stdout.readline() == "cleaning\n"
    process.send_signal(signal.SIGTERM)
    _, printed = process.communicate()
    assert (process.returncode, printed) == (-signal.SIGTERM, "")


INTERRUPTED_AT_ONCE = """
import sys

class CtrlC:
    @staticmethod
    def find_spec(name, *_):
        if name == "ratchet.pipeline.cli.main":
            raise KeyboardInterrupt

sys.meta_path.insert(0, CtrlC)
from ratchet.pipeline.cli.entry import main
sys.exit(main())
"""


def test_ctrl_c_while_modules_are_imported_is_one_line() -> None:
    given = [sys.executable, "-c", INTERRUPTED_AT_ONCE]
    done = subprocess.run(given, capture_output=True, text=True, env=ENVIRONMENT, check=False)
    assert (done.returncode, done.stderr) == (130, "ratchet: interrupted before it did anything\n")


def test_the_program_runs_a_command() -> None:
    given = [sys.executable, "-c", "from ratchet.pipeline.cli.entry import main; raise SystemExit(main())", "--version"]
    done = subprocess.run(given, capture_output=True, text=True, env=ENVIRONMENT, check=True)
    assert done.stdout.startswith("ratchet ")
