"""templates/nightly/ratchet_dag.py, parsed and run by Airflow itself; `make airflow` installs it for this."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.kills.tiny import Tiny
from tests.templates.nightly import REPOSITORY, TEMPLATES, Place

AIRFLOW = REPOSITORY / ".tools/airflow/bin/airflow"
pytestmark = pytest.mark.skipif(not AIRFLOW.exists(), reason="`make airflow` installs Airflow")


class Airflow:
    """A place of Airflow with our DAG alone."""

    def __init__(self, directory: Path, place: Place) -> None:
        self.home = directory / "airflow"
        (self.home / "dags").mkdir(parents=True)
        text = (TEMPLATES / "ratchet_dag.py").read_text()
        # `dags test` would wait ten minutes for another try.
        (self.home / "dags" / "ratchet_dag.py").write_text(text.replace("minutes=10", "seconds=1"))
        settings = {"AIRFLOW_HOME": str(self.home), "AIRFLOW__CORE__LOAD_EXAMPLES": "False"}
        self._environment = {**os.environ, **settings, "RATCHET_HOME": str(place.directory)}
        self.give("db", "migrate")

    def give(self, *words: str) -> subprocess.CompletedProcess[str]:
        command = [str(AIRFLOW), *words]
        return subprocess.run(command, env=self._environment, capture_output=True, text=True, check=False)

    def night(self, day: str) -> str:
        """The state in which our task ends."""
        done = self.give("dags", "test", "ratchet_nightly", day)
        states = re.findall(r"Task instance state updated .*new_state=(\w+)", done.stdout + done.stderr)
        assert states, done.stdout + done.stderr
        return states[-1]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    return Place(tmp_path_factory.mktemp("airflow") / "place")


@pytest.fixture(scope="module")
def airflow(tmp_path_factory: pytest.TempPathFactory, place: Place) -> Airflow:
    return Airflow(tmp_path_factory.mktemp("home"), place)


def test_it_is_parsed(airflow: Airflow) -> None:
    done = airflow.give("dags", "list-import-errors", "--output", "json")
    assert done.stdout.splitlines()[-1] == "[]", done.stdout + done.stderr


@pytest.mark.parametrize(
    ("code", "day", "state"),
    [(0, "2026-11-01", "success"), (3, "2026-11-02", "skipped"), (2, "2026-11-03", "failed")],
)
def test_an_exit_code_means_to_airflow_what_is_documented(
    airflow: Airflow, place: Place, code: int, day: str, state: str
) -> None:
    place.ends_with(code)
    assert airflow.night(day) == state


@pytest.mark.tensorflow
def test_a_real_night_trains_and_the_next_has_nothing_to_do(airflow: Airflow, place: Place) -> None:
    world = Tiny(place.directory)
    world.make_data()
    world.data.rename(place.directory / "spans")
    command = f'PYTHONPATH={REPOSITORY} exec {sys.executable} -m ratchet "$@" --config {world.config} --bootstrap'
    place.set_program(f"#!/bin/sh\n{command}\n")
    assert airflow.night("2026-11-04") == "success"
    [result] = (place.directory / "root" / "runs").glob("*/result.json")
    assert json.loads(result.read_text())["verdict"] == "BOOTSTRAPPED"
