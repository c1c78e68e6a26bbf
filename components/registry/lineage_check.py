"""Are the examples there that a retraining replays? Asked before anything is trained; pure.

Retention keeps them, but a bucket's lifecycle rules know nothing of it, and a trainer would find out hours later.
"""

from __future__ import annotations

from collections.abc import Sequence

from ratchet.components.object_store.client import in_pool
from ratchet.components.object_store.files import OBJECT_FILES
from ratchet.components.object_store.uri import is_gs
from ratchet.schemas.artifacts.training_record import TrainedData
from ratchet.schemas.base.artifact_places import places
from ratchet.schemas.base.errors import ConfigError
from ratchet.schemas.base.files import Files
from ratchet.schemas.data.dataset import TRAIN_SPLIT
from ratchet.schemas.data.examples_artifact import ExamplesArtifact


def check_lineage(lineage: Sequence[TrainedData], files: Files, artifacts: str | None) -> None:
    """Whether the training images of every span of a lineage can still be read; on gs:// at two requests a span.

    Args:
        lineage: what the training record of the served model says.
        files: the file system, for what does not lie on gs://.
        artifacts: the artifacts directory of the pipeline root; None: there is none.

    Raises:
        ConfigError: those of a span are gone, or not whole.
        StateError: an object store could not be asked.
    """
    spans = list({data.digest: data for data in lineage}.values())
    on_gs = [data for data in spans if any(map(is_gs, places(data.examples, artifacts)))]
    found = dict(zip((data.digest for data in on_gs), in_pool(lambda data: _on_gs(data, artifacts), on_gs)))
    for data in spans:
        if not (found[data.digest] if data.digest in found else _elsewhere(data, files, artifacts)):
            raise ConfigError(
                f"training.retrain.replay: the training images of span {data.span} are no longer whole at "
                f"{places(data.examples, artifacts)[0]}, and a retraining replays them; bring them back (did a rule of "
                "the bucket delete them? docs/object-storage.md says which prefixes may age), or train on the new span "
                "alone with training.retrain.replay=0"
            )


def _on_gs(data: TrainedData, artifacts: str | None) -> bool:
    for place in places(data.examples, artifacts):
        try:
            found = ExamplesArtifact.open(place, OBJECT_FILES)
        except FileNotFoundError:
            continue
        if found.info.digest == data.digest:
            return found.is_whole(TRAIN_SPLIT)
    return False


def _elsewhere(data: TrainedData, files: Files, artifacts: str | None) -> bool:
    found = ExamplesArtifact.find(data.examples, data.digest, files, artifacts)
    return found is not None and found.is_whole(TRAIN_SPLIT)
