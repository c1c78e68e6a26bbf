"""What is spilled into shards is joined to the same matches, and little is in memory or travels."""

from __future__ import annotations

import contextlib
import os
import pickle
import shutil
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ratchet.components.map_evaluator import match_shards
from ratchet.components.map_evaluator.match_shards import Shards, save_collected
from ratchet.components.map_evaluator.matches import PERFECT, Collector, DataSetMatches
from ratchet.components.map_evaluator.scoring import score
from ratchet.components.map_evaluator.settings import EvaluatorSettings
from ratchet.components.metrics import (
    average_precision,
    bootstrap,
    large_classes,
    merging,
    resampling,
    stored_arrays,
)
from ratchet.schemas.data.columns import DetectionColumns, TruthColumns
from tests.components.map_evaluator.test_matches import assert_equal, collected


class LocalPlaces:
    """This machine's own files; shards that were opened are removed, as those copied from elsewhere are."""

    def write(self, path: str, save: Callable[[str], None]) -> None:
        """See `Places`."""
        os.makedirs(os.path.dirname(path), exist_ok=True)
        save(path)

    @contextlib.contextmanager
    def here(self, paths: Sequence[str]) -> Iterator[list[str]]:
        """See `Places`."""
        yield list(paths)
        for path in paths:
            os.remove(path)


PLACES = LocalPlaces()


def joined(parts: list[Collector], directory: Path, spilled: Sequence[bool]) -> DataSetMatches:
    """The parts, some of them by way of a shard."""
    shards = Shards(str(directory / "shards"), PLACES)
    kept = [shards.relieved(part, -1) if is_spilled else part for part, is_spilled in zip(parts, spilled, strict=True)]
    travelled = [pickle.loads(pickle.dumps(part)) for part in kept]
    save_collected(Collector.merge(travelled), str(directory / "matches.npz"), PLACES)
    return DataSetMatches.load(str(directory / "matches.npz"))


@pytest.mark.parametrize("at_once", [1, 3, 1 << 19])
@pytest.mark.parametrize("spilled", ["111111", "010110", "000000"])
def test_shards_make_no_difference(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at_once: int, spilled: str) -> None:
    monkeypatch.setattr(merging, "_AT_ONCE", at_once)
    monkeypatch.setattr(stored_arrays, "_MAPPED_FROM", 0)
    monkeypatch.setattr(stored_arrays, "_PIECE_ROWS", 5)
    ids = np.random.default_rng(1).permutation(30).tolist()
    whole = Collector.merge(collected(list(range(30)), 30)).finish()

    assert_equal(joined(collected(ids, 5), tmp_path, [mark == "1" for mark in spilled]), whole)


def found_in(images: Sequence[int], seed: int, few_scores: bool) -> Collector:
    """Made-up detections and objects of images; of few scores, so that many tie."""
    collector = Collector(sample_share=0.0)
    for image_id in images:
        random = np.random.default_rng([seed, image_id])
        count = int(random.integers(0, 40))
        boxes = random.uniform(1, 60, (count, 4))
        scores = random.integers(0, 3, count) / 2 if few_scores else random.uniform(0, 1, count)
        found = DetectionColumns(np.zeros(count, np.int64), boxes, random.integers(1, 3, count), scores)
        objects = min(count, 5)
        near = boxes[:objects] + random.normal(0, 1, (objects, 4))
        truth = TruthColumns(
            np.zeros(objects, np.int64),
            np.abs(near),
            found.labels[:objects],
            boxes[:objects, 2],
            np.zeros(objects, bool),
        )
        collector.add_columns(np.array([image_id]), truth, {"candidate": found})
    return collector


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 100),
    cuts=st.lists(st.integers(0, 20), max_size=4),
    at_once=st.integers(1, 60),
    few=st.booleans(),
)
def test_any_shards_make_the_same_table(
    tmp_path_factory: pytest.TempPathFactory, seed: int, cuts: list[int], at_once: int, few: bool
) -> None:
    ids = np.random.default_rng(seed).permutation(20)
    parts = [found_in(part.tolist(), seed, few) for part in np.split(ids, sorted(cuts)) if len(part)]
    whole = found_in(range(20), seed, few).finish()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(merging, "_AT_ONCE", at_once)
        measured = joined(parts, tmp_path_factory.mktemp("joined"), [True] * len(parts))

    for name in ("candidate", PERFECT):
        for field, values in vars(whole.tables[name]).items():
            assert np.asarray(values).tobytes() == np.asarray(vars(measured.tables[name])[field]).tobytes()


def test_an_image_in_two_shards_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="image id 1 was added twice"):
        joined(collected([1, 2, 1], 1, 0.0), tmp_path, [True, True, False])


def test_little_is_left_alone(tmp_path: Path) -> None:
    shards = Shards(str(tmp_path / "shards"), PLACES)
    [collector] = collected([1, 2], 2)

    assert shards.relieved(collector) is collector
    assert not (tmp_path / "shards").exists()


def many(images: range, models: Sequence[str] = ("candidate",)) -> Collector:
    """Some megabytes of matches."""
    random = np.random.default_rng(images.start)
    count = 100 * len(images)
    boxes = random.uniform(1, 90, (count, 4))
    found = DetectionColumns(
        np.repeat(np.arange(len(images)), 100), boxes, random.integers(1, 3, count), random.uniform(0, 1, count)
    )
    first = np.arange(0, count, 20)
    truth = TruthColumns(
        found.image[first],
        boxes[first],
        found.labels[first],
        boxes[first, 2] * boxes[first, 3],
        np.zeros(len(first), bool),
    )
    collector = Collector(sample_share=0.0)
    collector.add_columns(np.arange(images.start, images.stop), truth, dict.fromkeys(models, found))
    return collector


def spilled(images: int, directory: Path) -> tuple[int, int]:
    """The bytes that travel, and the peak of memory while the shards are joined."""
    shards = Shards(str(directory / "shards"), PLACES)
    collector = Collector.merge(shards.relieved(many(range(start, start + 250))) for start in range(0, images, 250))
    travels = len(pickle.dumps(collector))
    tracemalloc.start()
    save_collected(collector, str(directory / "matches.npz"), PLACES)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(DataSetMatches.load(str(directory / "matches.npz")).image_ids) == images
    shutil.rmtree(directory)
    return travels, peak


def test_neither_what_travels_nor_memory_grows_with_the_images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(match_shards, "_MOST_THAT_TRAVELS", 1 << 18)
    monkeypatch.setattr(merging, "_AT_ONCE", 1 << 16)
    monkeypatch.setattr(stored_arrays, "_MAPPED_FROM", 1 << 11)
    monkeypatch.setattr(stored_arrays, "_ON_DISK_FROM", 1 << 16)
    monkeypatch.setattr(stored_arrays, "_PIECE_ROWS", 1 << 16)
    few, many_images = spilled(1500, tmp_path / "few"), spilled(6000, tmp_path / "many")

    assert many_images[0] < few[0] + 18 * (len(str(tmp_path)) + 80)  # a path a shard
    assert many_images[1] < 1.5 * few[1]


def peak_of_scoring(images: int, directory: Path) -> int:
    """Bytes, while two models are scored with intervals, all and one half of the images."""
    collector = Collector(sample_share=0.0)
    found = [many(range(start, start + 250), ("candidate", "baseline")) for start in range(0, images, 250)]
    Collector.merge([collector, *found]).finish().save(str(directory / f"{images}.npz"))
    del found
    matches = DataSetMatches.load(str(directory / f"{images}.npz"))
    half = np.arange(images) % 2 == 0
    matches = DataSetMatches(matches.tables, matches.digests, {"half": np.where(half, "one", "other")}, {})
    tracemalloc.start()
    data = score(matches, ("a", "b"), EvaluatorSettings(resamples=4, slice_by=("half",)))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert data.deltas is not None
    assert data.deltas.overall.value == 0
    return peak


def test_memory_of_scores_and_intervals_hardly_grows_with_the_images(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module, name in (
        (average_precision, "_ROWS_AT_ONCE"),
        (large_classes, "ROWS_AT_ONCE"),
        (resampling, "ROWS_AT_ONCE"),
        (resampling, "_LARGE_FROM"),
        (stored_arrays, "_PIECE_ROWS"),
        (stored_arrays, "_MAPPED_FROM"),
        (stored_arrays, "_ON_DISK_FROM"),
        (bootstrap, "_CHUNK_DRAWS"),
    ):
        monkeypatch.setattr(module, name, 1 << 14)
    monkeypatch.setattr(bootstrap, "_WEIGHT_BYTES", 1 << 12)
    few, many_images = peak_of_scoring(500, tmp_path), peak_of_scoring(2000, tmp_path)

    assert many_images < 1.5 * few
