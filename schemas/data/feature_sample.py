"""The `qa/` features of some images as columns, with what a backbone makes of them.

A model carries such a sample of its training images, so that the next span can be compared with what is known to be one
and the same world.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ratchet.schemas.base.errors import StateError
from ratchet.schemas.base.persisted import check_arrays

_FORMAT = 1  # before it had a number, it was the same


@dataclass(frozen=True, eq=False)
class FeatureSample:
    """Images in the order in which they were delivered.

    Attributes:
        images: feature key -> [n] float64, one value an image.
        objects: feature key -> [m] float64, one value a box; all keys have the same boxes.
        labels: [m] int64, 1..K.
        box_counts: [n] int64, boxes of each image; they add up to m.
        embeddings: [n, d] float32; d is 0 for a model that has none.
    """

    images: Mapping[str, np.ndarray]
    objects: Mapping[str, np.ndarray]
    labels: np.ndarray
    box_counts: np.ndarray
    embeddings: np.ndarray

    def __len__(self) -> int:
        return len(self.box_counts)

    def rows(self, images: np.ndarray) -> FeatureSample:
        """Some of the images.

        Args:
            images: [k] places, in whatever order.
        """
        starts = [0, *np.cumsum(self.box_counts).tolist()]
        boxes = np.concatenate([np.empty(0, np.int64), *(np.arange(starts[i], starts[i + 1]) for i in images)])
        return FeatureSample(
            images={key: values[images] for key, values in self.images.items()},
            objects={key: values[boxes] for key, values in self.objects.items()},
            labels=self.labels[boxes],
            box_counts=self.box_counts[images],
            embeddings=self.embeddings[images],
        )

    def thinned(self, limit: int) -> FeatureSample:
        """At most so many of the images, evenly from all of them."""
        if len(self) <= limit:
            return self
        return self.rows(np.unique(np.linspace(0, len(self) - 1, limit).round().astype(np.int64)))

    @classmethod
    def join(cls, samples: Sequence[FeatureSample]) -> FeatureSample:
        """The images of several samples of one model in one; what not all of them have is left out.

        Args:
            samples: at least one.
        """
        size = min(sample.embeddings.shape[1] for sample in samples)
        return cls(
            images=_joined([sample.images for sample in samples]),
            objects=_joined([sample.objects for sample in samples]),
            labels=np.concatenate([sample.labels for sample in samples]),
            box_counts=np.concatenate([sample.box_counts for sample in samples]),
            embeddings=np.concatenate([sample.embeddings[:, :size] for sample in samples]),
        )

    def to_bytes(self) -> bytes:
        """The content of an .npz file; figures are kept as float32, embeddings as float16."""
        arrays = {f"image:{key}": values.astype(np.float32) for key, values in self.images.items()}
        arrays |= {f"object:{key}": values.astype(np.float32) for key, values in self.objects.items()}
        file = io.BytesIO()
        np.savez_compressed(
            file,
            format=np.array(_FORMAT),
            labels=self.labels,
            box_counts=self.box_counts,
            embeddings=self.embeddings.astype(np.float16),
            **arrays,  # pyright: ignore[reportArgumentType]
        )
        return file.getvalue()

    @classmethod
    def from_bytes(cls, content: bytes, source: str) -> FeatureSample:
        """The inverse of `to_bytes`.

        Raises:
            StateError: not such a file; `source` is its name in the message.
        """
        try:
            arrays = dict(np.load(io.BytesIO(content), allow_pickle=False))
            check_arrays(arrays, _FORMAT, source)
            return cls(
                images=_below("image:", arrays),
                objects=_below("object:", arrays),
                labels=arrays["labels"],
                box_counts=arrays["box_counts"],
                embeddings=arrays["embeddings"].astype(np.float32),
            )
        except (ValueError, KeyError, OSError, TypeError, EOFError, zipfile.BadZipFile) as error:
            raise StateError(
                f"{source}: not a sample of training images ({error}); retrain from a bootstrap"
            ) from error


def _joined(parts: Sequence[Mapping[str, np.ndarray]]) -> dict[str, np.ndarray]:
    shared = [key for key in parts[0] if all(key in part for part in parts)]
    return {key: np.concatenate([part[key] for part in parts]) for key in shared}


def _below(prefix: str, arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {
        key.removeprefix(prefix): values.astype(np.float64) for key, values in arrays.items() if key.startswith(prefix)
    }
