"""`ratchet.yaml` in a root: which run takes it, what is said of it, and that nothing overwrites it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ratchet.pipeline.root.own_settings import OWN_SETTINGS, write_new, write_own_settings
from ratchet.pipeline.root.root_file import read_file
from ratchet.pipeline.root.root_settings import configure_check, configure_run, has_settings, record_root
from ratchet.schemas.base.errors import ConfigError
from tests.pipeline.roots import serve

OWN = "name: digits\nmodel: {input_size: [128, 128], max_level: 5}\ntraining: {seed: 5}\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A root with settings of its own, before its first run."""
    write_own_settings(tmp_path / "root", OWN)
    return tmp_path / "root"


def edit(root: Path, old: str, new: str) -> None:
    file = root / "ratchet.yaml"
    file.write_text(file.read_text().replace(old, new))


def run_with(root: Path, config: str | None = None) -> None:
    """What a run does with its configuration, up to its first step."""
    record_root(root, configure_run(root, config, []).remembered)


def test_a_root_without_any_settings_has_none(tmp_path: Path, root: Path) -> None:
    assert not has_settings(tmp_path / "other")
    assert has_settings(root)


def test_the_first_run_takes_them_and_says_so(root: Path) -> None:
    made = configure_run(root, None, ["training.batch_size=4"])
    assert (made.settings.training.seed, made.settings.training.batch_size) == (5, 4)
    assert made.told == f"settings are those of {root}/ratchet.yaml"
    assert configure_check(root, None, []).training.seed == 5


def test_later_runs_take_them_as_they_are_then(root: Path) -> None:
    run_with(root)
    serve(root, "100", "span-1-aa-1", 1)
    edit(root, "seed: 5", "seed: 6")
    made = configure_run(root, None, [])
    assert made.settings.training.seed == configure_check(root, None, []).training.seed == 6
    assert made.told.startswith("settings are those of ")


def test_a_model_that_no_longer_fits_is_refused_by_the_name_of_the_file(root: Path) -> None:
    run_with(root)
    serve(root, "100", "span-1-aa-1", 1)
    edit(root, "[128, 128]", "[256, 256]")
    with pytest.raises(ConfigError, match=r"^.*root/ratchet\.yaml: model\.input_size = \[256, 256\], but") as error:
        configure_run(root, None, [])
    assert "change it to [128, 128] to go on" in str(error.value)
    assert "--config" not in str(error.value)


def test_another_configuration_stays_the_one_of_the_newest_run_until_the_file_is_named(
    root: Path, tmp_path: Path
) -> None:
    run_with(root)
    other = tmp_path / "other.yaml"
    other.write_text(OWN.replace("seed: 5", "seed: 8"))
    run_with(root, str(other))
    made = configure_run(root, None, [])
    assert made.settings.training.seed == 8
    own = root / "ratchet.yaml"
    assert made.told == (
        f"settings are those of the newest run, which was given --config {other}; "
        f"for those of {own} give --config {own}"
    )
    run_with(root, str(own))
    assert configure_run(root, None, []).settings.training.seed == 5


def test_a_file_that_is_gone_leaves_what_it_said_in_the_newest_run(root: Path) -> None:
    run_with(root)
    (root / "ratchet.yaml").unlink()
    made = configure_run(root, None, [])
    assert made.settings.training.seed == 5
    assert made.told == f"{root}/ratchet.yaml is gone: settings are those that it had in the newest run"


def test_a_root_that_was_moved_reads_its_own_one(root: Path, tmp_path: Path) -> None:
    run_with(root)
    there = read_file(root)
    assert there is not None
    assert there.config == OWN_SETTINGS
    moved = root.rename(tmp_path / "moved")
    edit(moved, "seed: 5", "seed: 9")
    assert configure_run(moved, None, []).settings.training.seed == 9


@pytest.mark.parametrize("content", ["training: {sead: 1}", "{", "- 1", "\ufeff\x00"])
def test_a_file_that_is_no_configuration_is_named_and_not_passed_over(root: Path, content: str) -> None:
    (root / "ratchet.yaml").write_text(content)
    for configure in (configure_run, configure_check):
        with pytest.raises(ConfigError, match=r"root/ratchet\.yaml"):
            configure(root, None, [])


@pytest.mark.parametrize("kind", ["directory", "fifo", "link to nowhere"])
def test_what_is_no_file_is_refused_instead_of_read(root: Path, kind: str) -> None:
    file = root / "ratchet.yaml"
    file.unlink()
    {"directory": file.mkdir, "fifo": lambda: os.mkfifo(file), "link to nowhere": lambda: file.symlink_to("nowhere")}[
        kind
    ]()
    with pytest.raises(ConfigError, match=r"ratchet\.yaml"):
        configure_run(root, None, [])
    with pytest.raises(ConfigError, match="written meanwhile"):
        write_own_settings(root, OWN)


def test_it_is_written_once_and_whole(root: Path) -> None:
    with pytest.raises(ConfigError, match=r"root/ratchet\.yaml: has been written meanwhile; give the command again"):
        write_own_settings(root, "name: other")
    assert (root / "ratchet.yaml").read_text() == OWN
    assert [path.name for path in root.iterdir()] == ["ratchet.yaml"]


def test_without_hard_links_it_is_written_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*paths: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    write_new(tmp_path / "a.yaml", OWN)
    assert (tmp_path / "a.yaml").read_text() == OWN
    with pytest.raises(FileExistsError):
        write_new(tmp_path / "a.yaml", "name: other")
    assert [path.name for path in tmp_path.iterdir()] == ["a.yaml"]


def test_where_it_cannot_be_written_the_way_out_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(
        ConfigError,
        match=r"cannot be written .*; make it writable, or write them elsewhere with `ratchet config propose",
    ):
        write_own_settings(tmp_path / "file" / "root", OWN)
