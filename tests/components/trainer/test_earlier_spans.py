from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from ratchet.schemas.artifacts.training_record import (
    RECORD_FILE,
    STATISTICS_FILE,
    TRAINING_RECORD_FORMAT,
    TRAINING_SAMPLE_FILE,
    TrainedData,
    TrainingRecord,
    earlier_sample_file,
    earlier_statistics_file,
)
from ratchet.schemas.base.files import LOCAL_FILES
from ratchet.schemas.data import features
from ratchet.schemas.data.feature_sample import FeatureSample
from tests.builders import coco, coco_annotation, coco_image, training_record, write_span

pytestmark = pytest.mark.tensorflow
IMAGES = 12
KNOWN = ("cat", "dog")


class Looks:
    """A model to which each image looks like its number in the batch."""

    embedding_size = 3

    def preprocess(self, encoded: Sequence[bytes]) -> int:
        return len(encoded)

    def embed(self, prepared: int) -> np.ndarray:
        return np.arange(3.0 * prepared).reshape(prepared, 3).astype(np.float32)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, tuple[TrainedData, ...]]:
    """Two spans as ExampleGen wrote them, the first with the classes the other way round; each labels one dog."""
    import apache_beam as beam

    from ratchet.components.example_gen.generate import GenRequest, generate
    from ratchet.components.trainer.lineage import trained_data
    from ratchet.schemas.data.examples_artifact import ExamplesArtifact

    directory = tmp_path_factory.mktemp("lineage")
    requests, places = [], []
    for span, names in enumerate((KNOWN[::-1], KNOWN), start=1):
        document = coco(
            images=[coco_image(100 * span + number) for number in range(IMAGES)],
            annotations=[coco_annotation(1, 100 * span, category_id=names.index("dog") + 1)],
            categories=[{"id": number, "name": name} for number, name in enumerate(names, start=1)],
        )
        source = write_span(directory / f"span-{span}", document)
        places.append(str(directory / f"examples-{span}"))
        requests.append((GenRequest(str(source), span, 1, False, 0.0, 0.0, None, None), places[-1]))
    generate(requests, beam.Pipeline())
    data = tuple(trained_data(ExamplesArtifact.open(place, LOCAL_FILES), None) for place in places)
    return directory, data


def sample(images: int) -> FeatureSample:
    figures = {features.QA_BRIGHTNESS: np.arange(float(images))}
    none = np.empty(0, np.int64)
    return FeatureSample(figures, {}, none, np.zeros(images, np.int64), np.ones((images, 3), np.float32))


def baseline(directory: Path, *data: TrainedData) -> str:
    """A model that was trained on some spans, the last one last; of the one before it knows something, too."""
    model = directory / f"baseline-{len(data)}"
    (model / earlier_sample_file(data[0].digest)).parent.mkdir(parents=True, exist_ok=True)
    record = dataclasses.replace(training_record(class_names=KNOWN), data=data)
    (model / RECORD_FILE).write_text(TRAINING_RECORD_FORMAT.write(record))
    (model / STATISTICS_FILE).write_bytes(b"newest")
    (model / TRAINING_SAMPLE_FILE).write_bytes(sample(500).to_bytes())
    if len(data) > 1:
        (model / earlier_statistics_file(data[0].digest)).write_bytes(b"earlier")
        (model / earlier_sample_file(data[0].digest)).write_bytes(sample(40).to_bytes())
    return str(model)


def described(record: TrainingRecord, model: str | None) -> dict[str, bytes]:
    from ratchet.components.trainer.earlier_spans import describe_earlier_spans

    return describe_earlier_spans(record, cast("Any", Looks()), model, None)


def of_lineage(*data: TrainedData) -> TrainingRecord:
    return dataclasses.replace(training_record(class_names=KNOWN), data=data, label_map=KNOWN)


def test_an_earlier_span_is_described_as_the_new_model_sees_it(world: tuple[Path, tuple[TrainedData, ...]]) -> None:
    directory, (first, second) = world
    files = described(of_lineage(first, second), baseline(directory, first))
    assert files[earlier_statistics_file(first.digest)] == b"newest"
    found = FeatureSample.from_bytes(files[earlier_sample_file(first.digest)], "sample")
    assert found.embeddings.shape == (IMAGES, 3)
    assert found.images[features.QA_BRIGHTNESS].shape == (IMAGES,)
    assert found.labels.tolist() == [KNOWN.index("dog") + 1]  # in the model's label map, not in the span's own
    assert len(files) == 2


def test_statistics_travel_on_from_model_to_model(world: tuple[Path, tuple[TrainedData, ...]]) -> None:
    directory, (first, second) = world
    third = dataclasses.replace(second, digest="third", span=3)
    files = described(of_lineage(first, second, third), baseline(directory, first, second))
    assert files[earlier_statistics_file(first.digest)] == b"earlier"
    assert files[earlier_statistics_file(second.digest)] == b"newest"


def test_of_a_span_whose_images_are_gone_the_figures_remain(world: tuple[Path, tuple[TrainedData, ...]]) -> None:
    directory, (first, second) = world
    gone = dataclasses.replace(first, digest="gone", examples=str(directory / "gone"))
    for data, model, images in (
        ((gone, second), baseline(directory, gone), 300),
        ((gone, second, dataclasses.replace(second, digest="third")), baseline(directory, gone, second), 40),
    ):
        files = described(of_lineage(*data), model)
        found = FeatureSample.from_bytes(files[earlier_sample_file("gone")], "sample")
        assert found.embeddings.shape == (images, 0)
        assert found.images[features.QA_BRIGHTNESS][[0, -1]].tolist() == [0.0, 499.0 if images == 300 else 39.0]


def test_a_first_model_has_no_earlier_spans(world: tuple[Path, tuple[TrainedData, ...]]) -> None:
    _, (first, _) = world
    assert described(of_lineage(first), None) == {}
