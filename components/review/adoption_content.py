"""What the page of an adoption shows, as plain values; every string of it is hostile."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ratchet.components.review.files_content import FilesContent


@dataclass(frozen=True)
class AdoptionContent:
    """Everything on the page.

    Attributes:
        subject: the model, in a few words.
        sentence: who adopted it and why, or that nothing was changed.
        is_rehearsal: whether nothing was changed.
        notes: doubts about the model or its golden set, a sentence each.
        reading: how the model is called, and what shows that its numbers mean what they are taken for, a sentence each.
        training: what is known of its training, a line each.
        lacks: what it lacks, and what that switches off.
        step: what to do next, in a sentence.
        command: the one that goes with it.
        files: figures, errors and pictures on the golden set; the candidate there is the adopted model.
    """

    subject: str
    sentence: str
    is_rehearsal: bool
    notes: Sequence[str]
    reading: Sequence[str]
    training: Sequence[str]
    lacks: Sequence[tuple[str, str]]
    step: str
    command: str
    files: FilesContent
