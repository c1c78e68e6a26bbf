"""What counts as a copy of an image: one group of settings, `data.copies`, for data gate and evaluator."""

from __future__ import annotations

from typing import Annotated, Optional

from pydantic import Field, model_validator

from ratchet.schemas.base.settings import settings


@settings
class CopySettings:
    """Copies of golden images in what is trained on: docs/data-gate.md.

    Attributes:
        check: whether they are looked for.
        reason: why they are not, which has to be said where `check` is false; page, status and history show it.
        max_hamming_distance: bits, of 256, by which the hash of a training image whose pixels are no longer stored may
            differ from a golden image's and is still suspected to be its copy, which is told as a warning.
    """

    check: bool = True
    reason: Optional[str] = None
    max_hamming_distance: Annotated[int, Field(ge=0, le=64)] = 12

    @model_validator(mode="after")
    def _says_why(self) -> CopySettings:
        if not self.check and not (self.reason or "").strip():
            raise ValueError(
                "data.copies.check = false: copies of golden images make every score too good; say in "
                "data.copies.reason why they are not looked for"
            )
        if self.check and self.reason is not None:
            raise ValueError(
                "data.copies.reason: is why copies are not looked for; set data.copies.check to false, or leave it out"
            )
        return self

    @property
    def untested(self) -> str | None:
        """What a rule says instead of testing; None if it tests."""
        return None if self.check else f"not tested: {(self.reason or '').strip()} (data.copies.check is false)"
