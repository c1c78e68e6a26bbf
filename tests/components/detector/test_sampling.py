from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pytest

from ratchet.schemas.base.files import LOCAL_FILES
from ratchet.schemas.data import features
from ratchet.schemas.data.dataset import TRAIN_SPLIT
from ratchet.schemas.data.examples_artifact import ExamplesArtifact
from tests.builders import coco, coco_annotation, coco_image, write_span

pytestmark = pytest.mark.tensorflow
IMAGES = 40


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory) -> ExamplesArtifact:
    """What ExampleGen wrote for images 40.jpg .. 1.jpg, the n-th with n % 3 boxes."""
    import apache_beam as beam

    from ratchet.components.example_gen.generate import GenRequest, generate

    directory = tmp_path_factory.mktemp("sampling")
    owners = [image for image in range(1, IMAGES + 1) for _ in range(image % 3)]
    document = coco(
        images=[coco_image(IMAGES + 1 - number, file_name=f"{number:02}.jpg") for number in range(1, IMAGES + 1)],
        annotations=[coco_annotation(place, owner) for place, owner in enumerate(owners, 1)],
    )
    span = write_span(directory / "span", document)
    whole = {"eval_fraction": 0.0, "held_out_fraction": 0.0, "group_by": None, "class_names": None}
    request = GenRequest(str(span), 1, 1, strict=False, **whole)
    generate([(request, str(directory / "out"))], beam.Pipeline())
    return ExamplesArtifact.open(str(directory / "out"), LOCAL_FILES)


def look(examples: ExamplesArtifact, limit: int, **more: Any) -> Any:
    from ratchet.components.detector.sampling import Look

    return Look("sampling", examples, (TRAIN_SPLIT,), limit, **more)


def test_images_come_in_the_order_of_their_names_with_their_own_boxes(examples: ExamplesArtifact) -> None:
    from ratchet.components.detector.sampling import sample_images

    sample = sample_images(look(examples, IMAGES))
    assert [record.file_name for record in sample.records] == sorted(
        f"{number:02}.jpg" for number in range(1, IMAGES + 1)
    )
    assert sample.sample.box_counts.tolist() == [record.image_id % 3 for record in sample.records]
    assert (
        len(sample.sample.labels)
        == len(sample.sample.objects[features.QA_BOX_LOG_AREA])
        == sample.sample.box_counts.sum()
    )
    assert sample.sample.images[features.QA_BRIGHTNESS].min() > 0
    assert sample.sample.embeddings.shape == (IMAGES, 0)
    np.testing.assert_array_equal(np.bincount(sample.truth.image, minlength=IMAGES), sample.sample.box_counts)


def test_a_limit_gives_a_fixed_sample_of_about_that_size(examples: ExamplesArtifact) -> None:
    from ratchet.components.detector.sampling import sample_images

    first, again = (sample_images(look(examples, 20)).records for _ in range(2))
    assert first == again or [r.image_id for r in first] == [r.image_id for r in again]
    assert 10 < len(first) < 30


def test_images_are_found_by_name(examples: ExamplesArtifact) -> None:
    from ratchet.components.detector.kept_images import images_of

    found = images_of(examples, {"07.jpg", "nowhere.jpg"}, TRAIN_SPLIT)
    assert set(found) == {"07.jpg"}
    record, encoded = found["07.jpg"]
    assert record.image_id == IMAGES + 1 - 7
    assert encoded.startswith(b"\xff\xd8")
    assert images_of(examples, set(), TRAIN_SPLIT) == {}


@pytest.mark.parametrize("in_memory", [1, 10**9])
def test_one_pass_keeps_the_sample_and_what_was_asked_for(
    examples: ExamplesArtifact, in_memory: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ratchet.components.detector import kept_images
    from ratchet.components.detector.sampling import sample_images
    from ratchet.components.detector.stored_examples import read_records

    monkeypatch.setattr(kept_images, "_IN_MEMORY_BYTES", in_memory)
    passes = []
    kept = kept_images.KeptImages(image_ids={1}, file_names={"07.jpg", "nowhere.jpg"}, named={1, 2})

    def read(paths: Sequence[str]) -> Iterator[bytes]:
        passes.append(paths)
        yield from read_records(paths)

    sample = sample_images(look(examples, 10, kept=kept), read)

    assert passes == [examples.record_files(TRAIN_SPLIT)]
    assert kept.names == {1: f"{IMAGES}.jpg", 2: f"{IMAGES - 1}.jpg"}
    assert {name for name in kept.names.values() if name in kept} >= {f"{IMAGES}.jpg"}
    assert not kept.are_all_here
    for name in ("07.jpg", f"{IMAGES}.jpg", *(record.file_name for record in sample.records)):
        assert kept[name][1] == kept_images.images_of(examples, {name}, TRAIN_SPLIT)[name][1]
