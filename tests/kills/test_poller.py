"""A watcher that never looks away sees whole models only; `make poller` has TensorFlow load two hundred."""

from __future__ import annotations

from pathlib import Path

from tests.kills.poller import PublishingRoot, Watcher, publish_many, wrong_of

PUBLICATIONS = 25


def test_every_version_is_whole_the_moment_it_is_seen(tmp_path: Path) -> None:
    world = PublishingRoot(tmp_path / "root")
    watcher = Watcher(world.serving, loads=False)
    publish_many(world, PUBLICATIONS)
    assert wrong_of(world, watcher.stop(), PUBLICATIONS) == []


def test_a_version_that_appears_before_its_files_is_noticed(tmp_path: Path) -> None:
    world = PublishingRoot(tmp_path / "root")
    watcher = Watcher(world.serving, loads=False)
    (world.serving / "5" / "variables").mkdir(parents=True)
    [failure] = watcher.stop().failures
    assert failure.startswith("version 5: FileNotFoundError")
