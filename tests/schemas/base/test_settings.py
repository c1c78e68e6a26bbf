from __future__ import annotations

import dataclasses

import pytest

from ratchet.components.trainer.settings import TrainerSettings
from ratchet.schemas.base.errors import ConfigError
from ratchet.schemas.base.settings import from_json, load, parse_yaml, paths_of, to_json, with_overrides


def error(values: dict, source: str = "x.yaml") -> str:
    with pytest.raises(ConfigError) as caught:
        load(TrainerSettings, values, source)
    return str(caught.value)


def test_a_typo_names_the_file_the_key_and_the_nearest_known_one() -> None:
    message = error({"model": {"backbon": {}}})
    assert "x.yaml" in message
    assert "'model.backbon'" in message
    assert "did you mean 'backbone'" in message
    assert "did you mean 'num_scales'" in error({"model": {"anchors": {"num_scale": 3}}})


def test_a_key_of_another_group_is_named_with_its_group() -> None:
    assert "did you mean 'training.batch_size'?" in error({"batch_size": 8})
    assert "did you mean 'training.retrain.epochs'?" in error({"training": {"epochs": 3}})


def test_every_setting_has_a_path() -> None:
    paths = paths_of(TrainerSettings)
    assert len(paths) == len(set(paths))
    assert {"augmentation", "training.batch_size", "training.retrain.replay", "model.anchors.num_scales"} <= set(paths)
    assert "training" not in paths


def test_a_key_like_no_other_lists_the_known_ones() -> None:
    assert "known keys here: accumulate, allow, average, batch_size" in error({"training": {"zzzzz": 1}})


@pytest.mark.parametrize(
    ("values", "parts"),
    [
        ({"training": {"batch_size": "16"}}, ["training.batch_size", '"16"', "integer"]),
        ({"training": {"batch_size": True}}, ["training.batch_size", "true", "integer"]),
        ({"training": {"batch_size": 0}}, ["training.batch_size", "0", "greater than or equal to 1"]),
        ({"training": {"retrain": {"learning_rate_fraction": 0}}}, ["learning_rate_fraction", "0", "greater than 0"]),
        ({"model": {"input_size": [100, 128]}}, ["model.input_size", "[100, 128]", "multiple of 128"]),
        ({"model": {"input_size": [128]}}, ["model.input_size.1", "required"]),
        ({"model": {"backbone": {"type": "mobilnet"}}}, ["model.backbone.type", '"mobilnet"', "'mobilenet'"]),
        ({"augmentation": "flip"}, ["augmentation", '"flip"', "'flip-v1'"]),
        ({"model": 3}, ["model", "3"]),
    ],
)
def test_a_wrong_value_names_key_value_and_what_is_allowed(values: dict, parts: list[str]) -> None:
    message = error(values)
    for part in parts:
        assert part in message


def test_settings_cannot_be_changed() -> None:
    settings = load(TrainerSettings, {}, "x.yaml")
    with pytest.raises(dataclasses.FrozenInstanceError):
        settings.augmentation = "flip-v1"  # pyright: ignore[reportAttributeAccessIssue]


def test_json_keeps_every_setting() -> None:
    values = {"model": {"anchors": {"aspect_ratios": [0.66]}}, "training": {"init_checkpoint": "a/b"}}
    settings = load(TrainerSettings, values, "x.yaml")
    assert from_json(TrainerSettings, to_json(settings)) == settings


def test_yaml_reads_an_exponent_without_a_dot_as_a_number() -> None:
    assert parse_yaml("a: 1e-3\nb: 2E4\nc: -3e+2\nd: e3", "x") == {"a": 0.001, "b": 20000.0, "c": -300.0, "d": "e3"}


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("a: [1", "not valid YAML"),
        ("- 1", "expected a mapping"),
        ("a: 1\nb:\n  c: 1\n  c: 2", "'c' is given twice (line 4)"),
    ],
)
def test_bad_yaml_names_the_file_and_the_fault(text: str, part: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_yaml(text, "x.yaml")
    assert "x.yaml" in str(caught.value)
    assert part in str(caught.value)


def test_overrides_win_and_leave_the_original_alone() -> None:
    values = {"training": {"batch_size": 16, "seed": 1}}
    assert with_overrides(values, ["training.batch_size=8", "data_gate.mode=observe"]) == {
        "training": {"batch_size": 8, "seed": 1},
        "data_gate": {"mode": "observe"},
    }
    assert values == {"training": {"batch_size": 16, "seed": 1}}


@pytest.mark.parametrize("override", ["training.batch_size", "=3", "training.batch_size.x=3"])
def test_a_malformed_override_is_named(override: str) -> None:
    with pytest.raises(ConfigError, match="--set"):
        with_overrides({"training": {"batch_size": 16}}, [override])
