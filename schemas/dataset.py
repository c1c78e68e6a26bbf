"""What the steps after ExampleGen know of a data set: `dataset.json` beside its splits."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass

DATASET_FILE = "dataset.json"
TRAIN_SPLIT = "train"
EVAL_SPLIT = "eval"


@dataclass(frozen=True)
class DataSetInfo:
    """A data set's identity.

    Attributes:
        source: directory it was read from.
        span: span number; 0 for the golden set.
        digest: content digest of annotations and images.
        class_names: in label order, 1..K.
        category_ids: the data set's own ids of those classes.
        images: number of images of each split.
        boxes: number of boxes of each split.
    """

    source: str
    span: int
    digest: str
    class_names: tuple[str, ...]
    category_ids: tuple[int, ...]
    images: dict[str, int]
    boxes: dict[str, int]

    def to_json(self) -> str:
        """JSON text."""
        return json.dumps(dataclasses.asdict(self), indent=1, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> DataSetInfo:
        """The inverse of `to_json`."""
        values = json.loads(text)
        return cls(
            **{**values, "class_names": tuple(values["class_names"]), "category_ids": tuple(values["category_ids"])}
        )
