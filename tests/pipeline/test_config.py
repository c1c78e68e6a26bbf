from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.config import CONFIG_DIRECTORY, PipelineSettings, load_config
from schemas.errors import ConfigError
from schemas.settings import from_json, to_json


@pytest.mark.parametrize("name", sorted(file.stem for file in CONFIG_DIRECTORY.glob("*.yaml")))
def test_every_config_that_comes_along_loads(name: str) -> None:
    settings = load_config(name)
    assert from_json(PipelineSettings, to_json(settings)) == settings


def test_a_file_of_the_users_own_and_overrides(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("training: {batch_size: 4}\n")
    settings = load_config(file, ["training.seed=7", "evaluator.margin=0.01"])
    assert (settings.training.batch_size, settings.training.seed, settings.evaluator.margin) == (4, 7, 0.01)


def test_a_missing_file_lists_the_names_that_exist() -> None:
    with pytest.raises(ConfigError, match=r"--config nowhere\.yaml: no such file; .*digits"):
        load_config("nowhere.yaml")


def test_a_typo_in_the_users_file_names_that_file(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("training: {batch_sise: 4}\n")
    with pytest.raises(ConfigError, match=r"mine\.yaml: unknown key 'training\.batch_sise': did you mean 'batch_size'"):
        load_config(file)


def test_a_pipeline_name_must_be_usable_as_a_directory_and_a_kubernetes_name(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="name"):
        load_config("digits", ["name=../up"])
