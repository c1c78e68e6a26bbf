"""A few golden images with the detections that were measured on them: what a served model is tried with."""

from __future__ import annotations

import io
import itertools
import json
import zipfile
from dataclasses import dataclass

import numpy as np

from ratchet.schemas.base.errors import StateError
from ratchet.schemas.base.persisted import check_arrays
from ratchet.schemas.data.columns import DetectionColumns

_FORMAT = 1  # before it had a number, it was the same


@dataclass(frozen=True, eq=False)
class ServingProbe:
    """What the evaluation saw of some images.

    Attributes:
        class_names: of the labels 1..K, in the model's own label map.
        file_names: of the images.
        images: the image files.
        detections: what the candidate found in them; positions count these images.
    """

    class_names: tuple[str, ...]
    file_names: tuple[str, ...]
    images: tuple[bytes, ...]
    detections: DetectionColumns

    def to_bytes(self) -> bytes:
        """The content of an .npz file."""
        file = io.BytesIO()
        names = json.dumps({"class_names": self.class_names, "file_names": self.file_names})
        np.savez(
            file,
            format=np.array(_FORMAT),
            names=np.array(names),
            sizes=np.array([len(image) for image in self.images], np.int64),
            images=np.frombuffer(b"".join(self.images), np.uint8),
            **vars(self.detections),
        )
        return file.getvalue()

    @classmethod
    def from_bytes(cls, content: bytes, source: str) -> ServingProbe:
        """The inverse of `to_bytes`.

        Raises:
            StateError: not such a file, or one without images; `source` is its name in the message.
        """
        try:
            probe = _parsed(content, source)
        except (ValueError, KeyError, TypeError, OSError, EOFError, zipfile.BadZipFile) as error:
            raise StateError(f"{source}: not the golden images of an evaluation ({error}); run again") from error
        if not probe.images:
            raise StateError(f"{source}: holds no golden image to try the model with; run again")
        return probe


def _parsed(content: bytes, source: str) -> ServingProbe:
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        check_arrays(arrays, _FORMAT, source)
        names = json.loads(arrays["names"].item())
        found = DetectionColumns(*(arrays[name] for name in ("image", "boxes_xywh_px", "labels", "scores")))
        ends = np.cumsum([0, *arrays["sizes"]])
        data = arrays["images"].tobytes()
    images = tuple(data[start:end] for start, end in itertools.pairwise(ends))
    rows = {len(column) for column in vars(found).values()}
    if len(images) != len(names["file_names"]) or len(rows) != 1 or ends[-1] != len(data):
        raise ValueError("its parts do not belong together")
    return ServingProbe(tuple(names["class_names"]), tuple(names["file_names"]), images, found)
