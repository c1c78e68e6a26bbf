"""The kept boxes of golden images: a fixed sample, joined from parts in any order, and read at once."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from ratchet.schemas.artifacts import golden_boxes
from ratchet.schemas.artifacts.golden_boxes import GoldenBoxes, is_kept, kept_share
from ratchet.schemas.base.errors import StateError
from ratchet.schemas.data.columns import DetectionColumns, TruthColumns


def boxes(first: int = 0, images: int = 6, found: int = 3) -> GoldenBoxes:
    """Images with one object each, and detections whose score says their image and turn."""
    image = np.arange(images)
    own = np.repeat(image, found)
    scores = (own + first) / 1000 + np.tile(np.arange(found), images) / 1e6
    return GoldenBoxes(
        image_ids=image + first,
        file_names=tuple(f"{first + place}.jpg" for place in range(images)),
        sizes_px=np.tile([100.0 + first, 50.0], (images, 1)),
        class_names=("cat",),
        truth=TruthColumns(image, np.ones((images, 4)), np.ones(images, np.int64), np.ones(images), image < 0),
        found={"candidate": DetectionColumns(own, np.ones((len(own), 4)), np.ones(len(own), np.int64), scores)},
        max_detections=100,
        of=images,
    )


def test_parts_in_any_order_become_one_in_which_every_detection_stays_with_its_image() -> None:
    parts = [boxes(12), boxes(0), boxes(6)]
    joined = GoldenBoxes.join(parts)
    assert joined.image_ids.tolist() == list(range(18))
    assert joined.file_names == tuple(f"{number}.jpg" for number in range(18))
    assert np.array_equal(joined.sizes_px[:, 0], 100.0 + joined.image_ids // 6 * 6)
    found = joined.found["candidate"]
    assert np.array_equal(np.round(found.scores, 3), found.image / 1000)
    assert (np.diff(found.scores) > 0).all()  # those of one image in the order given
    assert joined.to_bytes() == GoldenBoxes.join(parts[::-1]).to_bytes()


def test_what_is_written_is_read() -> None:
    again = GoldenBoxes.from_bytes(boxes().to_bytes(), "boxes.npz")
    assert again.to_bytes() == boxes().to_bytes()


def test_no_more_images_than_allowed_are_kept_and_the_same_ones_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(golden_boxes, "MOST_IMAGES", 40)
    share = kept_share(400)
    sampled = [number for number in range(400) if is_kept(number, share)]
    assert 40 <= len(sampled) < 100
    part = boxes(images=400)
    kept = GoldenBoxes.join([part.of_images(np.isin(part.image_ids, sampled))])
    assert len(kept.image_ids) == 40
    assert np.array_equal(kept.image_ids, GoldenBoxes.join([part]).image_ids)


@pytest.mark.parametrize("spoilt", [{"file_names": ("a.jpg",)}, {"sizes_px": np.ones((2, 2))}])
def test_parts_that_do_not_belong_together_are_refused(spoilt: dict) -> None:
    content = dataclasses.replace(boxes(), **spoilt).to_bytes()
    with pytest.raises(StateError, match=r"^boxes\.npz: not the boxes of golden images"):
        GoldenBoxes.from_bytes(content, "boxes.npz")


def test_a_box_of_no_image_is_refused() -> None:
    whole = boxes()
    found = dataclasses.replace(whole.found["candidate"], image=whole.found["candidate"].image + 1)
    with pytest.raises(StateError, match="a box is of no image"):
        GoldenBoxes.from_bytes(dataclasses.replace(whole, found={"candidate": found}).to_bytes(), "boxes.npz")
