"""Real SavedModels, whole and damaged, loaded in a fresh process."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ratchet.components.detector.serving_check import check_serving
from ratchet.schemas.artifacts.serving_probe import ServingProbe
from ratchet.schemas.data.columns import DetectionColumns
from tests.builders import detections

ROOT = Path(__file__).resolve().parents[3]
pytestmark = pytest.mark.tensorflow
IMAGES = (b"0.9,8,16,24,32", b"0.5,1,2,30,40", b"0.7,5,5,9,9")  # score, ymin, xmin, ymax, xmax


def save(directory: Path, scale: float = 1.0) -> Path:
    """A SavedModel with the signatures of ours; it finds what is written in an image, times its only weight."""
    import tensorflow as tf

    module: Any = tf.Module()
    module.scale = tf.Variable(tf.constant(scale))

    def found(image_bytes: Any) -> dict[str, Any]:
        numbers = tf.strings.to_number(tf.strings.split(image_bytes, ",").to_tensor())
        return {
            "detection_boxes": numbers[:, None, 1:] * module.scale,
            "detection_classes": tf.ones([tf.shape(numbers)[0], 1], tf.int32),
            "detection_scores": numbers[:, :1],
            "num_detections": tf.ones([tf.shape(numbers)[0]], tf.int32),
        }

    def found_in(examples: Any) -> dict[str, Any]:
        wanted = {"image/encoded": tf.io.FixedLenFeature([], tf.string)}
        return found(tf.io.parse_example(examples, wanted)["image/encoded"])

    module.serve = tf.function(found, input_signature=[tf.TensorSpec([None], tf.string, name="image_bytes")])
    module.parse = tf.function(found_in, input_signature=[tf.TensorSpec([None], tf.string, name="examples")])
    signatures = {"serving_default": module.serve, "image_bytes": module.serve, "tf_example": module.parse}
    tf.saved_model.save(module, str(directory), signatures=signatures)
    return directory


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save(tmp_path_factory.mktemp("model"))


@pytest.fixture
def probe(tmp_path: Path) -> Path:
    rows = [[float(number) for number in image.split(b",")] for image in IMAGES]
    found = [detections([[x, y, x2 - x, y2 - y]], scores=[score]) for score, y, x, y2, x2 in rows]
    names = tuple(f"{place}.png" for place in range(len(IMAGES)))
    (tmp_path / "probe.npz").write_bytes(ServingProbe(("cat",), names, IMAGES, DetectionColumns.of(found)).to_bytes())
    return tmp_path / "probe.npz"


def in_this_process(directory: str, probe_file: str) -> subprocess.CompletedProcess[str]:
    from ratchet.components.detector import answers

    lines: list[str] = []
    answers.main([directory, probe_file], lines.append)
    return subprocess.CompletedProcess([], 0, "".join(lines), "")


def test_a_whole_model_answers_from_any_directory_and_whatever_the_run_had_in_its_environment(
    model: Path, probe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TF_CONFIG", json.dumps({"cluster": {"worker": ["nowhere:1", "nowhere:2"]}, "task": {}}))
    reason = check_serving(str(model), probe.name)
    assert reason.passed, reason.actual
    assert reason.actual.startswith("serving_default, image_bytes, tf_example: 3 detections")


def test_variables_that_were_damaged_fail(model: Path, probe: Path, tmp_path: Path) -> None:
    shutil.copytree(model, tmp_path / "damaged")
    [data] = (tmp_path / "damaged" / "variables").glob("variables.data-*")
    content = bytearray(data.read_bytes())
    content[0] ^= 255
    data.write_bytes(bytes(content))
    reason = check_serving(str(tmp_path / "damaged"), str(probe))
    assert not reason.passed
    assert "it cannot be loaded (" in reason.actual


@pytest.mark.parametrize("name", ["saved_model.pb", "variables/variables.index"])
def test_a_file_that_is_missing_fails(model: Path, probe: Path, tmp_path: Path, name: str) -> None:
    shutil.copytree(model, tmp_path / "damaged")
    (tmp_path / "damaged" / name).unlink()
    reason = check_serving(str(tmp_path / "damaged"), str(probe), run=in_this_process)
    assert not reason.passed
    assert "it cannot be loaded (" in reason.actual


def test_other_weights_than_those_measured_fail(probe: Path, tmp_path: Path) -> None:
    reason = check_serving(str(save(tmp_path / "other", scale=1.1)), str(probe), run=in_this_process)
    assert not reason.passed
    assert "0.png: cat with score 0.9000 at [16.0, 8.0, 16.0, 16.0] was measured and is not answered" in reason.actual


def test_a_signature_that_cannot_read_the_images_fails(model: Path, tmp_path: Path) -> None:
    unreadable = ServingProbe(("cat",), ("0.png",), (b"no numbers",), DetectionColumns.of([detections([])]))
    (tmp_path / "probe.npz").write_bytes(unreadable.to_bytes())
    reason = check_serving(str(model), str(tmp_path / "probe.npz"), run=in_this_process)
    assert not reason.passed
    assert reason.actual.startswith("serving_default, one image at a time: InvalidArgumentError: ")


def test_the_process_needs_tensorflow_alone(model: Path, probe: Path) -> None:
    names = ("tfx", "official", "keras", "tf_keras", "apache_beam", "ml_metadata", "tensorflow_data_validation")
    code = (
        "import runpy, sys\n"
        "runpy.run_module('ratchet.components.detector.answers', run_name='__main__')\n"
        f"print('loaded', *(name for name in {names} if sys.modules.get(name)))"
    )
    command = [sys.executable, "-c", code, str(model), str(probe)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    answers, loaded = done.stdout.strip().splitlines()
    assert "answers" in json.loads(answers)
    assert loaded == "loaded"
