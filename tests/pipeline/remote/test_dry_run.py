"""`--dry-run` on a root in Cloud Storage: what a local root says, and no object is written, deleted or leased."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip("ml_metadata")

from ratchet.pipeline.cli.main import main
from tests.builders import coco, coco_annotation, coco_image, write_span
from tests.gcs.fixtures import Bucket
from tests.pipeline.fingerprint import fingerprint, fingerprint_of_objects
from tests.pipeline.remote.conftest import Twins
from tests.pipeline.remote.test_serving import EXPIRES, SIGNED
from tests.pipeline.served_root import blocked_root

Make = Callable[[Path], Twins]
CHANGING = {"write", "delete", "copy"}


def plain(text: str) -> str:
    """Without the numbers of versions that are moments, and moments."""
    return re.sub(r"\d{10}|\d{4}-\d\d-\d\dT[\d:+]*", "MOMENT", text)


def test_what_would_be_done_is_told_as_of_a_local_root_and_nothing_is_written(
    tmp_path: Path, twins: Make, gcs: Bucket
) -> None:
    both = twins(blocked_root(tmp_path / "root").root)
    objects, files = fingerprint_of_objects(both.uri), fingerprint(both.local)
    gcs.forget()
    for command in (
        ("approve", "bad", *SIGNED, "--expires", EXPIRES),
        ("approve", "good", *SIGNED, "--expires", EXPIRES),
        ("rollback", *SIGNED),
        ("prune", "--set", "retention.runs=1", "--set", "retention.days=0"),
    ):
        local, remote = both.ask(*command, "--dry-run", "--json")
        assert remote[0] == local[0], command
        if command[0] != "prune":
            assert plain(remote[1]) == plain(local[1])
        assert json.loads(remote[1]).get("dry_run", remote[0] == 2)
    assert fingerprint_of_objects(both.uri) == objects
    assert fingerprint(both.local) == files
    assert [(one.kind, one.name) for one in gcs.requests if one.kind in CHANGING] == []
    assert gcs.requests


def test_a_first_run_is_told_and_nothing_is_written(
    tmp_path: Path, gcs: Bucket, cache: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    boxes = [coco_annotation(i, i, category_id=(3, 7)[i % 2]) for i in range(1, 31)]
    write_span(tmp_path / "data" / "span-1", coco(images=[coco_image(i) for i in range(1, 31)], annotations=boxes))
    write_span(tmp_path / "data" / "golden")
    root = gcs.uri("team/new")
    gcs.forget()
    assert main(["run", "--data", "data", "--root", root, "--bootstrap", "--dry-run", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["would"], told["root"], told["proposed"]) == ("begin", root, f"{root}/ratchet.yaml")
    assert fingerprint_of_objects(root) == {}
    assert [one.name for one in gcs.requests if one.kind in CHANGING] == []
