"""How deliveries are to be read: `data.reading` and `data.golden_reading`."""

from __future__ import annotations

from typing import Annotated, Literal, Optional

from pydantic import Field

from ratchet.components.example_gen.layout.layouts import Reading
from ratchet.schemas.base.settings import settings

_Format = Literal["coco", "voc", "yolo", "tfrecord", "openimages", "huggingface", "cvat"]
_Below = Annotated[Optional[str], Field(pattern=r"^[^/]")]


@settings
class ReadingSettings:
    """What a delivery does not say of itself, or says in two ways: docs/data.md. What is left out is found out.

    Attributes:
        format: in which its annotations are written; None: the one that its files look like.
        annotations: the annotation file, or the directory of the annotation files, below the delivery; None: they are
            looked for.
        images: the directory of the pictures, below the delivery; None: it is looked for.
        split: `train`, `val` or `test`, of a delivery that has splits; None: all of it.
    """

    format: Optional[_Format] = None
    annotations: _Below = None
    images: _Below = None
    split: Optional[str] = None

    @property
    def reading(self) -> Reading:
        """The same for a reader."""
        return Reading(self.format, self.annotations, self.images, self.split)
