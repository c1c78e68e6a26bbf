"""What a training record says of spans, and what a retraining needs of the past: the record and those spans; pure."""

from __future__ import annotations

from collections.abc import Sequence

from ratchet.schemas.artifacts.training_record import TrainedData
from ratchet.schemas.base.artifact_places import places, to_record
from ratchet.schemas.base.errors import ConfigError
from ratchet.schemas.base.files import Files
from ratchet.schemas.data.dataset import TRAIN_SPLIT
from ratchet.schemas.data.examples_artifact import ExamplesArtifact

MOST_SPANS = 8  # earlier ones that a model carries more of than their names: the first, and the newest others
MOST_IMAGES = 300  # of a span
ALL_IMAGES = 800  # of all of them together


def trained_data(examples: ExamplesArtifact, artifacts: str | None) -> TrainedData:
    """A span's identity in a training record, its place relative to the artifacts directory if it lies in there."""
    info, place = examples.info, to_record(examples.uri, artifacts)
    images = info.images[TRAIN_SPLIT]
    return TrainedData(info.span, info.version, info.digest, images, info.class_names, place, info.exif)


def earlier_if_there(spans: Sequence[TrainedData], files: Files, artifacts: str | None) -> list[ExamplesArtifact]:
    """The examples of those earlier spans that can still be read; see `read_earlier`."""
    found = (ExamplesArtifact.find(data.examples, data.digest, files, artifacts) for data in spans)
    return [earlier for earlier in found if earlier is not None]


def read_earlier(data: TrainedData, files: Files, artifacts: str | None = None) -> ExamplesArtifact:
    """Finds the examples of an earlier span.

    Args:
        data: what the training record says of them.
        files: the file system.
        artifacts: the artifacts directory of the pipeline root, which may have been moved since; None: there is none.

    Raises:
        ConfigError: they are gone, or others have taken their place.
        StateError: a TFRecord file is not what ExampleGen wrote.
    """
    found = ExamplesArtifact.find(data.examples, data.digest, files, artifacts)
    if found is not None:
        found.check_files(TRAIN_SPLIT)  # shuffled batches would never tell that a file of it is not whole
        return found
    raise ConfigError(
        f"training.retrain.replay: the training images of span {data.span} are no longer at "
        f"{places(data.examples, artifacts)[0]}; "
        "bring them back, or train on the new span alone with training.retrain.replay=0"
    )


def carried(data: Sequence[TrainedData]) -> tuple[TrainedData, ...]:
    """The earlier spans that a model knows more of than their names.

    Args:
        data: the lineage; the last is the one trained on now.
    """
    earlier = list({of.digest: of for of in data[:-1] if of.digest != data[-1].digest}.values())
    return tuple(earlier[:1] + earlier[1:][-(MOST_SPANS - 1) :])


def images_of_each(spans: int) -> int:
    """About how many images of each of so many spans are described."""
    return min(MOST_IMAGES, ALL_IMAGES // max(1, spans))
