"""templates/nightly: what systemd, cron and Airflow make of the files, and of every exit code."""

from __future__ import annotations

import re
import runpy
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from ratchet.pipeline.cli.main import _parser
from ratchet.schemas.artifacts.run_result import EXIT_CODES
from tests.templates.nightly import TEMPLATES, Place, commands

VERDICT_CODES = sorted(set(EXIT_CODES.values()))
CODES = [*VERDICT_CODES, 1, 2, 143]
UNITS = ("ratchet.service", "ratchet.timer", "ratchet-watch.service")


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path / "place")


def test_every_command_of_a_template_is_one_of_ours() -> None:
    given = commands()
    assert set(given) == {"ratchet.service", "ratchet-watch.service", "crontab"}
    for command in (*given.values(), list(dag_module([]).COMMAND[1:])):
        assert _parser().parse_args(command).command is not None


def service(name: str) -> dict[str, str]:
    """The section [Service] of a unit."""
    section = (TEMPLATES / name).read_text().partition("[Service]\n")[2].partition("\n[")[0]
    return dict(re.findall(r"^(\w+)=(.*)$", section, re.M))


def test_verdicts_are_successes_to_systemd_and_what_a_person_has_to_mend_is_not_repeated() -> None:
    assert {0, *map(int, service("ratchet.service")["SuccessExitStatus"].split())} == set(VERDICT_CODES)
    for name in ("ratchet.service", "ratchet-watch.service"):
        assert service(name)["RestartPreventExitStatus"] == "2"
        assert service(name)["Restart"] == "on-failure"
        assert service(name)["KillMode"] == "mixed"  # a second SIGTERM would kill what the first one lets save


def test_repeated_starts_of_one_night_do_not_use_up_that_of_the_next() -> None:
    """systemd counts the timer's starts too, within a window that begins with the first one."""
    unit = (TEMPLATES / "ratchet.service").read_text()
    [hours] = re.findall(r"^StartLimitIntervalSec=(\d+)h$", unit, re.M)
    [spread] = re.findall(r"^RandomizedDelaySec=(\d+)min$", (TEMPLATES / "ratchet.timer").read_text(), re.M)
    assert int(hours) + int(spread) / 60 < 24


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
class TestSystemd:
    @staticmethod
    def verify(place: Place, tmp_path: Path, change: tuple[str, str] = ("", "")) -> subprocess.CompletedProcess[str]:
        units = tmp_path / "units"
        units.mkdir()
        for name in UNITS:
            (units / name).write_text(place.text(name).replace(*change))
        paths = [str(units / name) for name in UNITS]
        return subprocess.run(["systemd-analyze", "verify", *paths], capture_output=True, text=True, check=False)

    def test_the_units_are_sound(self, place: Place, tmp_path: Path) -> None:
        done = self.verify(place, tmp_path)
        about_ours = [line for line in done.stderr.splitlines() if "ratchet" in line]
        assert (done.returncode, about_ours) == (0, [])

    @pytest.mark.parametrize(
        ("change", "said"),
        [
            (("RestartSec=", "RestartSecs="), "Unknown key"),
            (("OnCalendar=*-*-* 02:00:00", "OnCalendar=every night"), "Failed to parse calendar"),
            (("/bin/ratchet", "/bin/rachet"), "not executable"),
        ],
    )
    def test_a_fault_in_them_would_be_seen(
        self, place: Place, tmp_path: Path, change: tuple[str, str], said: str
    ) -> None:
        assert said in self.verify(place, tmp_path, change).stderr

    def test_the_timer_elapses_every_night(self) -> None:
        [calendar] = re.findall(r"^OnCalendar=(.*)$", (TEMPLATES / "ratchet.timer").read_text(), re.M)
        command = ["systemd-analyze", "calendar", "--iterations=3", "--base-time=2026-11-28 12:00:00", calendar]
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, env={"TZ": "UTC", "PATH": "/usr/bin:/bin"}
        )
        assert re.findall(r"2026-\d\d-\d\d \d\d:\d\d:\d\d", done.stdout)[:1] == ["2026-11-29 02:00:00"], done.stderr


class TestCron:
    @staticmethod
    def line(place: Place) -> tuple[str, str]:
        """When, and what."""
        lines = [line for line in place.text("crontab").splitlines() if re.match(r"[0-9*]", line)]
        [line] = lines
        fields = line.split(maxsplit=5)
        return " ".join(fields[:5]), fields[5]

    def test_the_time_is_one_and_no_percent_sign_ends_the_command(self, place: Place) -> None:
        when, command = self.line(place)
        assert when == "0 2 * * *"
        assert "%" not in command  # which cron takes for the end of a line

    @pytest.mark.parametrize("code", CODES)
    def test_a_mail_is_sent_of_what_a_person_has_to_see_to(self, place: Place, code: int) -> None:
        place.ends_with(code)
        (place.directory / "nightly.log").write_text("of the night before\n")
        done = subprocess.run(["/bin/sh", "-c", self.line(place)[1]], capture_output=True, text=True, check=False)
        if code in VERDICT_CODES:
            assert done.stdout == ""
        else:
            assert done.stdout.startswith(f"ratchet run: exit code {code}\nratchet run --data spans --only-new")
        assert done.stderr == ""
        assert "of the night before" not in (place.directory / "nightly.log").read_text()

    def test_a_night_that_begins_while_the_last_one_works_leaves_no_hole_in_the_log(self, place: Place) -> None:
        log = place.directory / "nightly.log"
        place.set_program(f"#!/bin/sh\necho long night; : >{log}; echo goes on; exit 1\n")
        done = subprocess.run(["/bin/sh", "-c", self.line(place)[1]], capture_output=True, text=True, check=False)
        assert log.read_bytes() == b"goes on\n"
        assert done.stdout == "ratchet run: exit code 1\ngoes on\n"


class AirflowError(Exception):
    """AirflowException."""


class AirflowFailError(AirflowError):
    """AirflowFailException, after which there is no other try."""


class AirflowSkipError(AirflowError):
    """AirflowSkipException."""


def dag_module(codes: list[int], home: str | None = None) -> Any:
    """The DAG's file as it is executed over stand-ins for Airflow, whose hook gives exit codes one after another."""

    class Hook:
        commands: list[tuple[list[str], str]] = []

        def run_command(self, command: list[str], cwd: str) -> Any:
            self.commands.append((command, cwd))
            return SimpleNamespace(exit_code=codes.pop(0))

    class Dag:
        def __init__(self, **settings: Any) -> None:
            self.settings = settings

        def __enter__(self) -> Dag:
            return self

        def __exit__(self, *_: object) -> None:
            pass

    class Operator:
        def __init__(self, task_id: str) -> None:
            self.task_id = task_id

    parts = {
        "airflow.sdk": {"DAG": Dag, "BaseOperator": Operator},
        "airflow.exceptions": {
            "AirflowException": AirflowError,
            "AirflowFailException": AirflowFailError,
            "AirflowSkipException": AirflowSkipError,
        },
        "airflow.providers.standard.hooks.subprocess": {"SubprocessHook": Hook},
    }
    stubs: dict[str, ModuleType] = {}
    for name, values in parts.items():
        steps = name.split(".")
        for end in range(1, len(steps) + 1):
            stubs.setdefault(".".join(steps[:end]), ModuleType(steps[end - 1]))
        vars(stubs[name]).update(values)
    with pytest.MonkeyPatch.context() as patch:
        for name, stub in stubs.items():
            patch.setitem(sys.modules, name, stub)
        if home is not None:
            patch.setenv("RATCHET_HOME", home)
        return SimpleNamespace(**runpy.run_path(str(TEMPLATES / "ratchet_dag.py")), hook=Hook)


@pytest.mark.parametrize("code", CODES)
def test_a_verdict_skips_a_mistake_fails_and_a_crash_is_tried_again_by_airflow(code: int) -> None:
    module = dag_module([code], home="/data/ratchet")
    task = module.RatchetRun("retrain")
    wanted = {0: None, 2: AirflowFailError, 3: AirflowSkipError, 4: AirflowSkipError}.get(code, AirflowError)
    if wanted is None:
        task.execute({})
    else:
        with pytest.raises(AirflowError) as ended:
            task.execute({})
        assert ended.type is wanted
    [(command, cwd)] = module.hook.commands
    assert (command[:2], cwd) == (["/data/ratchet/.venv/bin/ratchet", "run"], "/data/ratchet")


def test_a_dag_makes_one_run_a_night_and_makes_up_for_none() -> None:
    settings = dag_module([]).dag.settings
    assert (settings["catchup"], settings["max_active_runs"], settings["schedule"]) == (False, 1, "0 2 * * *")
