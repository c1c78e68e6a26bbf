"""`ratchet watch` over a real pipeline: a half-copied delivery waits, a whole one is trained on, once."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.kills.tiny import Tiny
from tests.nightly import by_night

REPOSITORY = Path(__file__).resolve().parents[2]


def once(world: Tiny) -> tuple[int, dict[str, Any], str]:
    """Exit code, object and lines of a watch that looks once."""
    given = ["watch", str(world.data), "--root", str(world.root), "--config", str(world.config), "--bootstrap"]
    command = [sys.executable, "-m", "ratchet", *given, "--once", "--json"]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    done = subprocess.run(command, env=environment, cwd=world.directory, capture_output=True, text=True, check=False)
    [line] = done.stdout.splitlines()
    return done.returncode, json.loads(line), done.stderr


@pytest.mark.tensorflow
@by_night
def test_a_watch_trains_on_a_delivery_when_it_is_whole(tmp_path: Path) -> None:
    world = Tiny(tmp_path / "world")
    world.make_data()
    whole = world.data / "span-1"
    files = sorted(path for path in whole.rglob("*") if path.is_file())
    lines = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(whole)}\n" for path in files]
    shutil.rmtree(world.data / "span-2")
    (whole / "SHA256SUMS").write_text("".join(lines))
    image = next(path for path in files if path.suffix == ".jpg")
    content = image.read_bytes()
    image.write_bytes(content[:500])
    code, said, _ = once(world)
    assert (code, said["verdict"], world.root.exists()) == (0, "NOTHING_NEW", False)
    assert f"{image.name}' is not the file that SHA256SUMS lists" in said["reasons"][0]["actual"]
    image.write_bytes(content)
    code, said, _ = once(world)
    assert (code, said["verdict"], said["span"]) == (0, "BOOTSTRAPPED", 1)
    code, said, _ = once(world)
    assert (code, said["verdict"]) == (0, "NOTHING_NEW")
    [run] = [path for path in (world.root / "runs").glob("span-*") if path.is_dir()]
    assert run.name.startswith("span-1-")
