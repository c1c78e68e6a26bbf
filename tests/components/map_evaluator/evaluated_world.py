"""What MapEvaluator's executor is tried on: a golden set, a span and two models that read answers from pixels."""

from __future__ import annotations

import dataclasses
import functools
import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ratchet.components.imaging.views import hash_bits
from ratchet.components.map_evaluator.settings import EvaluatorSettings
from ratchet.schemas.artifacts.evaluation import (
    EVALUATION_FILE,
    EVALUATION_FORMAT,
    Evaluation,
)
from ratchet.schemas.artifacts.training_record import (
    LABELS_FILE,
    TRAINING_IMAGES_FILE,
)
from ratchet.schemas.base import settings as settings_io
from ratchet.schemas.base.files import LOCAL_FILES
from ratchet.schemas.base.model_digest import model_digest
from ratchet.schemas.data import features
from ratchet.schemas.data.copy_settings import CopySettings
from ratchet.schemas.data.dataset import (
    DATASET_FILE,
    DATASET_FORMAT,
    FINGERPRINTS,
    LOOKS,
    SPLITS,
    DataSetInfo,
    dataset_digest,
    image_digest,
)
from ratchet.schemas.data.fingerprints import Fingerprints, line_of
from ratchet.schemas.data.looks import Looks
from ratchet.schemas.data.records import record_to_json
from tests.components.map_evaluator.test_beam_evaluation import LABEL_MAP, encoded, record, save_reader

IMAGES = 40
SETTINGS = EvaluatorSettings(resamples=200, slice_by=("camera",))
CHECKED = CopySettings()
WRONG = "0" * 64  # a digest that nothing has


@dataclass(frozen=True)
class World:
    """Golden set, span and two models, the candidate as good as the baseline."""

    directory: Path
    golden: Any
    span: Any
    candidate: Any
    baseline: Any

    def evaluate(
        self,
        settings: EvaluatorSettings = SETTINGS,
        then: Callable[[], object] = lambda: None,
        copies: CopySettings = CHECKED,
    ) -> tuple[Evaluation, Any]:
        """Evaluates, with the baseline as it is now recorded; `then` is called after the models saw all images."""
        from tfx.types import standard_artifacts

        from ratchet.components.map_evaluator.executor import Executor

        class Interrupted(Executor):
            def _evaluate(self, *arguments: Any) -> Any:
                measured = super()._evaluate(*arguments)
                then()
                return measured

        if self.baseline.get_string_custom_property("digest") != WRONG:
            self.baseline.set_string_custom_property("digest", self.digest("baseline"))
        evaluation, blessing = standard_artifacts.ModelEvaluation(), standard_artifacts.ModelBlessing()
        number = len(list(self.directory.glob("evaluation-*")))
        evaluation.uri, blessing.uri = (str(self.directory / f"{name}-{number}") for name in ("evaluation", "blessing"))
        inputs = {
            "golden": [self.golden],
            "examples": [self.span],
            "model": [self.candidate],
            "baseline_model": [self.baseline],
        }
        context = Executor.Context(beam_pipeline_args=[], tmp_dir=str(self.directory / "tmp"), unique_id="1")
        properties = {
            "settings": settings_io.to_json(settings),
            "copies": settings_io.to_json(copies),
            "accept_new_golden": 0,
            "artifacts": str(self.directory),
        }
        Interrupted(context).Do(inputs, {"evaluation": [evaluation], "blessing": [blessing]}, properties)
        return EVALUATION_FORMAT.read(Path(evaluation.uri, EVALUATION_FILE).read_text(), EVALUATION_FILE), blessing

    def digest(self, model: str) -> str:
        return model_digest(str(self.path(model)), LOCAL_FILES)

    def path(self, model: str) -> Path:
        return Path(getattr(self, model).uri) / "Format-Serving"


def write_examples(directory: Path, split: str, image_ids: range, encode: Callable[[int], bytes] = encoded) -> str:
    import tensorflow as tf

    (directory / f"Split-{split}").mkdir(parents=True, exist_ok=True)
    with tf.io.TFRecordWriter(str(directory / f"Split-{split}" / "data")) as writer:
        for image_id in image_ids:
            values = {features.RECORD: record_to_json(record(image_id)), features.IMAGE_ENCODED: encode(image_id)}
            lists = {k: tf.train.Feature(bytes_list=tf.train.BytesList(value=[v])) for k, v in values.items()}
            writer.write(tf.train.Example(features=tf.train.Features(feature=lists)).SerializeToString())
    return dataset_digest(LABEL_MAP, {i: image_digest(record(i), encode(i)) for i in image_ids})


def examples(directory: Path, span: int, **splits: range) -> Any:
    digest = ""
    (directory / FINGERPRINTS).mkdir(parents=True)
    for split, image_ids in splits.items():
        digest = write_examples(directory, split, image_ids)
        lines = [line_of(image_id, bits_of(image_id)) for image_id in image_ids]
        (directory / FINGERPRINTS / split).write_text("\n".join(lines))
        (directory / LOOKS).mkdir(exist_ok=True)
        (directory / LOOKS / f"{split}.npz").write_bytes(looks_of(image_ids, span).to_bytes())
    images = {split: len(splits.get(split, ())) for split in SPLITS}
    info = DataSetInfo("here", "coco", span, 1, digest, LABEL_MAP.names, LABEL_MAP.category_ids, images, images)
    (directory / DATASET_FILE).write_text(DATASET_FORMAT.write(info))
    return _examples_at(directory)


def _examples_at(directory: Path) -> Any:
    from tfx.types import artifact_utils, standard_artifacts

    artifact = standard_artifacts.Examples()
    artifact.uri = str(directory)
    artifact.split_names = artifact_utils.encode_split_names(list(SPLITS))
    return artifact


def turn_labels(directory: Path) -> None:
    """Gives a span of cats and dogs its classes the other way round."""
    import tensorflow as tf

    info = DATASET_FORMAT.read((directory / DATASET_FILE).read_text(), DATASET_FILE)
    turned = dataclasses.replace(info, class_names=tuple(reversed(info.class_names)), category_ids=(1, 2))
    (directory / DATASET_FILE).write_text(DATASET_FORMAT.write(turned))
    for file in directory.glob("Split-*/data"):
        rows = [tf.train.Example.FromString(row.numpy()) for row in tf.data.TFRecordDataset(str(file))]
        with tf.io.TFRecordWriter(str(file)) as writer:
            for row in rows:
                [text] = row.features.feature[features.RECORD].bytes_list.value
                values = json.loads(text)
                values["labels"] = [3 - label for label in values["labels"]]
                row.features.feature[features.RECORD].bytes_list.value[:] = [json.dumps(values).encode()]
                writer.write(row.SerializeToString())


def parsed(text: str) -> Any:
    """A COCO file, its boxes and classes in an order of their own."""
    document = json.loads(text)
    if isinstance(document, list):
        return sorted(map(str, document))
    document["annotations"] = sorted(str({**entry, "id": 0}) for entry in document["annotations"])
    return document


def thumbnail_of(image_id: int) -> np.ndarray:
    return np.random.default_rng(image_id).integers(0, 256, (64, 64), np.uint8)


def bits_of(image_id: int) -> np.ndarray:
    return hash_bits(thumbnail_of(image_id))


def looks_of(image_ids: Sequence[int], span: int) -> Looks:
    """Each image looks as its number says, and has a box where no other has one."""
    return Looks(
        prints=Fingerprints.parse([line_of(image_id, bits_of(image_id)) for image_id in image_ids], span),
        thumbnails=np.stack([thumbnail_of(image_id) for image_id in image_ids]),
        box_counts=np.ones(len(image_ids), np.int64),
        boxes_xywh=np.array([[image_id / 1000, 0.1, 0.1, 0.1] for image_id in image_ids], np.float32),
    )


def model(directory: Path, trained_on: range, names: tuple[str, ...] = LABEL_MAP.names, **options: Any) -> Any:
    save_reader(directory / "Format-Serving", **options)
    lines = [line_of(image_id, bits_of(image_id)) for image_id in trained_on]
    (directory / "Format-Serving" / "assets.extra").mkdir(exist_ok=True)
    (directory / "Format-Serving" / LABELS_FILE).write_text(json.dumps(names))
    (directory / "Format-Serving" / TRAINING_IMAGES_FILE).write_bytes(Fingerprints.parse(lines, 2).to_bytes())
    return _model_at(directory)


def _model_at(directory: Path) -> Any:
    from tfx.types import standard_artifacts

    artifact = standard_artifacts.Model()
    artifact.uri = str(directory)
    return artifact


@functools.cache
def _written(base: Path) -> Path:
    """The files of the world below a directory, which are written once; each test gets a copy."""
    directory = base / "evaluated_world"
    examples(directory / "golden", 0, eval=range(IMAGES))
    examples(directory / "span", 2, train=range(100, 150), eval=range(150, 160), held_out=range(160, 170))
    model(directory / "baseline", range(90, 95))
    model(directory / "candidate", range(100, 150))
    return directory


@pytest.fixture
def world(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> World:
    """As it is before a test changes it."""
    shutil.copytree(_written(tmp_path_factory.getbasetemp()), tmp_path, dirs_exist_ok=True)
    golden, span = (_examples_at(tmp_path / name) for name in ("golden", "span"))
    candidate, baseline = (_model_at(tmp_path / name) for name in ("candidate", "baseline"))
    info = DATASET_FORMAT.read(Path(golden.uri, DATASET_FILE).read_text(), DATASET_FILE)
    baseline.set_int_custom_property("has_baseline", 1)
    baseline.set_string_custom_property("version", "1700000000")
    baseline.set_string_custom_property("golden_digest", info.digest)
    baseline.set_string_custom_property("golden_uses", json.dumps({info.digest: 3}))
    return World(tmp_path, golden, span, candidate, baseline)


def rules(evaluation: Evaluation) -> list[str]:
    return [reason.rule for reason in evaluation.decision.failures]


def alter(directory: Path) -> None:
    """A damage that no loading would notice."""
    (directory / TRAINING_IMAGES_FILE).write_bytes((directory / TRAINING_IMAGES_FILE).read_bytes() + b" ")
