"""Images as the served model knows them, to be shown beside those of a span: training images, or else golden ones."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from tfx.dsl.io import fileio

from ratchet.components.data_gate.inputs import GateInputs
from ratchet.components.detector.kept_images import KeptImages
from ratchet.components.detector.sampling import ImageSample, Look, sample_images
from ratchet.components.detector.stored_examples import ReadRecords
from ratchet.schemas.artifacts.data_evidence import DRIFT, EMBEDDING, Comparison
from ratchet.schemas.artifacts.training_record import TrainedData
from ratchet.schemas.data.dataset import TRAIN_SPLIT
from ratchet.schemas.data.examples_artifact import ExamplesArtifact

_READ = 200  # images of a training span, of which the most usual are shown


@dataclass(frozen=True, eq=False)
class UsualImages:
    """Images that a span is shown beside.

    Attributes:
        title: what one of them is: `training image of span 2`.
        class_names: of their labels.
        sample: their labels and figures.
        kept: their files.
    """

    title: str
    class_names: tuple[str, ...]
    sample: ImageSample
    kept: KeptImages


def usual_images(
    inputs: GateInputs, artifacts: str | None, compared: Iterable[Comparison], read: ReadRecords
) -> UsualImages | None:
    """Training images of the served model, of the span that the new one is nearest to, else of the newest that is left.

    Args:
        inputs: what is judged.
        artifacts: the artifacts directory of the pipeline root; None: there is none.
        compared: the drifts that are shown.
        read: reads TFRecord files.

    Returns:
        Golden images where the training images are gone; None where there are none either, or no model.
    """
    if inputs.served is None:
        return None
    drifts = [entry for entry in compared if entry.kind == DRIFT]
    nearest = {entry.reference for entry in drifts}
    looks = any(entry.feature == EMBEDDING for entry in drifts)
    trained_on = inputs.training.record.data if inputs.training else ()
    for data in sorted(trained_on, key=lambda data: (f"span {data.span}" not in nearest, -data.span)):
        found = _training_images(inputs, data, artifacts, looks, read)
        if found is not None and found.sample.records:
            return found
    if inputs.golden is None or inputs.golden_sample is None:
        return None
    return UsualImages("golden image", inputs.golden.class_names, inputs.golden_sample, inputs.golden_images)


def _training_images(
    inputs: GateInputs, data: TrainedData, artifacts: str | None, looks: bool, read: ReadRecords
) -> UsualImages | None:
    examples = ExamplesArtifact.find(data.examples, data.digest, fileio, artifacts)
    if examples is None or inputs.served is None or not examples.is_whole(TRAIN_SPLIT):
        return None
    detector = inputs.served.detector if looks else None
    look = Look("looking at training images", examples, (TRAIN_SPLIT,), _READ, detector, most=_READ)
    sample = sample_images(look, read)
    return UsualImages(f"training image of span {data.span}", examples.info.class_names, sample, look.kept)
