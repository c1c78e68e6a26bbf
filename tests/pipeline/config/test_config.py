from __future__ import annotations

from pathlib import Path

import pytest

from ratchet.pipeline.config.pipeline_settings import CONFIG_DIRECTORY, PipelineSettings, load_config
from ratchet.schemas.base.errors import ConfigError
from ratchet.schemas.base.settings import from_json, to_json


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


def test_a_backbone_that_is_none_is_answered_with_those_that_are() -> None:
    with pytest.raises(ConfigError, match=r"model\.backbone\.type = \"yolo\": .*'dilated_resnet'.*'vit'"):
        load_config("digits", ["model.backbone.type=yolo"])


@pytest.mark.parametrize("value", ["{}", "null", "[1, a]", "[true]", "[[1]]"])
def test_an_option_of_a_backbone_is_a_plain_value(value: str) -> None:
    with pytest.raises(ConfigError, match=r"model\.backbone\.options\.model_id = .*: must be text, a number"):
        load_config("digits", [f"model.backbone.options.model_id={value}"])


@pytest.mark.parametrize("value", ["50", "x", "0.5", "true", "[1, 2]"])
def test_options_of_a_backbone_come_back_from_json(value: str) -> None:
    settings = load_config("digits", [f"model.backbone.options.some={value}"])
    assert from_json(PipelineSettings, to_json(settings)) == settings
    assert settings.model.backbone.options["model_id"] == 10


def test_the_nasfpn_decoder_asks_for_the_levels_it_was_made_for() -> None:
    with pytest.raises(ConfigError, match=r"model\.decoder = 'nasfpn': was made for levels 3 to 7, not min_level = 3"):
        load_config("digits", ["model.decoder=nasfpn"])


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("training.batch_size=many", r'^--set: training\.batch_size = "many"'),
        ("training.bath_size=8", r"^--set: unknown key 'training\.bath_size': did you mean"),
        ("notify.urls=5", r"^--set: notify\.urls: must be a list of texts"),
        ("model.experiment=nothing", r"^--set: model\.experiment = 'nothing': no experiment"),
        ("data.exif=sideways", r'^--set: data\.exif = "sideways"'),
    ],
)
def test_what_set_says_wrongly_is_not_blamed_on_the_file(given: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "my.yaml").write_text("training: {batch_size: 4}\n")
    with pytest.raises(ConfigError, match=said):
        load_config(tmp_path / "my.yaml", ["training.seed=5", given])


def test_a_wrong_value_of_the_file_is_blamed_on_it_also_beside_a_wrong_set(tmp_path: Path) -> None:
    (tmp_path / "my.yaml").write_text("training: {batch_size: few}\n")
    for overrides in ([], ["training.seed=5"], ["training.seed=five"]):
        with pytest.raises(ConfigError, match=r'my\.yaml: training\.batch_size = "few"'):
            load_config(tmp_path / "my.yaml", overrides)
    assert load_config(tmp_path / "my.yaml", ["training.batch_size=4"]).training.batch_size == 4
