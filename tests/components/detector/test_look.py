from __future__ import annotations

import numpy as np
import pytest

from schemas.data import features
from tests.builders import coco, coco_annotation, coco_image, write_span

pytestmark = pytest.mark.tensorflow
IMAGES = 40


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """What ExampleGen wrote for images 40.jpg .. 1.jpg, the n-th with n % 3 boxes."""
    import apache_beam as beam

    from components.example_gen.generate import GenRequest, generate

    directory = tmp_path_factory.mktemp("look")
    owners = [image for image in range(1, IMAGES + 1) for _ in range(image % 3)]
    document = coco(
        images=[coco_image(IMAGES + 1 - number, file_name=f"{number:02}.jpg") for number in range(1, IMAGES + 1)],
        annotations=[coco_annotation(place, owner) for place, owner in enumerate(owners, 1)],
    )
    span = write_span(directory / "span", document)
    request = GenRequest(str(span), 1, 1, strict=False, eval_fraction=0.0, group_by=None, class_names=None)
    generate([(request, str(directory / "out"))], beam.Pipeline())
    return sorted(str(path) for path in (directory / "out" / "Split-train").iterdir())


def test_images_come_in_the_order_of_their_names_with_their_own_boxes(files: list[str]) -> None:
    from components.detector.look import look_at

    look = look_at(files, IMAGES, IMAGES, None, 2, "looking")
    assert [record.file_name for record in look.records] == sorted(
        f"{number:02}.jpg" for number in range(1, IMAGES + 1)
    )
    assert look.sample.box_counts.tolist() == [record.image_id % 3 for record in look.records]
    assert len(look.sample.labels) == len(look.sample.objects[features.QA_BOX_LOG_AREA]) == look.sample.box_counts.sum()
    assert look.sample.images[features.QA_BRIGHTNESS].min() > 0
    assert look.sample.embeddings.shape == (IMAGES, 0)
    np.testing.assert_array_equal(np.bincount(look.truth.image, minlength=IMAGES), look.sample.box_counts)


def test_a_limit_gives_a_fixed_sample_of_about_that_size(files: list[str]) -> None:
    from components.detector.look import look_at

    first, again = (look_at(files, IMAGES, 20, None, 2, "looking").records for _ in range(2))
    assert first == again or [r.image_id for r in first] == [r.image_id for r in again]
    assert 10 < len(first) < 30


def test_images_are_found_by_name_and_names_by_id(files: list[str]) -> None:
    from components.detector.look import images_of, names_of

    found = images_of(files, {"07.jpg", "nowhere.jpg"})
    assert set(found) == {"07.jpg"}
    record, encoded = found["07.jpg"]
    assert record.image_id == IMAGES + 1 - 7
    assert encoded.startswith(b"\xff\xd8")
    assert names_of(files, {record.image_id}) == {record.image_id: "07.jpg"}
    assert images_of([], set()) == names_of([], set()) == {}
