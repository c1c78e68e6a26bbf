from __future__ import annotations

import os
import subprocess
import sys

import pytest

from ratchet.components.example_gen.splits import split_of, splits_of
from ratchet.schemas.base.errors import ConfigError, DataError
from ratchet.schemas.data.records import GroundTruth, ImageRecord


def image(file_name: str, image_id: int = 1, **attributes: str) -> ImageRecord:
    return ImageRecord(image_id, file_name, 64, 48, GroundTruth([], [], [], []), attributes)  # type: ignore[arg-type]


def split_of_name(file_name: str, eval_fraction: float, held_out_fraction: float = 0.0) -> str:
    return split_of(image(file_name), eval_fraction, held_out_fraction)


NAMES = [f"{number:06}.jpg" for number in range(4000)]


def test_split_has_about_the_asked_share_and_more_of_it_only_adds() -> None:
    small = {name for name in NAMES if split_of_name(name, 0.2) == "eval"}
    large = {name for name in NAMES if split_of_name(name, 0.3) == "eval"}
    assert 0.17 < len(small) / len(NAMES) < 0.23
    assert small < large


def test_split_of_nothing_and_of_everything() -> None:
    assert {split_of_name(name, 0.0) for name in NAMES} == {"train"}
    assert {split_of_name(name, 1.0) for name in NAMES} == {"eval"}
    assert {split_of_name(name, 0.0, 1.0) for name in NAMES} == {"held_out"}


def test_held_out_images_come_out_of_training_and_leave_validation_as_it_was() -> None:
    before = {name: split_of_name(name, 0.1) for name in NAMES}
    after = {name: split_of_name(name, 0.1, 0.2) for name in NAMES}
    held_out = {name for name in NAMES if after[name] == "held_out"}
    assert 0.17 < len(held_out) / len(NAMES) < 0.23
    assert all(before[name] == "train" for name in held_out)
    assert all(after[name] == before[name] for name in NAMES if name not in held_out)


def test_what_was_once_left_out_of_training_never_comes_into_it_with_larger_fractions() -> None:
    left_out = {name for name in NAMES if split_of_name(name, 0.1, 0.1) != "train"}
    for fractions in ((0.1, 0.2), (0.2, 0.1), (0.2, 0.0)):
        assert left_out <= {name for name in NAMES if split_of_name(name, *fractions) != "train"}


@pytest.mark.parametrize(
    "fractions", [(-0.1, 0.0), (1.1, 0.0), (float("nan"), 0.0), (0.0, -0.1), (0.0, float("nan")), (0.6, 0.5)]
)
def test_impossible_shares_are_refused(fractions: tuple[float, float]) -> None:
    with pytest.raises(ConfigError, match=rf"^eval_fraction {fractions[0]} and held_out_fraction {fractions[1]} must"):
        split_of_name("1.jpg", *fractions)


def test_split_of_a_name_never_changes() -> None:
    # The hash is a contract: an image that moved to the other split would be trained on after it was held out.
    assert [split_of_name(f"{number}.jpg", 0.5)[0] for number in range(16)] == list("eettteettttettet")


def test_split_is_the_same_in_another_process() -> None:
    code = (
        "from tests.components.example_gen.test_splits import split_of_name\n"
        "print([split_of_name(str(n), .5)[0] for n in range(64)])"
    )
    environment = os.environ | {"PYTHONHASHSEED": "7", "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str([split_of_name(str(number), 0.5)[0] for number in range(64)])


def test_images_of_a_group_stay_together() -> None:
    images = [image(f"{n}.jpg", n, camera=f"cam{n % 40}") for n in range(400)]
    splits = splits_of(images, 0.3, 0.2, "camera")
    assert all(splits[n] == splits[n % 40] for n in range(400))
    assert set(splits.values()) == {"train", "eval", "held_out"}


def test_group_and_file_name_of_the_same_text_go_the_same_way() -> None:
    for name in NAMES[:50]:
        assert split_of(image("other.jpg", camera=name), 0.5, 0.0, "camera") == split_of_name(name, 0.5)


def test_image_without_the_attribute_is_named_with_those_it_has() -> None:
    with pytest.raises(
        DataError, match=r"^image 7 'a\.jpg': no attribute 'camera' to group by; it has \['night', 'site'\]"
    ):
        split_of(image("a.jpg", 7, site="x", night="1"), 0.1, 0.1, "camera")
    with pytest.raises(DataError, match="it has none; correct the setting or add the attribute"):
        split_of(image("a.jpg"), 0.1, 0.1, "camera")


def test_nothing_left_to_train_on_is_refused() -> None:
    name = next(name for name in NAMES if split_of_name(name, 0.1) == "eval")
    images = [image(f"{n}.jpg", n, camera=name) for n in range(30)]
    for fractions in ((0.1, 0.0), (0.0, 0.1), (0.05, 0.05)):
        given = rf"eval_fraction {fractions[0]} and held_out_fraction {fractions[1]}"
        with pytest.raises(DataError, match=rf"all 30 images in 1 groups by 'camera' are held out at {given}: nothing"):
            splits_of(images, *fractions, "camera")
    assert set(splits_of(images, 1.0, 0.0, "camera").values()) == {"eval"}


def test_one_group_in_training_and_none_held_out_is_no_error() -> None:
    name = next(name for name in NAMES if split_of_name(name, 0.1) == "train")
    assert set(splits_of([image("a.jpg", camera=name)], 0.1, 0.0, "camera").values()) == {"train"}
