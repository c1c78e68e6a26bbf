"""A proposal is a configuration that can be used as it stands, and says where each value comes from."""

from __future__ import annotations

from typing import Any

import pytest

from ratchet.components.trainer.model.data_fit import coverage
from ratchet.pipeline.config.pipeline_settings import load_settings
from ratchet.pipeline.config.proposal.figures import DataFigures
from ratchet.pipeline.config.proposal.given import with_fitting_anchors, with_given
from ratchet.pipeline.config.proposal.machine import Machine
from ratchet.pipeline.config.proposal.yaml_text import to_yaml
from ratchet.schemas.base.errors import ConfigError
from ratchet.schemas.base.settings import parse_yaml, with_overrides
from tests.pipeline.config.proposal.figures import DIGITS, GIB, GPU, LAPTOP, STREET, SURVEY, figures, propose, scattered

SETS = [DIGITS, STREET, SURVEY]
MACHINES = [LAPTOP, GPU, Machine(24 * GIB, 8, gpus=4)]


@pytest.mark.parametrize("data", SETS)
@pytest.mark.parametrize("machine", MACHINES)
def test_the_file_reads_back_as_the_settings_that_were_proposed(data: DataFigures, machine: Machine) -> None:
    proposal = propose(data, machine)
    values = parse_yaml(to_yaml(proposal), "ratchet.yaml")
    assert values == proposal.values
    settings = load_settings(values, ())
    assert settings.name == "detector"
    assert settings.training.batch_size % max(machine.gpus, 1) == 0


@pytest.mark.parametrize("data", SETS)
def test_every_value_has_a_comment_above_it_or_above_its_group(data: DataFigures) -> None:
    lines = to_yaml(propose(data, LAPTOP)).splitlines()
    plain = [i for i, line in enumerate(lines) if line.strip() and not line.lstrip().startswith("#")]
    valued = [i for i in plain if not lines[i].endswith(":")]
    bare = [lines[i].strip().partition(":")[0] for i in valued if not lines[i - 1].lstrip().startswith("#")]
    assert set(bare) == {"head_convs", "head_filters", "epochs", "min_steps", "max_steps"}  # said with the first
    assert max(map(len, lines)) <= 120


def test_the_comments_have_the_figures() -> None:
    text = " ".join(line.strip(" #") for line in to_yaml(propose(SURVEY, LAPTOP)).splitlines())
    for figure in (
        "data/span-1 (300 images, 900 objects)",
        "8 cores with 16.0 GiB of free memory, no GPU",
        "all images are 4000 wide and 3000 high, shown at 0.26 of that",
        "boat 900",
        "At most 3 objects in an image, 3.0 in the mean",
        "About 30 of 300 images choose the checkpoint",
    ):
        assert figure in text


def test_photographs_get_other_settings_than_digits() -> None:
    digits, street, survey = (load_settings(propose(data, LAPTOP).values, ()) for data in SETS)
    assert digits.model.input_size == (128, 128)
    assert digits.augmentation == "none-v1"
    for photographs in (street, survey):
        assert photographs.model.fixed_input_size[1] >= 512
        assert photographs.model.backbone.type == "mobilenet"
        assert photographs.augmentation == "flip-scale-v1"
    assert street.model != survey.model


def test_batch_and_rate_are_those_of_all_gpus_together() -> None:
    one, four = (propose(STREET, Machine(24 * GIB, 8, gpus)).values["training"] for gpus in (1, 4))
    assert four["batch_size"] == 4 * one["batch_size"]
    assert four["bootstrap"]["peak_learning_rate"] == pytest.approx(
        2 * one["bootstrap"]["peak_learning_rate"], rel=0.05
    )


def test_what_no_setting_mends_is_said() -> None:
    assert not propose(STREET, LAPTOP).doubts
    [tiny, *_] = propose(SURVEY, LAPTOP).doubts
    assert "1.5 strides of the finest level" in tiny
    assert "tiles" in tiny
    crowded = figures((720, 1280), scattered(40, 80), objects_an_image=700, classes={"ant": 700, "bee": 3, "wasp": 9})
    assert [doubt.split(":")[0] for doubt in propose(crowded, LAPTOP).doubts] == [
        "an image has 700 objects, and training sees 500 of them",
        "class 'bee' has 3 objects (and 1 other class below 50)",
    ]
    assert propose(crowded, LAPTOP).values["model"]["max_detections"] == 1000


def test_memory_that_is_too_little_is_said() -> None:
    assert any("memory is enough for batches of 1" in doubt for doubt in propose(SURVEY, Machine(GIB, 1)).doubts)


def test_few_images_give_more_of_them_to_the_choice_of_the_checkpoint() -> None:
    few = propose(figures((720, 1280), scattered(40, 200), images=90), LAPTOP)
    assert few.values["data"]["eval_fraction"] == 0.28


def test_attributes_that_could_be_groups_are_named() -> None:
    text = to_yaml(propose(figures((720, 1280), scattered(40, 200), attributes={"camera": 12}), LAPTOP))
    assert "camera (12 values)" in text
    assert "group_by" in text


@pytest.mark.parametrize(
    "name", ["a\nmodel: {input_size: [1, 1]}", "x\r\nname: other", "\u2028name: y", "# a: b", "'\"{", "ключ"]
)
def test_names_of_others_cannot_become_settings(name: str) -> None:
    data = figures((720, 1280), scattered(40, 200), classes={name: 3, "car": 900})
    proposal = propose(data, LAPTOP)
    assert parse_yaml(to_yaml(proposal), "ratchet.yaml") == proposal.values


def test_settings_that_were_given_stand_in_it_as_they_were_given() -> None:
    proposal = propose(STREET, LAPTOP)
    given = with_given(proposal, ["model.input_size=[512, 512]", "model.score_threshold=0.2", "data_gate.mode=observe"])
    values = parse_yaml(to_yaml(given), "ratchet.yaml")
    expected: dict[str, Any] = {**proposal.values, "data_gate": {"mode": "observe"}}
    expected["model"] = {**expected["model"], "input_size": [512, 512], "score_threshold": 0.2}
    assert values == expected == given.values
    assert "# Given with --set." in to_yaml(given)
    with pytest.raises(ConfigError, match="expected key=value"):
        with_given(proposal, ["model"])


@pytest.mark.parametrize(
    "overrides",
    [
        [
            "training.seed=3",
            "training.retrain.replay=0.25",
            "training.bootstrap.steps=9",
            "training.validation.rounds=2",
        ],
        ["model={input_size: [512, 512], max_level: 5}"],
        [
            "evaluator.per_class={'traffic light: red': {drop: 0.1}, 'no': {drop: 0.2}}",
            "data.group_by=null",
        ],
        ["training.bootstrap={steps: 7}", "name=street", "retention.runs=3", "beam={args: ['--a b', 'null']}"],
        ["model.anchors.size=3", "model.backbone.options.model_id=MobileNetV2"],
    ],
)
def test_whatever_was_given_the_file_says_it_once(overrides: list[str]) -> None:
    proposal = propose(STREET, LAPTOP)
    given = with_given(proposal, overrides)
    assert given.values == with_overrides(proposal.values, overrides)
    assert parse_yaml(to_yaml(given), "ratchet.yaml") == given.values
    load_settings(given.values, ())


def test_an_experiment_that_was_given_takes_the_place_of_the_proposed_model() -> None:
    proposal = propose(STREET, LAPTOP)
    given = with_given(proposal, ["model.experiment=fasterrcnn_resnetfpn_coco", "model.max_detections=50"])
    assert given.values == {
        **proposal.values,
        "model": {"experiment": "fasterrcnn_resnetfpn_coco", "max_detections": 50},
    }
    model = load_settings(with_given(proposal, ["model.experiment=fasterrcnn_resnetfpn_coco"]).values, ()).model
    assert (model.family, list(model.fixed_input_size)) == ("faster_rcnn", [1024, 1024])
    assert with_fitting_anchors(given, model, STREET) == given
    assert any("batch size, steps and rate" in doubt for doubt in given.doubts)


def test_anchors_fit_the_input_that_was_given() -> None:
    given = with_given(propose(STREET, LAPTOP), ["model.input_size=[320, 320]"])
    fitting = with_fitting_anchors(given, load_settings(given.values, ()).model, STREET)
    assert fitting.values["model"]["anchors"] != given.values["model"]["anchors"]
    models = [load_settings(one.values, ()).model for one in (given, fitting)]
    before, after = (coverage(model, STREET.shapes).mean_iou for model in models)
    assert after > before
    assert f"mean best IoU {after:.2f}" in " ".join(line.strip(" #") for line in to_yaml(fitting).splitlines())


def test_anchors_that_were_given_stay_and_auto_goes_with_auto() -> None:
    def fitting(*overrides: str) -> Any:
        given = with_given(propose(STREET, LAPTOP), overrides)
        return with_fitting_anchors(given, load_settings(given.values, ()).model, STREET).values["model"]["anchors"]

    assert fitting("model.input_size=[320, 320]", "model.anchors.size=3.5")["size"] == 3.5
    assert fitting("model.input_size=auto") == "auto"
    assert fitting("model.score_threshold=0.3") == propose(STREET, LAPTOP).values["model"]["anchors"]
