from __future__ import annotations

from pathlib import Path

import pytest

from ratchet.components.trainer.model.model_settings import AnchorSettings, ModelSettings
from ratchet.pipeline.config.pipeline_settings import PipelineSettings, load_config
from ratchet.schemas.base.errors import ConfigError
from ratchet.schemas.base.settings import from_json, to_json


def load(directory: Path, text: str, *overrides: str) -> PipelineSettings:
    file = directory / "mine.yaml"
    file.write_text(text)
    return load_config(file, overrides)


def test_the_word_auto_stands_for_a_size_and_for_anchors(tmp_path: Path) -> None:
    settings = load(tmp_path, "model: {input_size: auto, anchors: auto}\n")
    assert (settings.model.input_size, settings.model.anchors) == ("auto", "auto")
    assert from_json(PipelineSettings, to_json(settings)) == settings


def test_values_are_read_as_before(tmp_path: Path) -> None:
    text = "model: {input_size: [256, 384], anchors: {num_scales: 2, aspect_ratios: [0.5, 1], size: 3}}\n"
    model = load(tmp_path, text).model
    assert model.fixed_input_size == (256, 384)
    assert model.fixed_anchors == AnchorSettings(num_scales=2, aspect_ratios=(0.5, 1.0), size=3.0)
    assert from_json(ModelSettings, to_json(model)) == model


def test_auto_replaces_a_value_on_the_command_line(tmp_path: Path) -> None:
    text = "model: {input_size: [256, 384], anchors: {size: 3}}\n"
    assert load(tmp_path, text, "model.anchors=auto", "model.input_size=auto").model == ModelSettings(
        anchors="auto", input_size="auto"
    )


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("input_size: automatic", "model.input_size = \"automatic\": input should be [height, width] in px or 'auto'"),
        ("input_size: 512", "model.input_size = 512: input should be [height, width] in px or 'auto'"),
        ("input_size: [512, '512']", 'model.input_size.1 = "512": input should be a valid integer'),
        ("input_size: [0, 512]", "model.input_size.0 = 0: input should be greater than or equal to 1"),
        ("input_size: [100, 128]", "model.input_size = [100, 128]: each side must be a multiple of 128 "),
        ("anchors: Auto", "model.anchors = \"Auto\": input should be a group of settings or 'auto'"),
        ("anchors: [1, 2]", "model.anchors = [1, 2]: input should be "),
        ("anchors: ", "model.anchors = null: input should be a group of settings or 'auto'"),
        ("anchors: {size: 0}", "model.anchors.size = 0: input should be greater than 0"),
        ("anchors: {size: auto}", 'model.anchors.size = "auto": input should be a valid number'),
        ("anchors: {aspect_ratios: [1, -2]}", "model.anchors.aspect_ratios.1 = -2: input should be greater than 0"),
        ("anchors: {aspect_ratios: []}", "model.anchors.aspect_ratios = []: "),
        ("anchors: {sizes: 3}", "unknown key 'model.anchors.sizes': "),
        ("{input_size: auto, min_level: 5, max_level: 4}", "model.max_level = 4: must be at least min_level = 5"),
    ],
)
def test_a_wrong_value_is_one_error_under_the_users_own_key(tmp_path: Path, model: str, message: str) -> None:
    text = f"model: {model}\n" if model.startswith("{") else f"model:\n  {model}\n"
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, text)
    assert str(caught.value).startswith(f"{tmp_path / 'mine.yaml'}: {message}")


def test_what_is_not_derived_yet_cannot_be_used() -> None:
    model = ModelSettings(input_size="auto", anchors="auto")
    with pytest.raises(ConfigError, match=r"model\.input_size = 'auto'"):
        _ = model.fixed_input_size
    with pytest.raises(ConfigError, match=r"model\.anchors = 'auto'"):
        _ = model.fixed_anchors
