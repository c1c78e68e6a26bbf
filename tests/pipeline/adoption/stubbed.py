"""Adoptions that take no TensorFlow: the model is a few bytes, and what is found out about it is said beforehand."""

from __future__ import annotations

import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ratchet.pipeline.adoption import adopt as module
from ratchet.pipeline.adoption.adopt import adopt
from ratchet.pipeline.adoption.adopted import Adopted
from ratchet.pipeline.adoption.golden import digest_of_golden
from ratchet.pipeline.adoption.prepared import Prepared
from ratchet.pipeline.adoption.request import AdoptRequest
from ratchet.pipeline.config.pipeline_settings import PipelineSettings
from ratchet.schemas.artifacts.adoption import ADOPTION_FILE, ADOPTION_FORMAT
from ratchet.schemas.base.files import LOCAL_FILES
from ratchet.schemas.base.model_digest import model_digest
from ratchet.schemas.data.training_plan import TrainingPlan
from tests.builders import write_span
from tests.components.trainer.test_adopted import without_plan

NOW = datetime.datetime(2030, 1, 5, 12, tzinfo=datetime.timezone.utc)


class Adopting:
    """A model, a golden set and a label file, and a root that may serve the model.

    Args:
        directory: where they are made.
    """

    def __init__(self, directory: Path) -> None:
        self.directory, self.root = directory, directory / "root"
        self.model = directory / "exported"
        self.model.mkdir()
        (self.model / "saved_model.pb").write_bytes(b"as it was exported")
        (directory / "labels.txt").write_text("cat\ndog\n")
        write_span(directory / "golden")

    @property
    def serving(self) -> Path:
        return self.root / "serving" / "digits"

    def request(self, **fields: Any) -> AdoptRequest:
        whole: dict[str, Any] = {
            "model": self.model,
            "labels": self.directory / "labels.txt",
            "golden": self.directory / "golden",
            "root": self.root,
            "by": "Ada",
            "reason": "in production since March",
            "name": "digits",
        }
        return AdoptRequest(**whole | fields)

    def adopt(self, minutes: int = 0, dry_run: bool = False, **fields: Any) -> Adopted:
        return adopt(self.request(**fields), NOW + datetime.timedelta(minutes=minutes), dry_run)

    def damage(self) -> None:
        """Alters the files of every version."""
        for version in self.serving.iterdir():
            (version / "saved_model.pb").write_bytes(b"another")


def prepare(
    request: AdoptRequest, settings: PipelineSettings, plan: TrainingPlan | None, now: datetime.datetime, scratch: Path
) -> Prepared:
    """As the real one: wrapped at another time, it is other bytes."""
    directory = scratch / "wrapped"
    (directory / ADOPTION_FILE).parent.mkdir(parents=True)
    (directory / "saved_model.pb").write_bytes(Path(request.model, "saved_model.pb").read_bytes())
    source = model_digest(str(request.model), LOCAL_FILES)
    record = without_plan(at=now.isoformat(timespec="seconds"), by=request.by, plan=plan, source_digest=source)
    (directory / ADOPTION_FILE).write_text(ADOPTION_FORMAT.write(record))
    measured: Any = SimpleNamespace(map=0.4, golden_digest=digest_of_golden(request.golden, settings))
    found: Any = None
    return Prepared(str(directory), model_digest(str(directory), LOCAL_FILES), found, measured, None)


@pytest.fixture
def adopting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Adopting:
    monkeypatch.setattr(module, "prepare", prepare)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return Adopting(tmp_path)
