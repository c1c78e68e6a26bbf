"""How the images of a stored data set look; of one that an older version stored, its images are decoded again."""

from __future__ import annotations

import numpy as np

from ratchet.components.detector.stored_examples import ReadRecords, read_records, stored_examples
from ratchet.components.imaging.quality import image_quality
from ratchet.schemas.base.progress import Progress
from ratchet.schemas.data.dataset import content_digest
from ratchet.schemas.data.examples_artifact import ExamplesArtifact
from ratchet.schemas.data.fingerprints import Fingerprints, line_of
from ratchet.schemas.data.looks import SIDE, Looks, relative_boxes


def stored_looks(examples: ExamplesArtifact, *splits: str, read: ReadRecords = read_records) -> Looks:
    """How the images of some splits look.

    Args:
        examples: the data set.
        splits: of it.
        read: reads TFRecord files of tf.Examples, where what ExampleGen writes now is not there.

    Raises:
        StateError: what is stored is not whole.
    """
    parts = []
    for split in splits:
        looks = examples.looks(split)
        parts.append(looks if looks is not None else _decoded(examples, split, read))
    return Looks.join(parts)


def _decoded(examples: ExamplesArtifact, split: str, read: ReadRecords) -> Looks:
    progress = Progress("looking at stored images", examples.info.images[split])
    lines, thumbnails, boxes = [], [], []
    for example in stored_examples(examples, split, read=read):
        record, encoded = example.record, example.encoded
        quality = image_quality(encoded, record.file_name)
        content = content_digest(record, encoded, examples.info.class_names)
        lines.append(line_of(record.image_id, quality.hash_bits, content))
        thumbnails.append(quality.thumbnail)
        boxes.append(relative_boxes(record))
        progress.update(len(lines))
    return Looks(
        prints=Fingerprints.parse(lines, examples.info.span),
        thumbnails=np.array(thumbnails, np.uint8).reshape(-1, SIDE, SIDE),
        box_counts=np.array([len(each) for each in boxes], np.int64),
        boxes_xywh=np.concatenate([np.empty((0, 4), np.float32), *boxes]),
    )
