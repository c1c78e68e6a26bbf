# pyright: reportAttributeAccessIssue=false
# (protobuf's classes are made when their module is imported)

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from ml_metadata.proto import metadata_store_pb2 as mlmd

from ratchet.pipeline.root.ml_metadata import open_store, relocate
from ratchet.schemas.base.errors import StateError
from tests.pipeline.served_root import ServedRoot, blocked_root


@pytest.fixture
def original(tmp_path: Path) -> ServedRoot:
    """Three runs."""
    return blocked_root(tmp_path / "old")


def places(root: Path) -> list[str]:
    """All that ML Metadata names: URIs, and the candidates that blessings name."""
    artifacts = open_store(root).get_artifacts()
    named = [one.custom_properties["current_model"].string_value for one in artifacts if one.type == "ModelBlessing"]
    return [artifact.uri for artifact in artifacts] + named


def test_a_copied_root_has_its_own_artifacts_and_the_original_keeps_its_own(
    original: ServedRoot, tmp_path: Path
) -> None:
    before = places(original.root)
    copy = tmp_path / "new" / "root"
    shutil.copytree(original.root, copy)
    assert relocate(copy, str(original.root)) == 9
    assert places(copy) == [place.replace(str(original.root), str(copy)) for place in before]
    assert all(place.startswith(f"{copy}/artifacts/") for place in places(copy))
    assert places(original.root) == before


def test_a_moved_root_is_told_once(original: ServedRoot, tmp_path: Path) -> None:
    moved = tmp_path / "new"
    original.root.rename(moved)
    assert [relocate(moved, f"{original.root}/"), relocate(moved, str(original.root)), relocate(moved, str(moved))] == [
        9,
        0,
        0,
    ]


def test_what_only_begins_like_the_old_root_or_lies_elsewhere_is_left_alone(
    original: ServedRoot, tmp_path: Path
) -> None:
    store = open_store(original.root)
    model = store.get_artifact_type("Model").id
    others = [f"{original.root}-2/artifacts/x", "/elsewhere/artifacts/x"]
    store.put_artifacts([mlmd.Artifact(type_id=model, uri=uri) for uri in others])
    moved = tmp_path / "new"
    original.root.rename(moved)
    relocate(moved, str(original.root))
    assert [place for place in places(moved) if not place.startswith(f"{moved}/")] == others


def test_states_and_other_properties_stay(original: ServedRoot, tmp_path: Path) -> None:
    def known(root: Path) -> list[tuple[int, int, int]]:
        blessings = open_store(root).get_artifacts_by_type("ModelBlessing")
        return [(one.id, one.state, one.custom_properties["blessed"].int_value) for one in blessings]

    before, moved = known(original.root), tmp_path / "new"
    original.root.rename(moved)
    relocate(moved, str(original.root))
    assert known(moved) == before


def test_a_root_without_a_store_is_named(tmp_path: Path) -> None:
    with pytest.raises(StateError, match=r"metadata\.sqlite: ML Metadata is lost; restore"):
        relocate(tmp_path, "/old")


def test_a_store_that_is_none_is_named(tmp_path: Path) -> None:
    (tmp_path / "metadata.sqlite").write_text("not a database" * 100)
    with pytest.raises(StateError, match=r"metadata\.sqlite: cannot be read or written .*not a database"):
        relocate(tmp_path, "/old")
