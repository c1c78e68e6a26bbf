"""What file functions promise is the same on a disk and on gs://."""

from __future__ import annotations

from pathlib import Path

import pytest

from ratchet.components.object_store.files import OBJECT_FILES, files_of, read_text, write_text
from ratchet.schemas.base.files import LOCAL_FILES
from ratchet.schemas.base.model_digest import model_digest, model_size
from tests.gcs.fixtures import Bucket

pytest.importorskip("google.cloud.storage")


@pytest.fixture(params=["disk", "gs"])
def root(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "disk":
        return str(tmp_path)
    return request.getfixturevalue("gcs").uri("root")


def put(path: str, content: bytes) -> None:
    files_of(path).makedirs(path.rpartition("/")[0])
    with files_of(path).open(path, "wb") as file:
        file.write(content)


def test_files_are_found_by_the_same_names(root: str) -> None:
    files = files_of(root)
    assert (files is OBJECT_FILES) == root.startswith("gs://")
    for name in ("a.txt", "b/c.txt", "b/d/e.json", "b/d/f[1].txt"):
        put(f"{root}/{name}", name.encode())
    assert sorted(files.listdir(root)) == ["a.txt", "b"]
    assert [files.exists(f"{root}/{name}") for name in ("a.txt", "b", "b/d", "none", "b/c")] == [True] * 3 + [False] * 2
    assert [files.isdir(f"{root}/{name}") for name in ("a.txt", "b", "none")] == [False, True, False]
    assert sorted(files.glob(f"{root}/b/*.txt")) == [f"{root}/b/c.txt"]
    assert sorted(files.glob(f"{root}/*/*/*.*")) == [f"{root}/b/d/e.json", f"{root}/b/d/f[1].txt"]
    assert files.glob(f"{root}/a.txt") == [f"{root}/a.txt"]
    assert files.glob(f"{root}/none*") == []
    walked = [(folder, sorted(folders), sorted(names)) for folder, folders, names in files.walk(root)]
    assert walked == [
        (root, ["b"], ["a.txt"]),
        (f"{root}/b", ["d"], ["c.txt"]),
        (f"{root}/b/d", [], ["e.json", "f[1].txt"]),
    ]
    assert [folder for folder, _, _ in files.walk(root, topdown=False)] == [f"{root}/b/d", f"{root}/b", root]


def test_a_file_is_moved_over_another_only_on_purpose(root: str) -> None:
    files = files_of(root)
    put(f"{root}/new", b"new")
    put(f"{root}/old", b"old")
    with pytest.raises(FileExistsError):
        files.rename(f"{root}/new", f"{root}/old")
    files.rename(f"{root}/new", f"{root}/old", overwrite=True)
    assert sorted(files.listdir(root)) == ["old"]
    assert read_text(f"{root}/old") == "new"


def test_text_comes_back(root: str) -> None:
    files_of(root).makedirs(root)
    write_text(f"{root}/t", "crème\n")
    assert read_text(f"{root}/t") == "crème\n"
    with files_of(root).open(f"{root}/u", "w") as file:
        file.write("eins\n")
        file.write("zwei")
    with files_of(root).open(f"{root}/u") as file:
        assert list(file) == ["eins\n", "zwei"]
    put(f"{root}/v", b"\xff")
    with pytest.raises(UnicodeDecodeError):
        read_text(f"{root}/v")
    with pytest.raises(FileNotFoundError):
        read_text(f"{root}/none")
    with pytest.raises(FileNotFoundError):
        files_of(root).listdir(f"{root}/none")


def test_what_fails_half_way_is_not_written(gcs: Bucket) -> None:
    def write(mode: str) -> None:
        with OBJECT_FILES.open(gcs.uri("a"), mode) as file:
            file.write(b"half" if "b" in mode else "half")
            raise KeyError

    for mode in ("w", "wb"):
        with pytest.raises(KeyError):
            write(mode)
    assert not OBJECT_FILES.exists(gcs.uri("a"))


def test_a_directory_that_was_made_leaves_no_object(gcs: Bucket) -> None:
    OBJECT_FILES.makedirs(gcs.uri("a/b"))
    assert [request.kind for request in gcs.requests] == []


def test_a_model_has_the_same_digest_and_size_everywhere(gcs: Bucket, tmp_path: Path) -> None:
    for root in (str(tmp_path / "m"), gcs.uri("m")):
        for name in ("saved_model.pb", "variables/variables.index", "variables/v.data", "a-b/x", "a/y"):
            put(f"{root}/{name}", name.encode())
    local, remote = str(tmp_path / "m"), gcs.uri("m")
    assert (
        model_digest(local, LOCAL_FILES)
        == model_digest(remote, OBJECT_FILES)
        == model_digest(f"{remote}/", OBJECT_FILES)
    )
    assert model_size(local, LOCAL_FILES) == model_size(remote, OBJECT_FILES)


@pytest.mark.tensorflow
def test_a_model_has_the_same_digest_by_the_file_functions_of_tfx(gcs: Bucket, tmp_path: Path) -> None:
    """Whose walk names directories with a slash at their end."""
    from tfx.dsl.io import fileio

    for root in (str(tmp_path / "m"), gcs.uri("m")):
        for name in ("saved_model.pb", "variables/variables.index"):
            put(f"{root}/{name}", name.encode())
    assert model_digest(gcs.uri("m"), fileio) == model_digest(str(tmp_path / "m"), LOCAL_FILES)
    assert model_size(gcs.uri("m"), fileio) == model_size(str(tmp_path / "m"), LOCAL_FILES)
