from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.cache import cached, digest_of
from tests.e2e.conftest import DEPENDED_ON, REPOSITORY, key_of


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    for part in DEPENDED_ON:
        path = tmp_path / part
        path = path if path.suffix else path / "deep" / "module.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x = 1\n")
    return tmp_path


@pytest.mark.parametrize("part", DEPENDED_ON)
def test_a_changed_file_of_any_part_changes_the_key(repository: Path, part: str) -> None:
    before = key_of(repository)
    assert key_of(repository) == before
    path = repository / part
    (path if path.suffix else path / "deep" / "module.py").write_text("x = 2\n")
    assert key_of(repository) != before


def test_a_new_a_renamed_and_a_removed_file_change_the_key_and_compiled_python_does_not(repository: Path) -> None:
    module = repository / "schemas" / "deep" / "module.py"
    keys = [key_of(repository)]
    compiled = module.parent / "__pycache__" / "module.pyc"
    compiled.parent.mkdir()
    compiled.write_bytes(b"compiled")
    assert key_of(repository) == keys[0]
    new = module.with_name("page.css")
    new.touch()
    keys.append(key_of(repository))
    new.rename(module.with_name("other.css"))
    keys.append(key_of(repository))
    module.unlink()
    keys.append(key_of(repository))
    assert len(set(keys)) == 4


def test_the_key_counts_facts_and_a_part_that_is_gone_is_an_error(repository: Path) -> None:
    assert digest_of(repository, ["schemas"], "a") != digest_of(repository, ["schemas"], "b")
    with pytest.raises(FileNotFoundError):
        digest_of(repository, ["nowhere.py"])


def test_the_sources_of_this_repository_are_all_there() -> None:
    assert all((REPOSITORY / part).exists() for part in DEPENDED_ON)


def fill(directory: Path) -> str:
    (directory / "file").write_text("as made")
    return "made"


def not_again(_: Path) -> str:
    raise AssertionError("made again")


def test_it_is_made_once_and_lent_at_the_same_place_as_it_was_made(tmp_path: Path) -> None:
    for make in (fill, not_again, not_again):
        with cached(tmp_path, "key", make) as made:
            file = tmp_path / "work" / "file"
            assert (made, file.read_text()) == ("made", "as made")
            file.write_text("what a test did to it")


def test_another_key_is_made_anew_and_takes_the_place_of_the_old(tmp_path: Path) -> None:
    with cached(tmp_path, "old", fill):
        pass
    with cached(tmp_path, "new", lambda _: "other") as made:
        assert made == "other"
        assert not (tmp_path / "work" / "file").exists()
    assert [path.name for path in tmp_path.glob("kept-*")] == ["kept-new"]


def test_what_failed_half_way_is_not_kept(tmp_path: Path) -> None:
    def fail(directory: Path) -> str:
        fill(directory)
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"), cached(tmp_path, "key", fail):
        pass
    with cached(tmp_path, "key", lambda directory: str(list(directory.iterdir()))) as made:
        assert made == "[]"
