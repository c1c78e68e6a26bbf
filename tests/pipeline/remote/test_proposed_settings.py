"""`ratchet.yaml` of a root in Cloud Storage: proposed there, read from there, and never overwritten."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from ratchet.components.object_store import objects
from ratchet.pipeline.cli.main import main
from ratchet.schemas.base.settings import parse_yaml
from tests.builders import write_span
from tests.gcs.fixtures import Bucket


@pytest.fixture
def data(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)  # where no other root is near
    for name in ("golden", "span-1"):
        write_span(tmp_path / "data" / name)
    return tmp_path / "data"


def text_at(uri: str) -> str:
    found = objects.read(uri)
    assert found is not None
    return found.data.decode()


def test_it_is_written_to_the_bucket_and_named_by_its_uri(
    data: Path, gcs: Bucket, capsys: pytest.CaptureFixture[str]
) -> None:
    root = gcs.uri("team/new")
    assert main(["run", "--data", str(data), "--root", root]) == 2
    told = capsys.readouterr().err
    assert f"and written to {root}/ratchet.yaml" in told
    assert f"look at {root}/ratchet.yaml, then give the same command with --bootstrap" in told
    assert parse_yaml(text_at(f"{root}/ratchet.yaml"), "ratchet.yaml")["name"] == "detector"


def test_another_machine_reads_what_was_edited_there(
    data: Path, gcs: Bucket, cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = gcs.uri("team/new")
    main(["run", "--data", str(data), "--root", root])
    shutil.rmtree(cache)
    edited = text_at(f"{root}/ratchet.yaml").replace("name: detector", "name: Bad Name")
    objects.write(f"{root}/ratchet.yaml", edited.encode())
    capsys.readouterr()
    assert main(["run", "--data", str(data), "--root", root]) == 2
    told = capsys.readouterr().err
    assert f'{root}/ratchet.yaml: name = "Bad Name"' in told
    assert "proposed" not in told
    assert text_at(f"{root}/ratchet.yaml") == edited
