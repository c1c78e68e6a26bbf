from __future__ import annotations

from pathlib import Path

import pytest

from components.trainer.lineage import read_earlier, read_record
from schemas.dataset import DATASET_FILE
from schemas.errors import ConfigError, StateError
from schemas.files import LOCAL_FILES
from schemas.training_record import RECORD_FILE
from tests.builders import dataset_info, trained_data, training_record


def examples(directory: Path, digest: str) -> str:
    (directory / DATASET_FILE).write_text(dataset_info(digest=digest).to_json())
    return str(directory)


def test_earlier_examples_are_read_where_they_were(tmp_path: Path) -> None:
    data = trained_data(digest="same", examples=examples(tmp_path, "same"))
    assert read_earlier(data, LOCAL_FILES).digest == "same"


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


def test_a_model_without_a_record_is_named(tmp_path: Path) -> None:
    with pytest.raises(StateError, match=r"training_record.json: the served model has no training record"):
        read_record(str(tmp_path), LOCAL_FILES)
    (tmp_path / RECORD_FILE).parent.mkdir()
    (tmp_path / RECORD_FILE).write_text(training_record().to_json())
    assert read_record(str(tmp_path), LOCAL_FILES) == training_record()
