"""The label map inside of a model: read, missing, or spoilt and named."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ratchet.schemas.artifacts.class_names import read_class_names
from ratchet.schemas.artifacts.training_record import LABELS_FILE
from ratchet.schemas.base.errors import StateError
from ratchet.schemas.base.files import LOCAL_FILES


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / LABELS_FILE).parent.mkdir()
    return tmp_path / LABELS_FILE


def test_names_are_in_the_order_of_the_labels_and_a_model_without_the_file_has_none(tmp_path: Path, file: Path) -> None:
    assert read_class_names(str(tmp_path), LOCAL_FILES) is None
    file.write_text('["dog", "Käfer"]', encoding="utf-8")
    assert read_class_names(str(tmp_path), LOCAL_FILES) == ("dog", "Käfer")


@pytest.mark.parametrize(
    "content", [b"", b'["dog"', b"\xff\xfe\xfd", b"[" * 100_000, b'{"a": 1}', b'["dog", 3]', b"[]"]
)
def test_a_spoilt_file_is_named(content: bytes, tmp_path: Path, file: Path) -> None:
    file.write_bytes(content)
    with pytest.raises(StateError, match=r"labels\.json: .*; restore it"):
        read_class_names(str(tmp_path), LOCAL_FILES)


def test_a_pipe_in_its_place_is_not_waited_for(tmp_path: Path, file: Path) -> None:
    os.mkfifo(file)
    with pytest.raises(StateError, match="a FIFO or pipe"):
        read_class_names(str(tmp_path), LOCAL_FILES)
