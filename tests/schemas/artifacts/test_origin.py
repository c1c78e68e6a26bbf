"""A served model says where it comes from: a training, or an adoption."""

from __future__ import annotations

from pathlib import Path

import pytest

from ratchet.schemas.artifacts.adoption import ADOPTION_FILE, ADOPTION_FORMAT
from ratchet.schemas.artifacts.origin import origin_of, record_of
from ratchet.schemas.artifacts.training_record import RECORD_FILE, TRAINING_RECORD_FORMAT
from ratchet.schemas.base.errors import StateError
from ratchet.schemas.base.files import LOCAL_FILES
from tests.builders import training_record
from tests.components.trainer.test_adopted import without_plan


def write(model: Path, name: str, text: str) -> str:
    (model / name).parent.mkdir(exist_ok=True)
    (model / name).write_text(text)
    return str(model)


def test_a_model_that_was_trained_has_its_record(tmp_path: Path) -> None:
    model = write(tmp_path, RECORD_FILE, TRAINING_RECORD_FORMAT.write(training_record()))
    assert origin_of(model, LOCAL_FILES) == record_of(model, LOCAL_FILES) == training_record()


def test_an_adopted_model_has_the_record_of_its_adoption_and_none_of_a_training(tmp_path: Path) -> None:
    model = write(tmp_path, ADOPTION_FILE, ADOPTION_FORMAT.write(without_plan()))
    assert origin_of(model, LOCAL_FILES) == without_plan()
    assert record_of(model, LOCAL_FILES) is None


def test_a_model_with_neither_is_an_error_and_so_is_a_spoilt_one(tmp_path: Path) -> None:
    with pytest.raises(StateError, match="the model has no training record"):
        record_of(str(tmp_path), LOCAL_FILES)
    model = write(tmp_path, ADOPTION_FILE, ADOPTION_FORMAT.write(without_plan())[:40])
    with pytest.raises(StateError, match=r"adoption\.json"):
        record_of(model, LOCAL_FILES)
