"""Which settings `run` and `check` take, with and without --config, and what a root remembers of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ratchet.pipeline.config.pipeline_settings import load_config, load_settings
from ratchet.pipeline.root.root_file import read_file
from ratchet.pipeline.root.root_settings import Remembered, configure_check, configure_run, record_root
from ratchet.schemas.artifacts.adoption import ADOPTED, ADOPTION_FILE, ADOPTION_FORMAT
from ratchet.schemas.artifacts.root_file import ROOT_FILE
from ratchet.schemas.artifacts.training_record import RECORD_FILE, TRAINING_RECORD_FORMAT
from ratchet.schemas.base.errors import ConfigError, StateError
from tests.builders import training_record
from tests.components.trainer.test_adopted import without_plan
from tests.pipeline.roots import serve

MODEL = {"input_size": [128, 128], "max_level": 5, "anchors": {"num_scales": 2}}
WEBHOOK = "https://hooks.example.org/services/secret"


def config(directory: Path, **values: Any) -> str:
    """A configuration file of the pipeline `digits`, which is what `serve` serves."""
    file = directory / "my.yaml"
    file.write_text(json.dumps({"name": "digits", "model": MODEL} | values))
    return str(file)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A root that serves a model and was run with `config(...)`."""
    root = tmp_path / "root"
    serve(root, "100", "span-1-aa-1", 1)
    made = config(tmp_path, training={"seed": 7}, evaluator={"margin": 0.01})
    (root / ROOT_FILE).write_text(
        json.dumps({"format": 1, "name": "digits", "config": made, "settings": json.loads(Path(made).read_text())})
    )
    return root


def test_without_a_config_the_roots_settings_are_taken_and_set_comes_on_top(root: Path) -> None:
    made = configure_run(root, None, ["evaluator.margin=0.02"])
    assert made.settings.name == "digits"
    assert made.settings.training.seed == 7
    assert made.settings.evaluator.margin == 0.02
    assert made.settings.model.max_level == 5
    assert configure_check(root, None, ["evaluator.margin=0.02"]) == made.settings


@pytest.mark.parametrize("configure", [configure_run, configure_check])
def test_a_wrong_set_is_named_whatever_it_comes_on_top_of(root: Path, tmp_path: Path, configure: Any) -> None:
    for made in (None, config(tmp_path)):
        for given in ("training.batch_size=many", "model.experiment=nothing"):
            with pytest.raises(ConfigError, match=r"^--set: (training|model)\."):
                configure(root, made, [given])


def test_set_is_not_remembered(root: Path) -> None:
    record_root(root, configure_run(root, None, ["evaluator.margin=0.02"]).remembered)
    assert configure_run(root, None, []).settings.evaluator.margin == 0.01


def test_other_settings_may_change_and_become_the_roots(root: Path, tmp_path: Path) -> None:
    changed = config(tmp_path, training={"seed": 8}, augmentation="flip-scale-v1")
    record_root(root, configure_run(root, changed, []).remembered)
    settings = configure_run(root, None, []).settings
    assert (settings.training.seed, settings.augmentation, settings.evaluator.margin) == (8, "flip-scale-v1", 0.0)


def test_what_a_configuration_does_not_say_of_name_and_model_the_root_says(root: Path, tmp_path: Path) -> None:
    file = tmp_path / "small.yaml"
    file.write_text("training: {seed: 9}")
    settings = configure_run(root, str(file), []).settings
    assert (settings.name, settings.model.max_level, settings.training.seed) == ("digits", 5, 9)


@pytest.mark.parametrize("configure", [configure_run, configure_check])
def test_another_name_is_refused_with_both(root: Path, tmp_path: Path, configure: Any) -> None:
    with pytest.raises(ConfigError) as error:
        configure(root, config(tmp_path, name="cells"), [])
    assert f"--config {tmp_path}/my.yaml: name = 'cells', but {root} belongs to the pipeline 'digits'" in str(
        error.value
    )
    assert "change the name to 'digits'" in str(error.value)
    with pytest.raises(ConfigError, match=r"^--set: name = 'cells', but .* leave --set out"):
        configure(root, None, ["name=cells"])


@pytest.mark.parametrize("configure", [configure_run, configure_check])
def test_another_model_is_refused_with_both_values(root: Path, tmp_path: Path, configure: Any) -> None:
    other = config(tmp_path, model={**MODEL, "anchors": {"num_scales": 3}})
    with pytest.raises(
        ConfigError, match=r"my\.yaml: model\.anchors\.num_scales = 3, but the model of .* has 2, .* to 2"
    ):
        configure(root, other, [])
    with pytest.raises(
        ConfigError, match=r"^--set: model\.input_size = \[64, 64\], but the model of .* has \[128, 128\]"
    ):
        configure(root, None, ["model.input_size=[64,64]"])


def test_a_first_model_after_an_adoption_may_be_another_than_the_one_that_was_blocked(
    root: Path, tmp_path: Path
) -> None:
    other = config(tmp_path, model={**MODEL, "max_level": 6})
    with pytest.raises(ConfigError, match=r"model\.max_level = 6, but the model of"):
        configure_run(root, other, [])
    adoption = {ADOPTION_FILE: ADOPTION_FORMAT.write(without_plan())}
    serve(root, "200", "adoption", 2, files=adoption, verdict=ADOPTED)
    made = configure_run(root, other, [])
    assert record_root(root, made.remembered).settings["model"]["max_level"] == 6


def test_the_model_that_is_served_may_be_gone_on_with_although_the_newest_run_had_another(
    root: Path, tmp_path: Path
) -> None:
    of_served, of_neither = ({**MODEL, "max_level": level} for level in (6, 7))
    record = TRAINING_RECORD_FORMAT.write(training_record(model=of_served))
    serve(root, "200", "span-2-bb-1", 2, files={RECORD_FILE: record})
    assert configure_run(root, config(tmp_path, model=of_served), []).settings.model.max_level == 6
    with pytest.raises(ConfigError, match=r"model\.max_level = 7, but the model of"):
        configure_run(root, config(tmp_path, model=of_neither), [])


def test_post_processing_is_no_other_model_and_is_remembered(root: Path, tmp_path: Path) -> None:
    changed = {"nms_iou_threshold": 0.6, "max_detections": 300, "score_threshold": 0.01}
    made = configure_run(root, None, [f"model.{name}={value}" for name, value in changed.items()])
    record_root(root, made.remembered)
    model = configure_run(root, None, []).settings.model
    assert {name: getattr(model, name) for name in changed} == changed
    in_a_file = config(tmp_path, model={**MODEL, "score_threshold": 0.2})
    assert configure_run(root, in_a_file, []).settings.model.score_threshold == 0.2


def test_auto_agrees_with_every_model(root: Path, tmp_path: Path) -> None:
    auto = config(tmp_path, model={"input_size": "auto", "max_level": 5, "anchors": "auto"})
    assert configure_run(root, auto, []).settings.model.input_size == "auto"


def test_until_a_model_is_served_name_and_model_may_change(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    record_root(root, configure_run(root, config(tmp_path), []).remembered)
    other = config(tmp_path, name="cells", model={"max_level": 6})
    record_root(root, configure_run(root, other, []).remembered)
    assert configure_run(root, None, []).settings.name == "cells"


def test_name_and_model_are_remembered_even_from_set(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    made = configure_run(root, config(tmp_path), ["name=cells", "model.max_level=4", "training.seed=9"])
    record_root(root, made.remembered)
    settings = configure_run(root, None, []).settings
    assert (settings.name, settings.model.max_level, settings.training.seed) == ("cells", 4, 0)


def test_a_fresh_root_needs_a_config_for_a_run_and_none_for_a_check(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"--config is missing.* digits, mobile"):
        configure_run(tmp_path / "root", None, [])
    assert configure_check(tmp_path / "root", None, ["data_gate.mode=observe"]).data_gate.mode == "observe"


def test_a_root_of_the_first_versions_needs_no_config(tmp_path: Path) -> None:
    serve(tmp_path, "100", "span-1-aa-1", 1)
    assert configure_check(tmp_path, None, []) == configure_run(tmp_path, None, []).settings == load_config("digits")
    record_root(tmp_path, configure_run(tmp_path, None, []).remembered)
    there = read_file(tmp_path)
    assert there is not None
    assert (there.name, there.config) == ("digits", "digits")


def test_a_setting_that_this_version_does_not_know_is_named_with_the_way_out(root: Path, tmp_path: Path) -> None:
    values = json.loads((root / ROOT_FILE).read_text())
    values["settings"]["training"]["sead"] = 3
    (root / ROOT_FILE).write_text(json.dumps(values))
    with pytest.raises(ConfigError, match=r"settings of .*root: unknown key 'training.sead'.*give --config FILE"):
        configure_run(root, None, [])
    assert configure_run(root, config(tmp_path), []).settings == load_settings({"name": "digits", "model": MODEL}, ())


def test_a_damaged_file_stops_a_run_whatever_is_given(root: Path, tmp_path: Path) -> None:
    (root / ROOT_FILE).write_text("{")
    for given in (None, config(tmp_path)):
        with pytest.raises(StateError, match="doctor --repair"):
            configure_run(root, given, [])


def test_it_is_written_only_where_something_changed(root: Path) -> None:
    remembered = configure_run(root, None, []).remembered
    record_root(root, remembered)
    before = (root / ROOT_FILE).stat()
    record_root(root, remembered)
    assert (root / ROOT_FILE).stat().st_ino == before.st_ino
    moved = root.with_name("moved")
    root.rename(moved)
    assert record_root(moved, remembered).path == str(moved)
    assert (moved / ROOT_FILE).stat().st_ino != before.st_ino


def test_a_root_that_got_another_model_meanwhile_is_left_alone(root: Path) -> None:
    before = (root / ROOT_FILE).read_bytes()
    with pytest.raises(ConfigError, match=r"--config late: name = 'cells', but"):
        record_root(root, Remembered({"name": "cells", "model": MODEL}, "late"))
    assert (root / ROOT_FILE).read_bytes() == before


def test_a_url_is_not_written_and_a_run_without_it_is_refused(root: Path, tmp_path: Path) -> None:
    urls = ["env:HOOK", WEBHOOK, f"env:{WEBHOOK}"]
    made = configure_run(root, config(tmp_path, notify={"urls": urls}), [])
    assert made.settings.notify.urls == tuple(urls)
    record_root(root, made.remembered)
    text = (root / ROOT_FILE).read_text()
    assert "secret" not in text
    assert "env:HOOK" in text
    with pytest.raises(ConfigError, match=r"notify\.urls\[1\]: .* give --config .*my\.yaml, or .*env:NAME"):
        configure_run(root, None, [])
    again = configure_run(root, None, ["notify.urls=['env:OTHER']"])
    record_root(root, again.remembered)
    with pytest.raises(ConfigError, match=r"notify\.urls\[1\]"):
        configure_run(root, None, [])
    assert configure_check(root, None, []).notify.urls == ("env:HOOK",)
    record_root(root, configure_run(root, config(tmp_path, notify={"urls": ["env:HOOK"]}), []).remembered)
    assert configure_run(root, None, []).settings.notify.urls == ("env:HOOK",)


def test_of_a_trainer_of_ones_own_the_model_group_says_nothing(root: Path, tmp_path: Path) -> None:
    """Whether another trainer may follow is for `training.allow` to say, beside what is served."""
    own = config(tmp_path, model={"input_size": [256, 256]}, training={"run_fn": "mine.train.run_fn"})
    made = configure_run(root, own, [])
    assert made.settings.training.run_fn == "mine.train.run_fn"
    record_root(root, made.remembered)
    back = configure_run(root, config(tmp_path), ["training.allow=[trainer]"])
    assert (back.settings.training.run_fn, back.settings.model.max_level) == (None, 5)
