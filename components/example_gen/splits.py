"""Which images of a span are trained on, which choose the checkpoint and which choose nothing: a hash decides."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from ratchet.schemas.base.checked_json import shown
from ratchet.schemas.base.errors import ConfigError, DataError
from ratchet.schemas.base.sampling import fraction_of
from ratchet.schemas.data.records import ImageRecord

Split = Literal["train", "eval", "held_out"]


def split_of(record: ImageRecord, eval_fraction: float, held_out_fraction: float, group_by: str | None = None) -> Split:
    """Says in which part of a span an image belongs.

    Its number, 0..1, lies in the interval of one part: first that of `eval`, then that of `held_out`. So raising a
    fraction never moves an image into training that was left out of it before.

    Args:
        record: the image.
        eval_fraction: expected share of the validation part, 0..1; raising it only moves images into it.
        held_out_fraction: expected share, 0..1, of the part that chooses nothing.
        group_by: attribute, such as camera or recording: images with the same value of it stay together. With few
            groups the share may be far from the expected one. None: each image by its file name.

    Returns:
        `train`, `eval` or `held_out`.

    Raises:
        ConfigError: the fractions are outside 0..1, or add up to more than 1.
        DataError: the image lacks the attribute.
    """
    if not (eval_fraction >= 0 and held_out_fraction >= 0 and eval_fraction + held_out_fraction <= 1):
        raise ConfigError(
            f"eval_fraction {eval_fraction} and held_out_fraction {held_out_fraction} must be within 0..1, together too"
        )
    number = fraction_of(record.file_name if group_by is None else _group(record, group_by))
    if number < eval_fraction:
        return "eval"
    return "held_out" if number < eval_fraction + held_out_fraction else "train"


def splits_of(
    records: Sequence[ImageRecord], eval_fraction: float, held_out_fraction: float, group_by: str | None = None
) -> dict[int, Split]:
    """`split_of` for a whole span.

    Returns:
        The part of each image, by its id.

    Raises:
        ConfigError: the fractions are outside 0..1, or add up to more than 1.
        DataError: an image lacks the attribute, or nothing is left to train on although the fractions allow it.
    """
    splits: dict[int, Split] = {
        record.image_id: split_of(record, eval_fraction, held_out_fraction, group_by) for record in records
    }
    if eval_fraction + held_out_fraction < 1 and splits and "train" not in splits.values():
        groups = (
            f" in {len({_group(record, group_by) for record in records})} groups by {group_by!r}" if group_by else ""
        )
        raise DataError(
            f"all {len(splits)} images{groups} are held out at eval_fraction {eval_fraction} and held_out_fraction "
            f"{held_out_fraction}: nothing is left to train on; lower them, or deliver more images or groups"
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
