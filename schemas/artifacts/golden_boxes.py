"""Objects and detections of golden images, or of a fixed sample of them: `golden/boxes.npz` of an evaluation.

The COCO files beside it hold every image, and are gigabytes at a hundred thousand. A sample of these says as much of
how boxes are drawn and named, and is read at once.
"""

from __future__ import annotations

import dataclasses
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

import numpy as np

from ratchet.schemas.base.checked_json import MAX_ID, shown
from ratchet.schemas.base.errors import StateError
from ratchet.schemas.base.persisted import check_arrays
from ratchet.schemas.base.sampling import fraction_of
from ratchet.schemas.data.columns import Columns, DetectionColumns, TruthColumns

BOXES_FILE = "boxes.npz"
MOST_IMAGES = 2000
SAMPLE = "boxes"  # purpose of the sample
_FORMAT = 1
_SPARE = 1.2  # of what a share is expected to give: chance must not leave fewer than there may be


@dataclass(frozen=True, eq=False)
class GoldenBoxes:
    """Objects and detections of golden images, or of a fixed sample of them.

    Attributes:
        image_ids: [i] int64, ascending.
        file_names: of the images; their places are the positions that the columns speak of.
        sizes_px: [i, 2] float64, width and height.
        class_names: in label order.
        truth: the objects.
        found: by model (`candidate`, `baseline`), all that was kept of its detections.
        max_detections: of each image and class the best so many count.
        of: how many golden images there are in all.
    """

    image_ids: np.ndarray
    file_names: tuple[str, ...]
    sizes_px: np.ndarray
    class_names: tuple[str, ...]
    truth: TruthColumns
    found: Mapping[str, DetectionColumns]
    max_detections: int
    of: int

    def of_images(self, keep: np.ndarray) -> GoldenBoxes:
        """Some of the images, whose positions are counted anew; `keep` is [i] bool."""
        return dataclasses.replace(
            self,
            image_ids=self.image_ids[keep],
            file_names=tuple(name for name, kept in zip(self.file_names, keep) if kept),
            sizes_px=self.sizes_px[keep],
            truth=self.truth.of_images(keep),
            found={model: found.of_images(keep) for model, found in self.found.items()},
        )

    @classmethod
    def join(cls, parts: Sequence[GoldenBoxes]) -> GoldenBoxes:
        """The sample of several parts of a golden set, at least one, in any order: at most MOST_IMAGES of them."""
        image_ids = np.concatenate([part.image_ids for part in parts])
        starts = np.cumsum([0, *(len(part.image_ids) for part in parts)])
        place = np.argsort(np.argsort(image_ids))
        names = [name for part in parts for name in part.file_names]
        joined = dataclasses.replace(
            parts[0],
            image_ids=np.sort(image_ids),
            file_names=tuple(names[row] for row in np.argsort(image_ids)),
            sizes_px=np.concatenate([part.sizes_px for part in parts])[np.argsort(image_ids)],
            truth=_joined([part.truth for part in parts], starts, place),
            found={model: _joined([part.found[model] for part in parts], starts, place) for model in parts[0].found},
        )
        fractions = np.array([_fraction(number) for number in joined.image_ids.tolist()])
        least = np.argsort(fractions, kind="stable")[:MOST_IMAGES]
        return joined.of_images(np.isin(np.arange(len(fractions)), least))

    def to_bytes(self) -> bytes:
        """The content of an .npz file."""
        file = io.BytesIO()
        rest = {
            "file_names": self.file_names,
            "class_names": self.class_names,
            "models": list(self.found),
            "max_detections": self.max_detections,
            "of": self.of,
        }
        columns = {f"truth/{name}": values for name, values in vars(self.truth).items()}
        for model, found in self.found.items():
            columns |= {f"found/{model}/{name}": values for name, values in vars(found).items()}
        np.savez(
            file,
            format=np.array(_FORMAT),
            rest=np.array(json.dumps(rest)),
            image_ids=self.image_ids,
            sizes_px=self.sizes_px,
            **columns,
        )
        return file.getvalue()

    @classmethod
    def from_bytes(cls, content: bytes, source: str) -> GoldenBoxes:
        """The inverse of `to_bytes`.

        Raises:
            StateError: not such a file; `source` is its name in the message.
        """
        try:
            return _parsed(content, source)
        except StateError:
            raise
        except Exception as error:  # np.load and what it rests on raise some ten kinds for bytes that were altered
            raise StateError(f"{source}: not the boxes of golden images ({error}); run again") from error


def kept_share(images: int) -> float:
    """The share of a golden set's images whose boxes are kept.

    >>> kept_share(2000), kept_share(24_000)
    (1.0, 0.1)
    """
    return min(1.0, _SPARE * MOST_IMAGES / max(1, images))


def is_kept(image_id: int, share: float) -> bool:
    """Whether an image belongs to the sample of a share, the same in every run."""
    return _fraction(image_id) < share


def _fraction(image_id: int) -> float:
    return fraction_of(str(image_id), SAMPLE)


def _joined(parts: Sequence, starts: np.ndarray, place: np.ndarray):
    # Rows of one image keep their order: equal scores count in the order given.
    columns = {each.name: np.concatenate([getattr(part, each.name) for part in parts]) for each in fields(parts[0])}
    image = place[np.concatenate([part.image + start for part, start in zip(parts, starts)]).astype(np.int64)]
    order = np.argsort(image, kind="stable")
    return type(parts[0])(**{name: values[order] for name, values in {**columns, "image": image}.items()})


def _parsed(content: bytes, source: str) -> GoldenBoxes:
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        check_arrays(arrays, _FORMAT, source)
        rest = json.loads(arrays["rest"].item())
        boxes = GoldenBoxes(
            image_ids=_sound(arrays["image_ids"], "image_ids"),
            file_names=_names(rest["file_names"]),
            sizes_px=_sound(arrays["sizes_px"], "sizes_px"),
            class_names=_names(rest["class_names"]),
            truth=_columns(TruthColumns, arrays, "truth"),
            found={model: _columns(DetectionColumns, arrays, f"found/{model}") for model in _names(rest["models"])},
            max_detections=_count(rest["max_detections"]),
            of=_count(rest["of"]),
        )
    images = len(boxes.image_ids)
    sides = [boxes.truth, *boxes.found.values()]
    if len(boxes.file_names) != images or len(boxes.sizes_px) != images or not all(map(_is_whole, sides)):
        raise ValueError("its parts do not belong together")
    if (np.diff(boxes.image_ids) <= 0).any():
        raise ValueError("its images are not in order, each once")
    for side in sides:
        if side.image.size and not 0 <= side.image.min() <= side.image.max() < images:
            raise ValueError("a box is of no image")
        if side.labels.size and not 1 <= side.labels.min() <= side.labels.max() <= len(boxes.class_names):
            raise ValueError("a box is of no class")
    return boxes


# Kind and size of a row of each array.
_INTEGERS, _NUMBERS, _FLAGS = np.int64, np.float64, np.bool_
_ARRAYS = {
    "image_ids": (_INTEGERS, ()),
    "sizes_px": (_NUMBERS, (2,)),
    "image": (_INTEGERS, ()),
    "boxes_xywh_px": (_NUMBERS, (4,)),
    "labels": (_INTEGERS, ()),
    "area_px2": (_NUMBERS, ()),
    "is_crowd": (_FLAGS, ()),
    "scores": (_NUMBERS, ()),
}


def _columns(kind: type[Columns], arrays: Mapping[str, np.ndarray], of: str) -> Columns:
    return kind(**{each.name: _sound(arrays[f"{of}/{each.name}"], each.name) for each in fields(kind)})


def _sound(values: np.ndarray, name: str) -> np.ndarray:
    dtype, row = _ARRAYS[name]
    if values.dtype.kind != np.dtype(dtype).kind or not values.ndim or values.shape[1:] != row:
        raise ValueError(f"{name} is an array of {values.dtype}, {values.shape}")
    if dtype is _NUMBERS and not np.isfinite(values).all():
        raise ValueError(f"{name} holds what is no finite number")
    return values


def _names(values: object) -> tuple[str, ...]:
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise ValueError(f"{shown(values)} are no names")
    "".join(values).encode()  # else no file could hold them
    return tuple(values)


def _count(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value <= MAX_ID:
        raise ValueError(f"{shown(value)} is no count")
    return value


def _is_whole(columns: TruthColumns | DetectionColumns) -> bool:
    return len({len(values) for values in vars(columns).values()}) == 1
