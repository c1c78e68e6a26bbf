from __future__ import annotations

from pathlib import Path

import pytest

from tests.pipeline.doctor.lifelike import LifelikeRoot, lifelike_root


@pytest.fixture
def world(tmp_path: Path) -> LifelikeRoot:
    return lifelike_root(tmp_path / "root")
