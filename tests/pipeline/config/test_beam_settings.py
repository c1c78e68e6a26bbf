"""The group `beam`, and what it has replaced."""

from __future__ import annotations

import json

import pytest

from ratchet.components.stack.beam_limits import parted
from ratchet.pipeline.config.pipeline_settings import PipelineSettings, load_settings
from ratchet.pipeline.run.preflight import asked_settings
from ratchet.schemas.artifacts.root_file import ROOT_FILE_FORMAT
from ratchet.schemas.artifacts.run_files import RUN_RECORD_FORMAT
from ratchet.schemas.base.errors import ConfigError
from tests.formats.kinds import golden_text

OLD = ["--direct_num_workers=4", "--direct_running_mode=multi_processing"]


def test_the_old_setting_is_one_error_that_gives_the_new_spelling() -> None:
    with pytest.raises(ConfigError, match=r"^my\.yaml: beam_args is now .*`beam: \{args: .*, or beam\.workers"):
        load_settings({"beam_args": OLD}, (), "my.yaml")
    with pytest.raises(ConfigError, match="beam_args is now"):
        load_settings({}, ["beam_args=[--x]"])


def test_workers_are_processes_of_this_machine() -> None:
    settings = load_settings({"beam": {"workers": 4}}, ())
    assert settings.beam.step_args == tuple(OLD)
    assert load_settings({}, ()).beam.step_args == ()


def test_the_time_limit_goes_to_the_steps() -> None:
    settings = load_settings({"beam": {"step_time_limit_minutes": 30, "setup_file": "/a/setup.py"}}, ())
    assert parted(settings.beam.step_args) == (["--setup_file=/a/setup.py"], 30)
    assert parted(load_settings({"beam": {"step_time_limit_minutes": None}}, ()).beam.step_args) == ([], None)


@pytest.mark.parametrize(
    ("beam", "said"),
    [
        ({"workers": 2, "args": ["--direct_num_workers=3"]}, "say the same"),
        ({"workers": 2, "args": ["--runner=FlinkRunner"]}, "starts processes on this machine"),
        ({"setup_file": "a", "args": ["--setup_file=b"]}, r"beam\.setup_file and --setup_file"),
    ],
)
def test_what_is_said_twice_is_refused(beam: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        load_settings({"beam": beam}, ())


def test_a_root_that_remembers_the_old_setting_goes_on_with_the_new_one() -> None:
    values = json.loads(golden_text("root_file", 3))
    values["settings"]["beam_args"] = OLD
    settings = ROOT_FILE_FORMAT.read(json.dumps(values), "ratchet.json").settings
    assert "beam_args" not in settings
    assert load_settings(settings, ()).beam.args == tuple(OLD)


def test_how_beam_runs_is_no_part_of_what_was_asked_for() -> None:
    asked = asked_settings(load_settings({"beam": {"workers": 4}}, ()))
    assert asked == asked_settings(PipelineSettings())
    values = json.loads(golden_text("run_request", 1))
    values["asked"]["settings"]["beam_args"] = OLD
    assert "beam_args" not in RUN_RECORD_FORMAT.read(json.dumps(values), "request.json").asked["settings"]
