"""What is known of a served model that Ratchet did not train; it travels inside the SavedModel, in `assets.extra/`.

A model has this or a training record, never both: one that Ratchet trained keeps its own when another root adopts it.
"""

from __future__ import annotations

from dataclasses import dataclass

from ratchet.schemas.base.files import Files
from ratchet.schemas.base.persisted import PersistedFormat
from ratchet.schemas.data.exif import IGNORE, Exif
from ratchet.schemas.data.training_plan import TrainingPlan

ADOPTION_FILE = "assets.extra/adoption.json"
ADOPTED = "ADOPTED"  # the verdict of a model that a person brought into service as it was


@dataclass(frozen=True)
class Adoption:
    """One adopted model's origin.

    Attributes:
        at: UTC time, ISO 8601.
        by: who adopted it.
        reason: why.
        source: the SavedModel as it was given.
        source_digest: `model_digest` of that directory.
        kind: how it takes images and gives boxes: `tf-object-detection`, `tf-models` or `other`.
        signature: the signature of it that is called.
        class_names: its label map, 1..K.
        exif: what was done about images whose EXIF orientation is not 1.
        plan: how it was trained, as a configuration of its toolkit says; None: no configuration was given.
    """

    at: str
    by: str
    reason: str
    source: str
    source_digest: str
    kind: str
    signature: str
    class_names: tuple[str, ...]
    exif: Exif = IGNORE
    plan: TrainingPlan | None = None


ADOPTION_FORMAT = PersistedFormat(
    Adoption,
    "the record of an adoption",
    1,
    "restore the model from a backup, or adopt it again: the same `ratchet adopt` puts it into service anew",
    sort_keys=True,
)


def read_adoption(model: str, files: Files) -> Adoption | None:
    """The adoption record inside a model; None of a model that was not adopted.

    Args:
        model: directory of the SavedModel.
        files: the file system.

    Raises:
        StateError: it is spoilt, or of a newer version.
    """
    path = f"{model}/{ADOPTION_FILE}"
    if not files.exists(path):
        return None
    with files.open(path, "rb") as file:
        return ADOPTION_FORMAT.read(file.read(), path)
