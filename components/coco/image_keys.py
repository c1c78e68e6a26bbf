"""Which image of a ground truth a detection is of, however the detector's tool names it; pure.

COCO results say `image_id`, the id of the ground truth. Ultralytics and its kin know no ids: they write the name of the
file without its suffix, as a number where it is one (`000012.jpg` is 12), newer versions the whole name besides. Who
dumps tensors has ids as keys of JSON, which are strings. So a key can be an id or a file's name, and a whole file is
read in the one way in which all of its keys are images. Where both ways fit and differ, a person has to say which is
meant. Nothing is guessed from how many keys fit.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Literal, TypeVar

import numpy as np

from ratchet.schemas.base.checked_json import shown
from ratchet.schemas.base.errors import DataError

Key = int | str
Places = tuple[int, ...]
AnyKey = TypeVar("AnyKey", int, str)
Reading = Literal["id", "file-name"]
OPTION = "--dt-ids"
READINGS: tuple[Reading, ...] = ("id", "file-name")
UNKNOWN = -1
_MOST_DIGITS = 39  # of a UUID as a number
_LISTED = 3
_SHOWN = 7


class ImageKeys:
    """The images of a ground truth by whatever may stand for them."""

    def __init__(self, ids: Sequence[Key], file_names: Sequence[str]) -> None:
        """Takes the images in the order of their positions.

        Args:
            ids: all integers or all strings, each once.
            file_names: paths; empty where unknown.
        """
        self._ids, self._file_names = ids, file_names

    def find(
        self,
        keys: Sequence[Key],
        file_names: Sequence[str] | None,
        source: str,
        preferred: Reading | None = None,
    ) -> np.ndarray:
        """The images of a results file.

        Args:
            keys: its image ids, each once or more.
            file_names: what it says of the file of each; None if it does not.
            source: its path, for messages.
            preferred: the reading to take where both fit and differ.

        Returns:
            [k] int64 positions, UNKNOWN for what is no image.

        Raises:
            DataError: a name is that of several images, both readings fit and differ, or a file name contradicts an id.
        """
        if file_names is not None:
            by_file = [self.by_name(name) for name in file_names]
            if all(len(each) == 1 for each in by_file):
                return _places(by_file)
        found = self._of_keys(keys, source, preferred)
        if file_names is not None:
            self._refuse_contradiction(keys, file_names, found, source)
        return found

    def _of_keys(self, keys: Sequence[Key], source: str, preferred: Reading | None) -> np.ndarray:
        by_id, by_name = [self.by_id(key) for key in keys], [self.by_name(key) for key in keys]
        is_id, is_name = all(len(each) == 1 for each in by_id), all(by_name)
        if is_id and is_name and by_id != by_name:
            if preferred is None:
                raise DataError(self._two_readings(keys, by_id, by_name, source))
            is_id = preferred == "id"
        if is_id:
            return _places(by_id)
        if is_name:
            self._refuse_several(keys, by_name, source)
            return _places(by_name)
        return _places(max(by_id, by_name, key=lambda found: sum(len(each) == 1 for each in found)))

    def by_id(self, key: Key) -> Places:
        """The images with an id, which may be written as a string (12: `"000012"`, `"12.0"`) or the other way round."""
        exact = self._by_id.get(key)
        if exact is not None:
            return (exact,)
        number = key if type(key) is int else _number(str(key).strip().removesuffix(".0"))
        return self._by_number_of_id.get(number, ()) if number is not None else ()

    def by_name(self, key: Key) -> Places:
        """The images whose file has a name: its path, the end of it, or a longer one; then those without the suffix.

        An integer is the number that a file's name is without folder and suffix.
        """
        if type(key) is int:
            return self._by_number_of_name.get(key, ())
        path = _path(str(key))
        for whole, ends in (self._by_path, self._by_stem):
            if "/" in path:  # it says the folder; otherwise all files of the name are meant
                longest = next((each for each in (path, *_ends(path)) if each in whole), path)
                found = whole.get(longest) or ends.get(path)
            else:
                found = ends.get(path)
            if found:
                return found
        return ()

    def unknown(self, key: Key) -> str:
        """What to say of a key that is no image."""
        ids, names = shown(list(self._ids[:_SHOWN])), shown(list(self._file_names[:_SHOWN]))
        if type(key) is int:
            return f"{key} is not among the {len(self._ids)} images, whose ids are {ids}"
        files = f", and whose files {names}" if any(self._file_names) else ""
        return f"{shown(key)} is not among the {len(self._ids)} images, whose ids are {ids}{files}"

    @cached_property
    def _by_id(self) -> dict[Key, int]:
        return {key: place for place, key in enumerate(self._ids)}

    @cached_property
    def _by_number_of_id(self) -> dict[int, Places]:
        numbers = (key if type(key) is int else _number(str(key)) for key in self._ids)
        return _gathered((number, place) for place, number in enumerate(numbers) if number is not None)

    @cached_property
    def _by_number_of_name(self) -> dict[int, Places]:
        stems = (_stem(name.replace("\\", "/").rpartition("/")[2]) for name in self._file_names)
        return _gathered((number, place) for place, stem in enumerate(stems) if (number := _number(stem)) is not None)

    @cached_property
    def _by_path(self) -> tuple[dict[str, Places], dict[str, Places]]:
        return self._tables([_path(name) for name in self._file_names])

    @cached_property
    def _by_stem(self) -> tuple[dict[str, Places], dict[str, Places]]:
        return self._tables([_stem(_path(name)) for name in self._file_names])

    def _tables(self, paths: list[str]) -> tuple[dict[str, Places], dict[str, Places]]:
        """Images by their whole path, and by any end of it."""
        named = [(path, place) for place, path in enumerate(paths) if path]
        return _gathered(named), _gathered((end, place) for path, place in named for end in (path, *_ends(path)))

    def _refuse_several(self, keys: Sequence[Key], found: list[Places], source: str) -> None:
        for key, places in zip(keys, found):
            if len(places) > 1:
                images = " and ".join(self._image(place) for place in places[:_LISTED])
                more = f" and {len(places) - _LISTED} more" if len(places) > _LISTED else ""
                raise DataError(
                    f"{source}: image_id {shown(key)} is the name of several images of the ground truth: {images}"
                    f"{more}; give detections by id or path, or files names of their own"
                )

    def _refuse_contradiction(
        self, keys: Sequence[Key], file_names: Sequence[str], found: np.ndarray, source: str
    ) -> None:
        for key, name, place in zip(keys, file_names, found.tolist()):
            own = str(self._file_names[place]) if place != UNKNOWN else ""
            if own and _last(name) != _last(own):
                raise DataError(
                    f"{source}: image_id {shown(key)} with file_name {shown(name)} would be {self._image(place)} of "
                    "the ground truth, which is another file; correct the names, or give the matching ground truth"
                )

    def _two_readings(self, keys: Sequence[Key], by_id: list[Places], by_name: list[Places], source: str) -> str:
        key, of_id, of_name = next(each for each in zip(keys, by_id, by_name) if each[1] != each[2])
        named = " or ".join(self._image(place) for place in of_name[:_LISTED])
        return (
            f"{source}: image_id can be an id of the ground truth, or the name of an image file without its suffix, as "
            f"Ultralytics writes it, and every image_id here is both: {shown(key)} is {self._image(of_id[0])} by id, "
            f"{named} by name; say which it is with {OPTION} id or {OPTION} file-name"
        )

    def _image(self, place: int) -> str:
        name = self._file_names[place]
        return f"image {shown(self._ids[place])}" + (f" {shown(name)}" if name else "")


def _places(found: Sequence[Places]) -> np.ndarray:
    return np.array([each[0] if len(each) == 1 else UNKNOWN for each in found], np.int64)


def _gathered(pairs: Iterable[tuple[AnyKey, int]]) -> dict[AnyKey, Places]:
    found: dict[AnyKey, Places] = {}
    for key, place in pairs:
        found[key] = (*found.get(key, ()), place)
    return found


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= _MOST_DIGITS else None


def _path(name: str) -> str:
    return name.replace("\\", "/").removeprefix("./")


def _stem(path: str) -> str:
    folder, slash, name = path.rpartition("/")
    stem = name.rpartition(".")[0]
    return folder + slash + (stem or name)


def _last(name: str) -> str:
    return _stem(_path(name)).rpartition("/")[2]


def _ends(path: str) -> list[str]:
    """The path without its first folder, without its first two, and so on.

    >>> _ends("a/b/c.jpg")
    ['b/c.jpg', 'c.jpg']
    """
    parts = path.split("/")
    return ["/".join(parts[first:]) for first in range(1, len(parts))]
