"""ExampleGen over what a broken try has left, how large its graph is, and who notices files that have changed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ratchet.schemas.base.errors import StateError
from ratchet.schemas.base.files import LOCAL_FILES
from ratchet.schemas.data.dataset import DATASET_FILE, TRAIN_SPLIT
from ratchet.schemas.data.examples_artifact import ExamplesArtifact
from tests.builders import coco, coco_annotation, coco_image, write_span
from tests.components.example_gen.test_generate import generate, many

pytestmark = pytest.mark.tensorflow
ALL_TRAIN = {"eval_fraction": 0.0, "held_out_fraction": 0.0}
LARGEST_GRAPH = 200_000  # bytes; Dataflow refuses more than 10 MB, and starts slowly long before


def labelled(out: Path) -> int:
    """How many images the Trainer plans by, which are all that it trains on."""
    from ratchet.components.trainer.images.examples import label_statistics

    return len(label_statistics(ExamplesArtifact.open(str(out), LOCAL_FILES)).shapes.image_sizes_px)


@pytest.fixture(scope="module")
def span(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return many(tmp_path_factory.mktemp("repeated") / "span", 20)


def test_what_a_broken_try_has_left_is_no_part_of_the_data_set(span: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    first = generate(span, out, **ALL_TRAIN)
    [file] = ExamplesArtifact.open(str(out), LOCAL_FILES).record_files(TRAIN_SPLIT)
    left = (
        "data_tfrecord-00000-of-00003",
        "beam-temp-data_tfrecord-1234/part",
        "../lines-00000-of-00002",
        "../staging/x",
    )
    for name in left:
        place = Path(file).parent / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(Path(file).read_bytes())
    assert labelled(out) == 20  # what is not listed is not read
    assert generate(span, out, **ALL_TRAIN) == first
    found = sorted(str(path.relative_to(out)) for path in out.rglob("*") if path.is_file())
    assert [name for name in found if name.startswith("Split-")] == ["Split-train/data_tfrecord-00000-of-00001"]
    assert not [name for name in found if "lines" in name or "staging" in name or "beam-temp" in name]
    assert labelled(out) == 20


def test_a_broken_try_is_not_whole_by_what_an_earlier_one_said(span: Path, tmp_path: Path) -> None:
    generate(span, tmp_path / "out", **ALL_TRAIN)
    broken = many(tmp_path / "broken", 20)
    (broken / "images" / "7.jpg").write_bytes(b"text")
    with pytest.raises(Exception, match=r"7\.jpg"):
        generate(broken, tmp_path / "out", **ALL_TRAIN)
    assert not (tmp_path / "out" / DATASET_FILE).exists()


def test_the_trainer_names_the_file_that_has_changed(span: Path, tmp_path: Path) -> None:
    generate(span, tmp_path / "out", **ALL_TRAIN)
    [file] = map(Path, ExamplesArtifact.open(str(tmp_path / "out"), LOCAL_FILES).record_files(TRAIN_SPLIT))
    whole = file.read_bytes()
    for content, said in (
        (whole * 2, r"it holds 40 images, but .*dataset\.json says 20"),
        (whole[:-10], r"it holds 19 images, but .*dataset\.json says 20"),
        (b"", r"it holds 0 images, but .*dataset\.json says 20"),
        (None, r"no such file, but .*dataset\.json lists it with 20 images"),
    ):
        file.unlink() if content is None else file.write_bytes(content)
        with pytest.raises(StateError, match=rf"{file.name}: {said}; .*restore it, or give the command with --anew"):
            labelled(tmp_path / "out")


def test_several_groups_are_one_data_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from ratchet.components.example_gen import generate as module
    from ratchet.components.example_gen.staging import groups_of

    many(tmp_path / "span", 150)
    one = generate(tmp_path / "span", tmp_path / "one")
    monkeypatch.setattr(module, "groups_of", lambda shards: groups_of(shards, images=64))
    several = generate(tmp_path / "span", tmp_path / "several")
    assert (several.digest, several.images, several.facts) == (one.digest, one.images, one.facts)
    assert several.record_files is not None
    assert len(several.record_files[TRAIN_SPLIT]) == 3
    assert (
        sum(several.record_files[TRAIN_SPLIT].values()) == several.images[TRAIN_SPLIT] == labelled(tmp_path / "several")
    )
    for name in ("fingerprints/train", "looks/eval.npz", "looks/held_out.npz"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "several" / name).read_bytes()


def graph_bytes(directory: Path, images: int, boxes: int) -> int:
    """Of a data set of one picture under many names; nothing of it is read but its annotations."""
    import apache_beam as beam

    from ratchet.components.example_gen.generate import GenRequest, _Read

    document = coco(
        images=[coco_image(i) for i in range(1, images + 1)],
        annotations=[coco_annotation(i * boxes + n, i) for i in range(1, images + 1) for n in range(boxes)],
    )
    span = write_span(directory / "span", document, {})
    (span / "images").mkdir(exist_ok=True)
    for entry in document["images"]:
        (span / "images" / entry["file_name"]).touch()
    pipeline: Any = beam.Pipeline()
    request = GenRequest(str(span), 1, 1, False, 0.1, 0.1, None, None)
    _Read.of(request, str(directory / "out")).add_to(pipeline, "0")
    return pipeline.to_runner_api().ByteSize()


def test_the_graph_does_not_grow_with_the_data_set(tmp_path: Path) -> None:
    few, many_images = graph_bytes(tmp_path / "few", 100, 1), graph_bytes(tmp_path / "many", 3000, 10)
    assert many_images < few + 10_000  # Beam expands a Create of one element with fewer transforms
    assert many_images < LARGEST_GRAPH


def test_the_graph_of_a_million_images_is_small() -> None:
    import apache_beam as beam

    from ratchet.components.example_gen.converting import ConvertGroup
    from ratchet.components.example_gen.staging import MOST_GROUPS

    pipeline: Any = beam.Pipeline()
    _ = pipeline | beam.Create(range(MOST_GROUPS)) | beam.Reshuffle() | beam.ParDo(ConvertGroup("gs://bucket/out"))
    assert pipeline.to_runner_api().ByteSize() < LARGEST_GRAPH
