"""An adopted model on its golden set: asked as it is, proven to mean what it is taken for, and measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ratchet.components.adoption.answers import Answer, BoxReading, Order, found_by, usual
from ratchet.components.adoption.labels import Labels
from ratchet.components.adoption.proof import Golden, Proof, prove
from ratchet.components.adoption.signatures import Taken
from ratchet.components.detector.detections import renumbered, renumbering
from ratchet.components.map_evaluator.evaluate_files import EvaluatedFiles, evaluate_detections
from ratchet.components.map_evaluator.probe import chosen_images, probe_of
from ratchet.components.map_evaluator.settings import EvaluatorSettings
from ratchet.pipeline.adoption.golden import GoldenImages, truth_of
from ratchet.schemas.artifacts.evaluation import CANDIDATE
from ratchet.schemas.artifacts.serving_probe import ServingProbe
from ratchet.schemas.base.checked_json import shown
from ratchet.schemas.base.errors import InputError
from ratchet.schemas.base.formatting import listed
from ratchet.schemas.base.visible import visible_line
from ratchet.schemas.data.columns import DetectionColumns

if TYPE_CHECKING:
    from ratchet.components.adoption.foreign import Foreign

_LEAST_ROOM = 100  # detections of an image that a wrapped model has room for, at least
_TRIED = 16  # images by which it is told whether a model takes 0..255 or 0..1


@dataclass(frozen=True, eq=False)
class Asked:
    """A foreign model's answers to all golden images.

    Attributes:
        taken: what it takes for an image.
        reading: of its boxes.
        labels: the classes by their numbers.
        proof: what the golden set says of both.
        found: detections in the model's own label map; positions count the records of the golden set.
        most: detections of an image that there can be.
    """

    taken: Taken
    reading: BoxReading
    labels: Labels
    proof: Proof
    found: DetectionColumns
    most: int


@dataclass(frozen=True, eq=False)
class Measured:
    """What was measured.

    Attributes:
        evaluated: figures, and what a run would say of a first model with them.
        images: the golden set.
        probe: a few images with what the model found in them.
        golden_digest: of the golden set, as runs record it.
        only_golden: classes of the golden set that the model does not know.
        only_model: classes of the model that the golden set does not have.
    """

    evaluated: EvaluatedFiles
    images: GoldenImages
    probe: ServingProbe
    golden_digest: str
    only_golden: tuple[str, ...]
    only_model: tuple[str, ...]

    @property
    def map(self) -> float:
        """COCO mAP over all classes of the golden set."""
        return self.evaluated.scored.candidate.coco["AP"]


def ask(foreign: Foreign, images: GoldenImages, labels: Labels, order: Order | None) -> Asked:
    """Asks a foreign model for all golden images.

    Args:
        foreign: the model.
        images: the golden set; read once, and its digest is known then.
        labels: what class numbers are taken to mean.
        order: of the four numbers of a box, as a person says; None: as toolkits have them.

    Raises:
        InputError: it fails for an image, or boxes or classes mean something else.
    """
    from ratchet.components.adoption.foreign import asking, shortly, working

    names = images.source.label_map.names
    labels = labels.named_as(names)
    _check_classes(labels, names, images.source.directory)
    records = images.source.records
    golden = Golden(truth_of(images.source).objects, names)
    usually = foreign.signature.reading
    reading = usually if order is None else BoxReading(order, usually.unit)
    possible, answers = None, dict[int, list[Answer]]()
    asks = []
    for record, content in images:
        if possible is None:
            possible = working(foreign, content)
            asks = [asking(foreign, taken) for taken in possible]
        try:
            answers[record.image_id] = [one(content) for one in asks]
        except Exception as error:  # whatever the model's graph raises
            raise InputError(
                f"{visible_line(foreign.directory)}: fails for the golden image {visible_line(record.file_name)} "
                f"({shortly(error)}); a model that cannot take its own task's images cannot be served"
            ) from error
        if len(asks) > 1 and len(answers) == min(_TRIED, len(records)):
            best = _best(answers, records, golden, reading)
            possible, asks = [possible[best]], [asks[best]]
            answers = {image: [each[best]] for image, each in answers.items()}
    ordered = [answers[record.image_id][0] for record in records]
    reading = usual(reading, ordered)
    assert possible is not None  # a golden set has an image
    files = [record.file_name for record in records]
    proof = prove(ordered, golden, reading, labels, visible_line(foreign.directory), files)
    most = max(_LEAST_ROOM, *(len(answer.scores) for answer in ordered))
    return Asked(possible[0], reading, labels, proof, found_by(ordered, reading, labels.ids), most)


def _best(answers: Mapping[int, list[Answer]], records: Sequence, golden: Golden, reading: BoxReading) -> int:
    """Which of several ways to give an image finds most objects; the first of equals."""
    from ratchet.components.adoption.proof import hits

    image = [place for place, record in enumerate(records) if record.image_id in answers]
    part = golden.of_images(image)
    ways = len(next(iter(answers.values())))
    counts = []
    for way in range(ways):
        own = [answers[records[place].image_id][way] for place in image]
        counts.append(hits(own, part, usual(reading, own)))
    return int(np.argmax(counts))


def _check_classes(labels: Labels, names: Sequence[str], golden: str) -> None:
    if set(labels.names).isdisjoint(names):
        raise InputError(
            f"{labels.source}: names {_few(labels.names)}, and the golden set {visible_line(golden)} has "
            f"{_few(names)}: no class in common, so nothing can be measured; name the classes alike in both"
        )


def _few(names: Sequence[str]) -> str:
    return listed([shown(name) for name in names], 5)


def measure(
    model: str,
    found: DetectionColumns,
    class_names: Sequence[str],
    images: GoldenImages,
    settings: EvaluatorSettings,
) -> Measured:
    """Measures detections on a golden set whose images were all read.

    Args:
        model: its place, for messages.
        found: detections in its own label map; positions count the records.
        class_names: of its labels 1..K.
        images: the golden set.
        settings: rules, slices and resampling.

    Raises:
        RatchetError: nothing can be measured.
    """
    truth, names = truth_of(images.source), images.source.label_map.names
    known = renumbered(found, renumbering(class_names, names))
    evaluated = evaluate_detections(truth, {CANDIDATE: known}, {CANDIDATE: visible_line(model)}, settings)
    chosen = chosen_images(evaluated.tables[CANDIDATE])
    keep = np.array([record.image_id in set(chosen) for record in images.source.records], np.bool_)
    probe = probe_of(found.of_images(keep), images.files_of(chosen), class_names)
    only_golden = tuple(name for name in names if name not in class_names)
    only_model = tuple(name for name in class_names if name not in names)
    return Measured(evaluated, images, probe, images.digest, only_golden, only_model)
