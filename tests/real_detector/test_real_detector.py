"""The preset `retinanet_resnetfpn_coco` itself, ResNet-50 at 640 px, through the whole pipeline on a processor.

    make real-detector

A first model and its retraining, a few steps of two images each. What is learned is nothing, so where the first model
is blocked by the test with shuffled detections, a person lets it into service. What is held is that every step of the
pipeline copes with a detector of the size that people serve, and in how much memory. A quarter of an hour of CPU time,
so it is left to the night.
"""

from __future__ import annotations

import datetime
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from ratchet.pipeline.demo.digits import DigitsOptions, write_digits
from tests.nightly import by_night

REPOSITORY = Path(__file__).resolve().parents[2]
SIDE_PX = 640
TIMES = SIDE_PX // 128  # as large as the scenes are drawn
STEPS = 4
# Measured: see docs/presets.md.
MOST_GIB = 6.0
SETTINGS = (
    "name=real",
    "training.batch_size=2",
    f"training.bootstrap.steps={STEPS}",
    f"training.retrain.min_steps={STEPS}",
    f"training.retrain.max_steps={STEPS}",
    "training.validation.rounds=2",
    "model.score_threshold=0.001",  # so that a model that knows nothing finds something, and is looked at for it
    "data.eval_fraction=0",
    "data.held_out_fraction=0",
    "data_gate.mode=observe",
    "evaluator.min_map=1.0e-9",  # a first model has to reach something
    "evaluator.margin=1",
    "evaluator.tolerance=null",
    "evaluator.class_drop=null",
    "evaluator.slice_drop=null",
    "evaluator.resamples=100",
    "evaluator.batch_size=2",
)

ASK = """
import json, sys
import tensorflow as tf
model = tf.saved_model.load(sys.argv[1])
image = open(sys.argv[2], "rb").read()
found = model.signatures["serving_default"](image_bytes=tf.constant([image]))
detect = model.signatures["detect"].structured_input_signature[1]["images"].shape
print(json.dumps({"boxes": found["detection_boxes"][0].numpy().tolist(), "count": int(found["num_detections"][0]),
                  "input": list(detect)[1:3]}))
"""


@dataclass(frozen=True)
class Ended:
    """A run in a process of its own.

    Attributes:
        result: what it printed.
        peak_gib: of resident memory, of the largest process.
        cpu_s: of all its processes.
    """

    result: dict[str, Any]
    peak_gib: float
    cpu_s: float


@dataclass(frozen=True)
class Night:
    """Both runs and their root."""

    root: Path
    first: Ended
    second: Ended


def write_scenes(directory: Path, options: DigitsOptions) -> None:
    """Digit scenes of 640 px: those of the demo, enlarged with their boxes."""
    write_digits(str(directory), options)
    file = directory / "annotations.json"
    document = json.loads(file.read_text())
    for image in document["images"]:
        picture = directory / "images" / image["file_name"]
        Image.open(picture).resize((SIDE_PX, SIDE_PX), Image.Resampling.BICUBIC).save(picture, quality=90)
        image.update(width=SIDE_PX, height=SIDE_PX)
    for entry in document["annotations"]:
        entry.update(bbox=[value * TIMES for value in entry["bbox"]], area=entry["area"] * TIMES**2)
    file.write_text(json.dumps(document))


def give(*words: str) -> Ended:
    """Gives a command in a process of its own."""
    command = [sys.executable, "-m", "ratchet", *words, "--json"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=REPOSITORY)
    assert process.stdout is not None
    out = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)  # wait() does not tell what this one child used
    process.returncode = os.waitstatus_to_exitcode(status)
    return Ended(json.loads(out), usage.ru_maxrss / 2**20, usage.ru_utime + usage.ru_stime)


def run(root: Path, data: Path, span: int, *options: str) -> Ended:
    settings = [word for setting in SETTINGS for word in ("--set", setting)]
    given = ["--config", "retinanet_resnetfpn_coco", "--data", str(data), "--span", str(span), "--root", str(root)]
    return give("run", *given, *settings, *options)


def approve(root: Path, run_id: str) -> Ended:
    expires = datetime.datetime.now(datetime.timezone.utc).date() + datetime.timedelta(days=30)
    signed = ["--by", "Ada", "--reason", "a model that knows nothing is what this test wants", "--evaluation-broken"]
    return give("approve", run_id, "--root", str(root), *signed, "--expires", expires.isoformat())


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> Night:
    directory = tmp_path_factory.mktemp("real")
    data, root = directory / "data", directory / "root"
    write_scenes(data / "golden", DigitsOptions(golden=True, images=12))
    for span in (1, 2):
        write_scenes(data / f"span-{span}", DigitsOptions(span=span, images=24))
    first = run(root, data, 1, "--bootstrap")
    if first.result["verdict"] == "BLOCKED":
        approve(root, first.result["run_id"])
    return Night(root, first, run(root, data, 2))


@by_night
def test_a_first_model_is_judged_and_a_retraining_of_it_too(night: Night) -> None:
    first, second = night.first.result, night.second.result
    assert first["verdict"] in ("BOOTSTRAPPED", "BLOCKED"), first
    assert first["map"] is not None
    assert second["verdict"] in ("PUSHED", "BLOCKED", "INCONCLUSIVE"), second
    assert second["baseline_map"] == pytest.approx(first["map"], abs=1e-6)
    assert {"DetectorTrainer", "MapEvaluator", "Diagnosis", "Review"} <= set(second["seconds"])


@by_night
def test_what_is_served_finds_boxes_in_an_image_of_640_px(night: Night) -> None:
    model = max((night.root / "serving" / "real").iterdir())
    picture = sorted((night.root.parent / "data" / "golden" / "images").iterdir())[0]
    done = subprocess.run(
        [sys.executable, "-c", ASK, str(model), str(picture)],
        capture_output=True,
        text=True,
        check=True,
        cwd=REPOSITORY,
    )
    answer = json.loads(done.stdout.splitlines()[-1])
    boxes, count = np.array(answer["boxes"]), answer["count"]
    assert answer["input"] == [SIDE_PX, SIDE_PX]
    assert count > 0
    assert boxes.shape == (100, 4)
    assert ((boxes[:count] >= 0) & (boxes[:count] <= SIDE_PX)).all()
    assert (boxes[:count, 2:] >= boxes[:count, :2]).all()
    assert boxes[:count].max() > SIDE_PX / 2  # px of the image, no fractions


@by_night
def test_both_runs_fit_into_the_memory_that_the_page_of_presets_names(night: Night) -> None:
    assert 2.0 < night.first.peak_gib < MOST_GIB
    assert 2.0 < night.second.peak_gib < MOST_GIB
