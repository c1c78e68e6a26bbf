from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import PurePosixPath

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ratchet.components.coco.image_keys import UNKNOWN, ImageKeys, Key, Reading
from ratchet.schemas.base.errors import DataError
from tests.nightly import often

# Ids from 1, files from 0: an integer can be either.
SHIFTED = ImageKeys([1, 2, 3, 4], ["0.jpg", "1.jpg", "2.jpg", "3.jpg"])


def find(
    images: ImageKeys,
    keys: Sequence[Key],
    files: Sequence[str] | None = None,
    preferred: Reading | None = None,
) -> list[int]:
    return images.find(keys, files, "d.json", preferred).tolist()


def refusal(
    images: ImageKeys, keys: Sequence[Key], files: Sequence[str] | None = None, preferred: Reading | None = None
) -> str:
    with pytest.raises(DataError) as caught:
        find(images, keys, files, preferred=preferred)
    assert str(caught.value).startswith("d.json: ")
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_file_is_read_in_the_way_in_which_all_its_keys_are_images() -> None:
    assert find(SHIFTED, [1, 4]) == [0, 3]  # no file is called 4
    assert find(SHIFTED, [0, 3]) == [0, 3]  # no id is 0
    assert find(SHIFTED, ["1", "004"]) == [0, 3]
    assert find(SHIFTED, ["0", "3"]) == [0, 3]
    assert find(SHIFTED, []) == []


@pytest.mark.parametrize("keys", [[1, 2], ["1", "2"]])
def test_where_both_ways_fit_and_differ_a_person_has_to_say(keys: list[Key]) -> None:
    message = refusal(SHIFTED, keys)
    assert f"{keys[0]!r} is image 1 '0.jpg' by id, image 2 '1.jpg' by name; say which it is with --dt-ids id" in message
    assert find(SHIFTED, keys, preferred="id") == [0, 1]
    assert find(SHIFTED, keys, preferred="file-name") == [1, 2]


def test_what_is_preferred_counts_only_where_both_ways_fit() -> None:
    assert find(SHIFTED, [1, 4], preferred="file-name") == [0, 3]
    assert find(SHIFTED, [0, 3], preferred="id") == [0, 3]


def test_where_ids_are_the_numbers_of_files_nobody_has_to_say_anything() -> None:
    same = ImageKeys([139, 285], ["val2017/000000000139.jpg", "val2017/000000000285.jpg"])
    for keys in ([139, 285], ["000000000139", "000000000285"], ["139", "285"]):
        assert find(same, keys) == [0, 1]


@pytest.mark.parametrize(
    "key",
    ["a/7.jpg", "./a/7.jpg", "a\\7.jpg", "/data/a/7.jpg", "a/7", "/data/a/7"],
)
def test_a_path_may_be_longer_than_the_file_name(key: str) -> None:
    assert find(ImageKeys([1, 2], ["b/7.jpg", "a/7.jpg"]), [key]) == [1]


def test_a_name_may_be_the_end_of_a_path() -> None:
    images = ImageKeys([1, 2], ["x/a/7.jpg", "x\\b\\8.jpg"])
    assert find(images, ["a/7.jpg", "8.jpg"]) == [0, 1]
    assert find(images, ["7", "b/8"]) == [0, 1]
    assert find(images, [7, 8]) == [0, 1]


def test_dots_belong_to_names() -> None:
    images = ImageKeys([1, 2], ["frame.1.jpg", "frame"])
    assert find(images, ["frame.1", "frame"]) == [0, 1]


@pytest.mark.parametrize(
    "key", ["c/7.jpg", "c/7", "7.png", "/a/b/8.jpg", "8x", "", "x" * 5000, "9" * 5000, 77, -1, 2**62]
)
def test_another_folder_suffix_or_number_is_no_image(key: Key) -> None:
    assert find(ImageKeys([1, 2], ["b/7.jpg", "a/b/c/8.jpg"]), [key]) == [UNKNOWN]


def test_a_name_of_several_files_is_refused_with_these() -> None:
    images = ImageKeys([5, 6, 7], ["a/0001.jpg", "b/1.png", "c/9.jpg"])
    message = refusal(images, [1, 9])
    assert "image_id 1 is the name of several images of the ground truth: image 5 'a/0001.jpg' and image 6 " in message
    assert "several images" in refusal(
        ImageKeys([5, 6], ["1.jpg", "b/1.jpg"]), ["1"]
    )  # a folder may have been left out
    assert "several images" in refusal(ImageKeys([5, 6], ["1.jpg", "b/1.jpg"]), ["1.jpg"])
    assert find(ImageKeys([5, 6], ["1.jpg", "b/1.jpg"]), ["b/1", "b/1.jpg"]) == [1, 1]


def test_a_name_of_several_files_that_is_an_id_too_is_refused() -> None:
    images = ImageKeys([1, 2, 3], ["a/1.jpg", "b/1.jpg", "c.jpg"])
    assert "1 is image 1 'a/1.jpg' by id, image 1 'a/1.jpg' or image 2 'b/1.jpg' by name" in refusal(images, [1])
    assert find(images, [1], preferred="id") == [0]
    assert "several images" in refusal(images, [1], preferred="file-name")


def test_names_of_files_decide_where_they_are_there() -> None:
    assert find(SHIFTED, [1, 2], ["1.jpg", "2.jpg"]) == [1, 2]
    assert find(SHIFTED, [900, 901], ["1.jpg", "2.jpg"]) == [1, 2]
    assert find(SHIFTED, [1, 2], ["1.jpg", "2.jpg"], preferred="id") == [1, 2]


def test_names_of_files_that_are_unknown_decide_nothing() -> None:
    assert find(SHIFTED, [0, 3], ["0.png", "3.png"]) == [0, 3]
    assert find(ImageKeys([8, 9], ["", ""]), [8, 9], ["x.jpg", "y.jpg"]) == [0, 1]
    message = refusal(ImageKeys([8, 9], ["a.jpg", "b.jpg"]), [8, 9], ["x.jpg", "b.jpg"])
    assert "image_id 8 with file_name 'x.jpg' would be image 8 'a.jpg' of the ground truth" in message


def test_ids_that_are_strings_are_the_same_strings_and_numbers() -> None:
    images = ImageKeys(["000001", "cam", "frame7"], ["", "x.jpg", "y.jpg"])
    assert find(images, ["000001", "cam"]) == [0, 1]
    assert find(images, [1]) == [0]
    assert find(images, ["x", "y.jpg"]) == [1, 2]
    assert find(images, ["cam", "x"]) == [1, UNKNOWN]  # of two ways none fits both


def test_a_mixture_of_ids_and_names_fits_in_no_way() -> None:
    images = ImageKeys([1, 2, 3], ["a.jpg", "b.jpg", "c.jpg"])
    assert find(images, [1, 2, "c"]) == [0, 1, UNKNOWN]
    assert find(images, [1, "b", "c"]) == [UNKNOWN, 1, 2]


def test_what_is_unknown_is_told_with_what_there_is() -> None:
    assert SHIFTED.unknown(9) == "9 is not among the 4 images, whose ids are [1, 2, 3, 4]"
    assert SHIFTED.unknown("x").endswith(", and whose files ['0.jpg', '1.jpg', '2.jpg', '3.jpg']")
    assert ImageKeys(["a"], [""]).unknown("x") == "'x' is not among the 1 images, whose ids are ['a']"


def number_or_stem(_: Key, name: str) -> Key:
    """As Ultralytics does it (`pred_to_json`)."""
    stem = PurePosixPath(name).stem
    return int(stem) if stem.isnumeric() else stem


WRITERS: dict[str, Callable[[Key, str], Key]] = {
    "id": lambda key, _: key,
    "id as a string": lambda key, _: str(key),
    "id with zeros": lambda key, _: f"{key:03}" if type(key) is int else key,
    "ultralytics": number_or_stem,
    "stem": lambda _, name: PurePosixPath(name).stem,
    "name": lambda _, name: PurePosixPath(name).name,
    "path": lambda _, name: name,
    "absolute path": lambda _, name: f"/data/{name}",
}
FEW = st.integers(0, 12)
TEXT_IDS = st.one_of(FEW.map(str), FEW.map(lambda number: f"{number:03}"), st.sampled_from("abc"))
PATHS = st.builds(
    lambda folder, stem, suffix: f"{folder}{stem}{suffix}",
    st.sampled_from(["", "a/", "b/", "b/a/"]),
    st.one_of(FEW.map(str), FEW.map(lambda number: f"{number:03}"), st.sampled_from("abc")),
    st.sampled_from([".jpg", ".png"]),
)


@st.composite
def truths(draw: st.DrawFn) -> tuple[list[Key], list[str]]:
    """Ids and paths that are easily mistaken for each other."""
    paths = draw(st.lists(PATHS, min_size=1, max_size=6, unique=True))
    ids = draw(st.sampled_from([FEW, TEXT_IDS]))
    return draw(st.lists(ids, min_size=len(paths), max_size=len(paths), unique=True)), paths


@given(truths(), st.sampled_from(list(WRITERS)), st.data())
@settings(max_examples=often(400, 20_000))
def test_whoever_writes_a_key_it_is_never_another_image(
    truth: tuple[list[Key], list[str]], writer: str, data: st.DataObject
) -> None:
    ids, paths = truth
    seen = data.draw(st.lists(st.integers(0, len(ids) - 1), max_size=6))
    keys = [WRITERS[writer](ids[place], paths[place]) for place in seen]
    says_file = data.draw(st.booleans())
    names = [PurePosixPath(paths[place]).name for place in seen] if says_file else None
    try:
        found = find(ImageKeys(ids, paths), keys, names)
    except DataError:
        return
    assert found == seen or UNKNOWN in found  # which is an error
