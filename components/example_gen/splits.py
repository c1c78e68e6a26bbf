"""Which images of a span are trained on and which are held out: a hash decides, the same in every run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from schemas.base.checked_json import shown
from schemas.base.errors import ConfigError, DataError
from schemas.base.sampling import is_sampled
from schemas.data.dataset import EVAL_SPLIT
from schemas.data.records import ImageRecord

Split = Literal["train", "eval"]


def split_of(record: ImageRecord, eval_fraction: float, group_by: str | None = None) -> Split:
    """Says in which part of a span an image belongs.

    Args:
        record: the image.
        eval_fraction: expected share of the evaluation part, 0..1; raising it only moves images into it.
        group_by: attribute, such as camera or recording: images with the same value of it stay together. With few
            groups the share may be far from the expected one. None: each image by its file name.

    Returns:
        `train` or `eval`.

    Raises:
        ConfigError: the fraction is outside 0..1.
        DataError: the image lacks the attribute.
    """
    if not 0 <= eval_fraction <= 1:
        raise ConfigError(f"eval_fraction {eval_fraction} must be within 0..1")
    key = record.file_name if group_by is None else _group(record, group_by)
    return "eval" if is_sampled(key, eval_fraction) else "train"


def splits_of(records: Sequence[ImageRecord], eval_fraction: float, group_by: str | None = None) -> dict[int, Split]:
    """`split_of` for a whole span.

    Returns:
        The part of each image, by its id.

    Raises:
        ConfigError: the fraction is outside 0..1.
        DataError: an image lacks the attribute, or nothing is left to train on although the fraction is below 1.
    """
    splits: dict[int, Split] = {record.image_id: split_of(record, eval_fraction, group_by) for record in records}
    if eval_fraction < 1 and set(splits.values()) == {EVAL_SPLIT}:
        groups = (
            f" in {len({_group(record, group_by) for record in records})} groups by {group_by!r}" if group_by else ""
        )
        raise DataError(
            f"all {len(splits)} images{groups} are held out at eval_fraction {eval_fraction}: nothing is left to train "
            "on; lower eval_fraction, or deliver more images or groups"
        )
    return splits


def _group(record: ImageRecord, group_by: str) -> str:
    if group_by not in record.attributes:
        has = f"has {shown(sorted(record.attributes))}" if record.attributes else "has none"
        raise DataError(
            f"image {record.image_id} {shown(record.file_name)}: no attribute {group_by!r} to group by; it {has}; "
            "correct the setting or add the attribute to the image"
        )
    return record.attributes[group_by]
