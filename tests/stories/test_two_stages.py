"""A detector of tf-models' second family, from its experiment's file through first model, retraining and push."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.e2e.conftest import Command, command
from tests.kills.tiny import CONFIG, Tiny
from tests.nightly import by_night

pytestmark = [pytest.mark.tensorflow, by_night]  # by day tests/components/trainer/test_job_two_stages.py trains it

# What a file of official/vision says otherwise than fasterrcnn_resnetfpn_coco.
EXPERIMENT: dict[str, Any] = {
    "task": {
        "model": {
            "input_size": [128, 128, 3],
            "min_level": 3,
            "max_level": 4,
            "backbone": {"type": "resnet", "resnet": {"model_id": 10, "depth_multiplier": 0.25}},
            "decoder": {"type": "fpn", "fpn": {"num_filters": 16}},
            "anchor": {"aspect_ratios": [0.66], "anchor_size": 3.0},
            "rpn_head": {"num_filters": 16},
            "detection_head": {"num_convs": 1, "num_filters": 16, "fc_dims": 64},
            "roi_generator": {
                "num_proposals": 64,
                "test_num_proposals": 64,
                "pre_nms_top_k": 128,
                "test_pre_nms_top_k": 64,
            },
            "roi_sampler": {"num_sampled_rois": 32},
            "roi_aligner": {"crop_size": 4},
            "detection_generator": {"max_num_detections": 10},
        }
    },
    "trainer": {"train_steps": 22500},
}


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    made = Tiny(tmp_path_factory.mktemp("two-stages"))
    made.make_data()
    file = made.directory / "params.yaml"
    file.write_text(yaml.safe_dump(EXPERIMENT))
    config = yaml.safe_load(CONFIG)
    config["model"] = {"experiment": f"fasterrcnn_resnetfpn_coco+{file}"}
    made.config.write_text(yaml.safe_dump(config))
    return made


@pytest.fixture(scope="module")
def first(tiny: Tiny) -> Command:
    return run(tiny, 1, "--bootstrap")


@pytest.fixture(scope="module")
def second(tiny: Tiny, first: Command) -> Command:
    (tiny.directory / "params.yaml").unlink()  # the root remembers what it said
    return command("run", "--data", str(tiny.data), "--span", "2", "--root", str(tiny.root), "--json")


def run(tiny: Tiny, span: int, *options: str) -> Command:
    given = ["--config", str(tiny.config), "--data", str(tiny.data), "--root", str(tiny.root), "--json"]
    return command("run", *given, "--span", str(span), *options)


def test_a_first_model_and_its_retraining_are_served(first: Command, second: Command) -> None:
    results = [json.loads(made.out) for made in (first, second)]
    assert [(result["verdict"], made.code) for result, made in zip(results, (first, second))] == [
        ("BOOTSTRAPPED", 0),
        ("PUSHED", 0),
    ]


def test_the_root_remembers_the_detector_and_not_where_it_was_read(tiny: Tiny, second: Command) -> None:
    model = json.loads((tiny.root / "ratchet.json").read_text())["settings"]["model"]
    assert "experiment" not in model
    assert (model["family"], model["norm_epsilon"], model["two_stage"]["rois"]) == ("faster_rcnn", 0.0001, 32)


def test_the_page_shows_the_kind_of_detector(tiny: Tiny, second: Command) -> None:
    [page] = Path(tiny.root, "runs").glob("span-2-*/review.html")
    assert "faster_rcnn" in page.read_text()


def test_another_kind_of_detector_is_another_lineage(tiny: Tiny, second: Command) -> None:
    given = ["--data", str(tiny.data), "--span", "2", "--root", str(tiny.root), "--set", "model.family=retinanet"]
    refused = command("run", *given, "--set", "model.two_stage={}")
    assert refused.code == 2
    assert 'model.family = "retinanet"' in refused.err
