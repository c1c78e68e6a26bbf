"""A trainer of one's own that keeps the contract, and each way of not keeping it, told in one sentence."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ratchet.components.trainer.settings import TrainerSettings
from ratchet.schemas.artifacts.training_record import (
    LABELS_FILE,
    STATISTICS_FILE,
    TRAINING_IMAGES_FILE,
    TRAINING_SAMPLE_FILE,
    read_training_record,
)
from ratchet.schemas.base import settings as settings_io
from ratchet.schemas.base.errors import OwnTrainerError, RatchetError
from ratchet.schemas.base.files import LOCAL_FILES
from ratchet.schemas.data.feature_sample import FeatureSample
from ratchet.schemas.data.fingerprints import Fingerprints
from tests.components.trainer.spans import settings as tiny

pytestmark = pytest.mark.tensorflow

TRAINERS = Path(__file__).with_name("contract_trainers.py")


class Root:
    """A pipeline root with a trainer's module on Python's path."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        (directory / "statistics.pb").write_bytes(b"statistics")

    def train(self, function: str, examples: str, base: str = "", **training: Any) -> Path:
        from tfx.components.trainer.fn_args_utils import FnArgs

        from ratchet.components.trainer.own.run import run_fn

        training = {"run_fn": f"contract_trainers.{function}", **training}
        out = self.directory / f"{function}{'-again' if base else ''}"
        arguments: dict[str, Any] = {
            "train_files": [f"{examples}/Split-train/*"],
            "base_model": str(self.directory / base) if base else None,
            "serving_model_dir": str(out),
            "model_run_dir": f"{out}-log",
            "custom_config": {
                "settings": settings_io.to_json(settings_io.load(TrainerSettings, {"training": training}, "x")),
                "artifacts": str(self.directory),
                "statistics": str(self.directory / "statistics.pb"),
                "baseline_digest": "d" * 64 if base else "",
            },
        }
        run_fn(FnArgs(**arguments))
        return out


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Any:
    directory = tmp_path_factory.mktemp("own")
    shutil.copy(TRAINERS, directory)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(directory))
        yield Root(directory)


def found_by(model: Path, examples: str) -> dict[str, np.ndarray]:
    """What the model answers to two images of the span."""
    from ratchet.components.detector.served import ServedDetector, read_images

    files = sorted(str(file) for file in Path(examples, "Split-eval").iterdir())
    images = [encoded for _, encoded in next(read_images(files, 2))]
    return ServedDetector("exported", str(model)).serve(images)


def test_a_model_has_what_every_later_step_asks_for(root: Root, first_span: str) -> None:
    model = root.train("run_fn", first_span)
    record = read_training_record(str(model), LOCAL_FILES)
    assert (record.trainer, record.mode, record.span) == ("contract_trainers.run_fn", "bootstrap", 1)
    assert json.loads((model / LABELS_FILE).read_text()) == list("0123456789")
    assert (model / STATISTICS_FILE).read_bytes() == b"statistics"
    sample = FeatureSample.from_bytes((model / TRAINING_SAMPLE_FILE).read_bytes(), "sample")
    assert (len(sample), sample.embeddings.shape[1]) == (record.images, 0)
    assert len(Fingerprints.from_bytes((model / TRAINING_IMAGES_FILE).read_bytes(), "x")) == record.images


def test_progress_is_told_in_what_the_trainer_counts(caplog: pytest.LogCaptureFixture) -> None:
    from ratchet.components.trainer.own.task import Task

    task = object.__new__(Task)
    with caplog.at_level("INFO", "ratchet"):
        for progress in (task.progress("training", 2), task.progress("training", 2, "images")):
            progress.update(1)
            progress.update(2)
    ends = [message.split()[-1] for message in caplog.messages if message.startswith("training 2/2")]
    assert ends == ["steps/s", "images/s"]


def test_detections_are_put_in_order_and_named(root: Root, first_span: str) -> None:
    found = found_by(root.train("run_fn", first_span), first_span)
    assert found["detection_scores"].tolist() == [[0.5, 0.25]] * 2
    assert found["detection_classes"].tolist() == [[2, 1]] * 2
    assert found["detection_class_names"].tolist() == [[b"1", b"0"]] * 2
    assert found["detection_boxes"][0, 1].tolist() == [10.0, 20.0, 40.0, 60.0]


def test_halves_and_embeddings_are_served_and_a_retraining_starts_from_the_weights(
    root: Root, first_span: str, second_span: str
) -> None:
    first = root.train("with_halves", first_span)
    again = root.train("with_halves", second_span, "with_halves")
    record = read_training_record(str(again), LOCAL_FILES)
    assert (record.mode, [data.span for data in record.data]) == ("retrain", [1, 2])
    assert record.baseline_digest == "d" * 64
    # The box is given in px of the input of 64 px, of images of 128 px, and a retraining adds 1 to it.
    boxes = [found_by(model, first_span)["detection_boxes"][0, 1].tolist() for model in (first, again)]
    assert boxes == [[20.0, 40.0, 80.0, 120.0], [22.0, 42.0, 82.0, 122.0]]
    sample = FeatureSample.from_bytes((again / TRAINING_SAMPLE_FILE).read_bytes(), "sample")
    assert sample.embeddings.shape == (len(sample), 3)
    assert len(list((again / "assets.extra" / "earlier_spans").iterdir())) == 2
    assert not list((root.directory / "checkpoints").iterdir())  # the state of a training that is over


def test_a_keras_model_is_exported_with_its_weights_alone(root: Root, first_span: str) -> None:
    import tensorflow as tf

    model = root.train("of_keras", first_span)
    loaded: Any = tf.saved_model.load(str(model))
    assert [tuple(variable.shape) for variable in loaded.weights] == [(3, 3, 3, 2), (2,)]


def test_a_trainer_sees_training_and_validation_images_and_those_of_earlier_spans(
    root: Root, first_span: str, second_span: str
) -> None:
    root.train("images_seen", first_span)
    root.train("images_seen", second_span, "images_seen")
    seen = json.loads((root.directory / "images_seen-again-log" / "seen.json").read_text())
    first = json.loads((root.directory / "images_seen-log" / "seen.json").read_text())
    assert (first["earlier"], seen["earlier"]) == ([], first["train"])
    assert not set(seen["train"]) & set(seen["eval"])
    assert len(seen["train"]) + len(seen["eval"]) == 60


def test_a_saved_model_of_ones_own_making_is_described(root: Root, first_span: str) -> None:
    model = root.train("by_hand", first_span)
    plan = read_training_record(str(model), LOCAL_FILES).plan
    assert plan is not None
    assert plan.optimizer == "none"


@pytest.mark.parametrize(
    ("function", "told"),
    [
        ("breaks_down", r"raised ValueError: too many \(.*contract_trainers\.py, line \d+\)$"),
        ("exits", "raised SystemExit: 4"),
        ("writes_nothing", "wrote no SavedModel to fn_args.serving_model_dir"),
        ("by_hand_without_record", r"wrote no training record \(assets.extra/training_record.json\)"),
        ("by_hand_with_int64_classes", "returns 'detection_classes' as int64 .*, where int32 .* is wanted"),
        ("by_hand_without_tf_example", "without the signature 'tf_example'"),
        ("by_hand_with_another_input", r"takes pictures: string \[batch\], where image_bytes: string \[batch\]"),
        ("gives_both", "give either serve, or both preprocess and detect"),
        ("forgets_the_counts", "serve must return a mapping with detection_boxes, .*; it returns detection_boxes"),
        ("normalised", r"boxes within 0\.\.1, such as \[0, 0, 0.5, 0.5\] for .* of 128x128 px; .*multiply"),
        ("of_the_input", "not of the network's input"),
        ("from_zero", r"the label 0, and the labels of 10 classes are 1\.\.10; labels count from 1, so add 1"),
        ("beyond_the_map", r"the label 11, and the labels of 10 classes are 1\.\.10$"),
        ("no_numbers", "the score nan, which is no finite number"),
        ("no_probability", r"the score 3\.5; scores lie in 0\.\.1"),
        ("transposed", "a box is ymin, xmin, ymax, xmax"),
        ("x_first", r"look like xmin, ymin, xmax, ymax: of \d+ objects in 8 training images a box lies on .*; put y"),
        ("depends_on_the_batch", r"the best score 0\.5 alone and 0\.1768 among 8 images; .* training=False"),
        ("one_image_only", r"of shape \[1, 2, 4\] for 8 images"),
        ("fails_in_a_batch", "fails for 8 training images together .*one at a time, please"),
        ("false_report", "its report says steps = -3"),
        ("breaks_in_the_graph", "raised ValueError: no such luck"),
        ("not_a_function", "is no function but a value of type int"),
    ],
)
def test_what_breaks_the_contract_is_told_in_one_sentence(
    root: Root, first_span: str, function: str, told: str
) -> None:
    with pytest.raises(OwnTrainerError, match=told) as caught:
        root.train(function, first_span)
    message = str(caught.value)
    assert message.startswith(f"training.run_fn = 'contract_trainers.{function}'")
    assert "\n" not in message


def test_the_held_out_images_are_given_to_nobody(root: Root, first_span: str) -> None:
    with pytest.raises(RatchetError, match="a trainer is given 'train' and 'eval'"):
        root.train("asks_for_held_out", first_span)


def test_code_that_changed_is_imported_anew(root: Root, first_span: str) -> None:
    file = root.directory / "renewed.py"
    file.write_text("def run_fn(fn_args):\n    raise ValueError('one')\n")
    for told in ("one", "another"):
        file.write_text(f"def run_fn(fn_args):\n    raise ValueError('{told}')\n")
        with pytest.raises(OwnTrainerError, match=f"ValueError: {told} "):
            root.train("again", first_span, run_fn="renewed.run_fn")
    assert "renewed" in sys.modules


def test_ratchets_own_trainer_makes_a_first_model_of_its_own_beside_it(
    root: Root, first_span: str, second_span: str
) -> None:
    from tfx.components.trainer.fn_args_utils import FnArgs

    from ratchet.components.trainer.run_fn import run_fn

    served, out = root.train("run_fn", first_span), root.directory / "ratchets"
    arguments: dict[str, Any] = {
        "train_files": [f"{second_span}/Split-train/*"],
        "base_model": str(served),
        "serving_model_dir": str(out),
        "model_run_dir": f"{out}-log",
        "custom_config": {
            "settings": settings_io.to_json(tiny("training.allow=[trainer]", "training.bootstrap.steps=4")),
            "artifacts": str(root.directory),
            "statistics": str(root.directory / "statistics.pb"),
            "baseline_digest": "d" * 64,
        },
    }
    run_fn(FnArgs(**arguments))
    record = read_training_record(str(out), LOCAL_FILES)
    assert (record.trainer, record.mode, record.baseline_digest) == ("", "bootstrap", None)
    assert [data.span for data in record.data] == [2]
    assert record.declared_changes == (
        "run_fn: contract_trainers.run_fn -> Ratchet's own trainer, which begins with weights of its own",
    )
    assert len(Fingerprints.from_bytes((out / TRAINING_IMAGES_FILE).read_bytes(), "x")) == record.images
