"""Which export of the baseline a candidate is compared with: the one that has the same post-processing."""

from __future__ import annotations

from dataclasses import dataclass

from tfx.dsl.io import fileio
from tfx.utils import path_utils

from ratchet.schemas.artifacts.training_record import (
    BASELINE_DIRECTORY,
    RECORD_FILE,
    SettingChange,
    read_training_record,
)
from ratchet.schemas.base.errors import StateError
from ratchet.schemas.base.model_digest import is_intact


@dataclass(frozen=True)
class ComparedBaseline:
    """The baseline's weights with the candidate's post-processing.

    Attributes:
        directory: its SavedModel.
        digest: of what is in there.
        changes: what differs from the baseline as it is served.
    """

    directory: str
    digest: str
    changes: tuple[SettingChange, ...]


def compared_baseline(candidate: str) -> ComparedBaseline | None:
    """What the Trainer exported beside a candidate.

    Args:
        candidate: URI of its Model artifact.

    Returns:
        None where the baseline as it is served has the same post-processing.

    Raises:
        StateError: it is not there, or is not what the candidate's training record names.
    """
    model = path_utils.serving_model_path(candidate)
    if not fileio.exists(f"{model}/{RECORD_FILE}"):
        return None  # of another origin: it is compared with what is served
    record = read_training_record(model, fileio)
    if record.baseline_for_comparison is None:
        return None
    directory = f"{candidate}/{BASELINE_DIRECTORY}"
    if not is_intact(directory, record.baseline_for_comparison, fileio):
        raise StateError(
            f"{directory}: not the baseline with the candidate's post-processing that the Trainer wrote (content "
            f"digest {record.baseline_for_comparison[:12]}), so nothing is blessed; give the command with --anew, "
            "which trains again"
        )
    return ComparedBaseline(directory, record.baseline_for_comparison, record.post_processing)
