from __future__ import annotations

import struct
from pathlib import Path

import pytest

from ratchet.components.trainer.lineage import (
    ALL_IMAGES,
    MOST_IMAGES,
    MOST_SPANS,
    carried,
    images_of_each,
    read_earlier,
)
from ratchet.schemas.artifacts.training_record import (
    RECORD_FILE,
    TRAINING_RECORD_FORMAT,
    TrainedData,
    read_training_record,
)
from ratchet.schemas.base.artifact_places import to_record
from ratchet.schemas.base.errors import ConfigError, StateError
from ratchet.schemas.base.files import LOCAL_FILES
from ratchet.schemas.data.dataset import DATASET_FILE, DATASET_FORMAT
from tests.builders import dataset_info, trained_data, training_record


def examples(directory: Path, digest: str) -> str:
    (directory / DATASET_FILE).write_text(DATASET_FORMAT.write(dataset_info(digest=digest)))
    return str(directory)


def test_earlier_examples_are_read_where_they_were(tmp_path: Path) -> None:
    data = trained_data(digest="same", examples=examples(tmp_path, "same"))
    found = read_earlier(data, LOCAL_FILES)
    assert (found.uri, found.info.digest) == (str(tmp_path), "same")


@pytest.fixture
def artifacts(tmp_path: Path) -> Path:
    """The artifacts of a root, with the examples of a span in them."""
    own = tmp_path / "new" / "artifacts" / "DetectionExampleGen" / "examples" / "2"
    own.mkdir(parents=True)
    examples(own, "same")
    return tmp_path / "new" / "artifacts"


def test_a_moved_root_reads_its_own_examples_although_the_record_names_the_old_place(artifacts: Path) -> None:
    data = trained_data(digest="same", examples="/old/artifacts/DetectionExampleGen/examples/2")
    assert read_earlier(data, LOCAL_FILES, str(artifacts)).uri == str(
        artifacts / "DetectionExampleGen" / "examples" / "2"
    )


def test_a_copied_root_reads_its_own_examples_although_those_of_the_original_are_there(artifacts: Path) -> None:
    original = artifacts.parent.parent / "old" / "artifacts" / "DetectionExampleGen" / "examples" / "2"
    original.mkdir(parents=True)
    data = trained_data(digest="same", examples=examples(original, "same"))
    assert read_earlier(data, LOCAL_FILES, str(artifacts)).uri == str(
        artifacts / "DetectionExampleGen" / "examples" / "2"
    )


def test_examples_of_another_root_are_read_where_they_are_if_the_own_ones_are_others(artifacts: Path) -> None:
    other = artifacts.parent.parent / "other" / "artifacts" / "DetectionExampleGen" / "examples" / "2"
    other.mkdir(parents=True)
    data = trained_data(digest="of the other", examples=examples(other, "of the other"))
    assert read_earlier(data, LOCAL_FILES, str(artifacts)).uri == str(other)


def test_a_place_below_the_artifacts_is_recorded_without_the_root(artifacts: Path) -> None:
    recorded = to_record(str(artifacts / "DetectionExampleGen" / "examples" / "2"), str(artifacts))
    assert recorded == "DetectionExampleGen/examples/2"
    data = trained_data(digest="same", examples=recorded)
    assert read_earlier(data, LOCAL_FILES, str(artifacts)).info.digest == "same"


def test_other_examples_in_their_place_are_not_taken_for_them(tmp_path: Path) -> None:
    data = trained_data(span=4, digest="before", examples=examples(tmp_path, "after"))
    with pytest.raises(ConfigError, match=r"images of span 4 are no longer at .*; bring them back, or .*replay=0"):
        read_earlier(data, LOCAL_FILES)


@pytest.mark.parametrize("content", [None, "", "{}", "[]"])
def test_examples_that_are_gone_or_damaged_are_named(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / DATASET_FILE).write_text(content)
    with pytest.raises(ConfigError, match="are no longer at"):
        read_earlier(trained_data(examples=str(tmp_path)), LOCAL_FILES)


@pytest.mark.parametrize(("held", "said"), [(2, "it holds 2 images, but .* says 3"), (None, "no such file, but")])
def test_a_file_of_an_earlier_span_that_is_not_whole_is_named_before_it_is_replayed(
    tmp_path: Path, held: int | None, said: str
) -> None:
    info = dataset_info(digest="same", images={"train": 3}, record_files={"train": {"a": 3}})
    (tmp_path / DATASET_FILE).write_text(DATASET_FORMAT.write(info))
    (tmp_path / "Split-train").mkdir()
    if held is not None:
        record = struct.pack("<QI", 1, 0) + b"x" + bytes(4)
        (tmp_path / "Split-train" / "a").write_bytes(record * held)
        (tmp_path / "Split-train" / "a-of-another-try").write_bytes(record)
    with pytest.raises(StateError, match=rf"Split-train/a: {said}"):
        read_earlier(trained_data(digest="same", examples=str(tmp_path)), LOCAL_FILES)


def test_a_model_without_a_record_is_named(tmp_path: Path) -> None:
    with pytest.raises(StateError, match=r"training_record.json: the model has no training record"):
        read_training_record(str(tmp_path), LOCAL_FILES)
    (tmp_path / RECORD_FILE).parent.mkdir()
    (tmp_path / RECORD_FILE).write_text(TRAINING_RECORD_FORMAT.write(training_record()))
    assert read_training_record(str(tmp_path), LOCAL_FILES) == training_record()


def lineage(*digests: str) -> list[TrainedData]:
    return [trained_data(digest=digest) for digest in digests]


def test_a_model_carries_its_earlier_spans_once_each_and_not_the_one_trained_on_now() -> None:
    assert [data.digest for data in carried(lineage("a", "b", "a", "c", "d", "c"))] == ["a", "b", "d"]
    assert carried(lineage("a")) == ()


def test_of_a_long_lineage_it_carries_the_first_and_the_newest() -> None:
    kept = [data.digest for data in carried(lineage(*map(str, range(40))))]
    assert kept == ["0", *(str(number) for number in range(40 - MOST_SPANS, 39))]


def test_what_a_model_carries_is_bounded() -> None:
    assert images_of_each(1) == MOST_IMAGES
    assert all(spans * images_of_each(spans) <= ALL_IMAGES for spans in range(3, MOST_SPANS + 1))
