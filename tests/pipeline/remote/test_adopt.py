"""`ratchet adopt` into a root in Cloud Storage."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ratchet.components.object_store import objects
from ratchet.pipeline.cli.main import main
from ratchet.pipeline.demo.digits import DigitsOptions, write_digits
from tests.foreign import make_foreign
from tests.gcs.fixtures import Bucket

pytestmark = pytest.mark.tensorflow


def test_a_model_is_adopted_by_a_new_root_in_cloud_storage(
    gcs: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    write_digits(str(tmp_path / "golden"), DigitsOptions(golden=True, images=12))
    (tmp_path / "labels.txt").write_text("\n".join("0123456789"))
    model = make_foreign(tmp_path / "model", "tf-object-detection", quality=0.4)
    uri = gcs.uri("ratchet")
    given = ["--model", str(model), "--labels", str(tmp_path / "labels.txt"), "--golden", str(tmp_path / "golden")]
    command = ["adopt", *given, "--root", uri, "--name", "digits", "--by", "Ada", "--reason", "a trial"]
    assert main([*command, "--dry-run", "--json"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["would"] == "serve"
    assert objects.list_below(uri) == []

    assert main([*command, "--json"]) == 0
    made = json.loads(capsys.readouterr().out.splitlines()[-1])["override"]
    names = {one.name for one in objects.list_below(uri)}
    assert {"ratchet.json", "registry/served.json", "registry/overrides.jsonl", "runs/index.html"} <= names
    assert f"serving/digits/{made['version']}/assets.extra/adoption.json" in names
    assert "lease.json" not in names

    assert main(["status", "--root", uri]) == 0
    assert "adopted by Ada, made elsewhere: a trial" in capsys.readouterr().out
    assert main(command) == 0
    assert f"as version {made['version']}" in capsys.readouterr().out
