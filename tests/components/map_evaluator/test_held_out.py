"""Which images of a lineage have chosen nothing."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

import numpy as np
import pytest

from ratchet.components.map_evaluator.held_out import ChosenImages, Lineage, choose_held_out, lineage_of
from ratchet.schemas.artifacts.evaluation import EARLIER_SPANS, HELD_OUT
from ratchet.schemas.artifacts.training_record import TrainedData
from ratchet.schemas.base.files import LOCAL_FILES
from ratchet.schemas.data.dataset import DATASET_FILE, DATASET_FORMAT, FINGERPRINTS
from ratchet.schemas.data.examples_artifact import ExamplesArtifact, split_directory
from ratchet.schemas.data.fingerprints import Fingerprints, line_of
from tests.builders import dataset_info

GOLDEN = ("cat", "dog", "owl")
NONE = Fingerprints.join([])


def bits(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 2, 256).astype(bool)


def stored(
    directory: Path, span: int, held_out: dict[int, int], validation: dict[int, int] | None = None, **fields: object
) -> ExamplesArtifact:
    """A span; of each image its id and what it shows."""
    splits = {"train": {}, "eval": validation or {}, "held_out": held_out}
    (directory / FINGERPRINTS).mkdir(parents=True)
    for split, images in splits.items():
        lines = "\n".join(line_of(image_id, bits(shown)) for image_id, shown in images.items())
        (directory / FINGERPRINTS / split).write_text(lines)
        path = Path(split_directory(str(directory), split))
        path.mkdir()
        if images:
            (path / "data").touch()
    counts = {split: len(images) for split, images in splits.items()}
    info = dataset_info(**{"span": span, "digest": f"digest {span}", "images": counts, "class_names": GOLDEN} | fields)
    (directory / DATASET_FILE).write_text(DATASET_FORMAT.write(info))
    return ExamplesArtifact.open(str(directory), LOCAL_FILES)


def data_of(span: ExamplesArtifact) -> TrainedData:
    return TrainedData(span.info.span, 1, span.info.digest, 9, span.info.class_names, span.uri)


@pytest.fixture
def new(tmp_path: Path) -> ExamplesArtifact:
    return stored(tmp_path / "new", 2, {1: 101, 2: 102})


@pytest.fixture
def old(tmp_path: Path) -> ExamplesArtifact:
    return stored(tmp_path / "old", 1, {1: 201, 2: 202, 3: 203}, {4: 204})


def chosen(images: dict[str, dict[str, ChosenImages]], data_set: str) -> dict[int, int]:
    [part] = images[data_set].values()
    return dict(part.image_ids)


def test_images_of_two_spans_never_share_an_id(new: ExamplesArtifact, old: ExamplesArtifact) -> None:
    found = choose_held_out(Lineage(new, (old,)), NONE, GOLDEN, 12, 100)
    files = {name: dict(of_set) for name, of_set in found.files.items()}
    assert chosen(files, HELD_OUT) == {1: 1, 2: 2}
    assert chosen(files, EARLIER_SPANS) == {1: 3, 2: 4, 3: 5}
    assert (found.spans, found.copies, found.unused, found.missing) == (2, 0, 0, ())


def test_copies_of_what_chose_something_and_of_each_other_are_counted_and_left_out(
    new: ExamplesArtifact, tmp_path: Path
) -> None:
    old = stored(tmp_path / "other", 1, {1: 7, 2: 101, 3: 301, 4: 302}, {9: 301})
    trained_on = Fingerprints.parse([line_of(5, bits(7))], 4)
    found = choose_held_out(Lineage(new, (old,)), trained_on, GOLDEN, 12, 100)
    assert chosen({name: dict(files) for name, files in found.files.items()}, EARLIER_SPANS) == {4: 3}
    assert found.copies == 3


def test_a_sample_of_the_earlier_images_is_the_same_every_time_and_only_shrinks(
    new: ExamplesArtifact, old: ExamplesArtifact, tmp_path: Path
) -> None:
    def taken(*earlier: ExamplesArtifact) -> set[int]:
        found = choose_held_out(Lineage(new, earlier), NONE, GOLDEN, 12, 4)
        assert sum(len(one.image_ids) for files in found.files.values() for one in files.values()) == 4
        return set(found.files[EARLIER_SPANS].get(f"{split_directory(old.uri, 'held_out')}/data", EMPTY).image_ids)

    assert taken(old) == taken(old)
    assert taken(old, stored(tmp_path / "third", 3, {n: 400 + n for n in range(5)})) <= taken(old)


EMPTY = ChosenImages({}, ())


def test_labels_are_those_of_the_golden_set_and_classes_those_of_every_span(
    new: ExamplesArtifact, tmp_path: Path
) -> None:
    old = stored(tmp_path / "turned", 1, {1: 201}, class_names=("dog", "cat"), category_ids=(7, 3))
    found = choose_held_out(Lineage(new, (old,)), NONE, GOLDEN, 12, 100)
    [part] = found.files[EARLIER_SPANS].values()
    assert part.labels == (0, 2, 1)
    assert found.class_names == ("cat", "dog")
    assert found.labels(GOLDEN, [("owl", "dog")]) == {2: "dog"}


def test_a_span_from_before_there_was_the_split_has_no_such_images(
    new: ExamplesArtifact, old: ExamplesArtifact
) -> None:
    info = dataclasses.replace(old.info, images={"train": 5, "eval": 1})
    Path(old.uri, DATASET_FILE).write_text(DATASET_FORMAT.write(info))
    lineage = lineage_of(new, [data_of(old), data_of(new)], LOCAL_FILES, None, GOLDEN)
    found = choose_held_out(lineage, NONE, GOLDEN, 12, 100)
    assert (list(found.files), found.spans, found.missing) == ([HELD_OUT], 1, ())


def test_without_any_there_is_nothing(tmp_path: Path) -> None:
    found = choose_held_out(Lineage(stored(tmp_path / "none", 2, {})), NONE, GOLDEN, 12, 100)
    assert (found.files, found.spans) == ({}, 0)


def test_the_lineage_is_found_where_the_root_is_now_and_without_what_is_gone(tmp_path: Path) -> None:
    artifacts = tmp_path / "artifacts"
    old, gone, torn, other = (
        stored(artifacts / "ExampleGen" / str(n), n, {1: n}, class_names=("cat",) if n < 4 else ("bat",))
        for n in (1, 2, 3, 4)
    )
    new = stored(artifacts / "new", 9, {1: 99})
    before = [data_of(span) for span in (old, gone, torn, other, new)]
    moved = [dataclasses.replace(data, examples=data.examples.replace(str(tmp_path), "/moved")) for data in before]
    shutil.rmtree(gone.uri)
    Path(torn.uri, FINGERPRINTS, "held_out").unlink()
    lineage = lineage_of(new, moved, LOCAL_FILES, str(artifacts), GOLDEN)
    assert [span.info.span for span in lineage.earlier] == [1]
    for told, words in zip(lineage.missing, ("span 2: its stored images are gone", "span 3: what", "span 4: it has")):
        assert told.startswith(words)
