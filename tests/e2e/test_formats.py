"""A root whose files are of format 0 is retrained."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from ratchet.components.registry.registry import Registry
from ratchet.components.registry.storage import DiskStorage
from ratchet.pipeline.past.history import read_history
from ratchet.schemas.artifacts.decisions import Verdict
from ratchet.schemas.artifacts.training_record import TRAINING_RECORD_FORMAT, read_training_record
from ratchet.schemas.base.files import LOCAL_FILES
from tests.e2e.conftest import A_FEW_STEPS, Runs, World
from tests.formats.downgrade import downgrade
from tests.nightly import by_night

pytestmark = pytest.mark.tensorflow


@by_night  # tests/formats reads every kind of file of format 0, and gives commands on such a root
def test_a_retraining_goes_on_from_a_root_of_format_0(runs: Runs, tmp_path: Path) -> None:
    shutil.copytree(runs.world.root, tmp_path / "root")
    downgrade(tmp_path / "root")
    world = World(tmp_path)
    registry = Registry(DiskStorage(f"{world.root}/registry", f"{world.root}/serving/digits"))
    before = registry.served()
    assert before is not None
    assert before.digest != runs.after_rollback.model.digest  # its training record was rewritten
    assert "format" not in json.loads((Path(before.path) / "assets.extra" / "training_record.json").read_text())
    shutil.copytree(runs.world.data / "golden", world.data / "golden")
    world.span(6, 120)

    result = world.run(6, *A_FEW_STEPS)

    assert result.verdict in (Verdict.PUSHED, Verdict.BLOCKED, Verdict.INCONCLUSIVE)
    assert result.model is not None
    record = read_training_record(f"{result.model}/Format-Serving", LOCAL_FILES)
    assert (record.mode, record.baseline_digest, record.continual.replay) == ("retrain", before.digest, 0.5)
    assert [data.span for data in record.data] == [1, 2, 6]
    written = json.loads(Path(result.model, "Format-Serving", "assets.extra", "training_record.json").read_text())
    assert written["format"] == TRAINING_RECORD_FORMAT.number
    assert result.run_id in {entry.run_id for entry in read_history(world.root, ()).finished}
    [decision] = [made for made in registry.decisions() if made.run_id == result.run_id]
    assert decision.baseline_digest == before.digest
