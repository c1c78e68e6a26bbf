"""What a root is, where it does not say so: as roots of the first versions, or after damage."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from ratchet.pipeline.config.pipeline_settings import load_config, load_settings, read_config
from ratchet.pipeline.root.rebuild import has_lineage, read_root, rebuild
from ratchet.pipeline.root.root_file import is_moved
from ratchet.pipeline.root.roots import serving_name
from ratchet.schemas.artifacts.root_file import ROOT_FILE, ROOT_FILE_FORMAT
from ratchet.schemas.artifacts.training_record import (
    RECORD_FILE,
    TRAINING_RECORD_FORMAT,
    ContinualLearningRecord,
    LearningRateRecord,
    NumericsRecord,
)
from ratchet.schemas.base.errors import StateError
from ratchet.schemas.data.training_plan import TrainingPlan
from tests.builders import training_record
from tests.entry_file import entry_file
from tests.pipeline.root.test_root_file import root_file
from tests.pipeline.roots import add_unfinished, serve


def trained(root: Path, model: dict[str, Any], **fields: Any) -> None:
    """A served model of the pipeline `digits` with its training record."""
    served = serve(root, "200", "span-2-bb-1", 2)
    file = Path(served.path) / RECORD_FILE
    file.parent.mkdir()
    file.write_text(TRAINING_RECORD_FORMAT.write(training_record(model=model, **fields)))


def whole(model: dict[str, Any]) -> dict[str, Any]:
    return dataclasses.asdict(load_settings({"model": model}, ()).model)


def test_a_fresh_root_is_nothing_yet(tmp_path: Path) -> None:
    assert read_root(tmp_path / "nowhere") is None
    add_unfinished(tmp_path, "span-1-aa-1", 1)
    assert read_root(tmp_path) is None
    assert not has_lineage(tmp_path)
    with pytest.raises(StateError, match=r"neither registry/versions nor serving/ tells"):
        rebuild(tmp_path)


def test_the_preset_of_its_name_is_taken_if_it_describes_the_served_model(tmp_path: Path) -> None:
    trained(tmp_path, whole(read_config("digits")["model"]))
    derived = read_root(tmp_path)
    assert derived == rebuild(tmp_path)
    assert derived is not None
    assert (derived.name, derived.config) == ("digits", "digits")
    assert load_settings(derived.settings, ()) == load_config("digits")
    assert not is_moved(derived, tmp_path)
    assert not (tmp_path / ROOT_FILE).exists()


def test_the_served_models_post_processing_is_kept(tmp_path: Path) -> None:
    trained(tmp_path, whole({**read_config("digits")["model"], "score_threshold": 0.2}))
    derived = read_root(tmp_path)
    assert derived is not None
    assert derived.config == "digits"
    assert load_settings(derived.settings, ()) == load_config("digits", ["model.score_threshold=0.2"])


def test_another_model_of_the_same_name_tells_its_own_settings(tmp_path: Path) -> None:
    model = whole({"input_size": [256, 256]})
    rate = LearningRateRecord(0.002, 0.008, 25, 0.0004, 0.00016)
    continual = ContinualLearningRecord(replay=0.25, l2_sp=0.5, batch_norm="slow", freeze_backbone=True)
    trained(
        tmp_path,
        model,
        mode="retrain",
        augmentation="flip-scale-v1",
        learning_rate=rate,
        continual=continual,
        clip_norm=3.0,
        numerics=NumericsRecord("mixed_bfloat16", False, "sgd", 0.8, 0.0001, 2),
    )
    derived = rebuild(tmp_path)
    settings = load_settings(derived.settings, ())
    assert settings.name == "digits"
    assert whole({"input_size": [256, 256]}) == whole(dict(derived.settings["model"])) == model
    assert settings.augmentation == "flip-scale-v1"
    training = settings.training
    assert (training.clip_norm, training.precision, training.accumulate) == (3.0, "mixed_bfloat16", 2)
    assert (training.optimizer, training.momentum, training.weight_decay) == ("sgd", 0.8, 0.0001)
    assert settings.training.bootstrap.peak_learning_rate == 0.008
    retrain = settings.training.retrain
    assert retrain.learning_rate_fraction == pytest.approx(0.25)
    assert (retrain.l2_sp, retrain.batch_norm, retrain.freeze_backbone) == (0.5, "slow", True)
    assert retrain.replay == 0.5  # the default: of one span there is nothing to replay


def test_without_registry_the_served_directory_tells_name_and_model(tmp_path: Path) -> None:
    trained(tmp_path, whole({"input_size": [256, 256]}))
    for file in sorted((tmp_path / "registry").rglob("*.json")):
        file.unlink()
    (tmp_path / "serving" / "aaa").mkdir()
    derived = rebuild(tmp_path)
    assert derived.name == "digits"
    assert derived.settings["model"]["input_size"] == [256, 256]
    assert has_lineage(tmp_path)


def test_a_torn_entry_does_not_keep_the_others_from_telling(tmp_path: Path) -> None:
    serve(tmp_path, "100", "span-1-aa-1", 1)
    serve(tmp_path, "200", "span-2-bb-1", 2)
    entry_file(tmp_path, "versions/200.json").write_text('{"version": "2')
    assert rebuild(tmp_path).name == "digits"


def test_a_model_without_a_readable_record_still_tells_the_name(tmp_path: Path) -> None:
    serve(tmp_path, "200", "span-2-bb-1", 2)
    assert rebuild(tmp_path).name == "digits"


def test_the_file_counts_where_there_is_one(tmp_path: Path) -> None:
    serve(tmp_path, "200", "span-2-bb-1", 2)
    (tmp_path / ROOT_FILE).write_text(ROOT_FILE_FORMAT.write(root_file(tmp_path, name="cells")))
    there = read_root(tmp_path)
    assert there is not None
    assert there.name == "cells"


def test_a_copied_root_without_a_file_knows_where_it_was_written(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    made = serve(old, "200", "span-2-bb-1", 2)
    entry = entry_file(old, "versions/200.json")
    entry.write_text(json.dumps({**json.loads(entry.read_text()), "format": 1, "path": made.path}))  # as it once was
    old.rename(new)
    derived = rebuild(new)
    assert derived.path == str(old)
    assert is_moved(derived, new)


def test_the_name_in_the_file_tells_the_serving_directory_before_anything_is_served(tmp_path: Path) -> None:
    (tmp_path / "serving" / "aaa").mkdir(parents=True)
    (tmp_path / ROOT_FILE).write_text(ROOT_FILE_FORMAT.write(root_file(tmp_path, name="cells")))
    assert serving_name(tmp_path) == "cells"
    (tmp_path / ROOT_FILE).write_text("{")
    assert serving_name(tmp_path) == "aaa"


def test_a_model_of_a_trainer_of_ones_own_tells_that_one_and_its_options(tmp_path: Path) -> None:
    told = {"training.options.steps": "300", "training.options.names": '["a", "b"]', "report.note": "x"}
    plan = TrainingPlan("own trainer", "mine.train.run_fn", settings=told)
    trained(tmp_path, {"input_size": [64, 64]}, trainer="mine.train.run_fn", plan=plan)
    settings = rebuild(tmp_path).settings
    options = {"steps": 300, "names": ["a", "b"]}
    assert settings == {"name": "digits", "training": {"run_fn": "mine.train.run_fn", "options": options}}
    assert load_settings(settings, ()).training.options == options


def test_options_that_are_torn_are_left_out(tmp_path: Path) -> None:
    plan = TrainingPlan("own trainer", "mine.train.run_fn", settings={"training.options.steps": "{"})
    trained(tmp_path, {}, trainer="mine.train.run_fn", plan=plan)
    assert rebuild(tmp_path).settings["training"] == {"run_fn": "mine.train.run_fn"}
