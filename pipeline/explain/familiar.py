"""On which images the model before can judge labels, where nobody has its backbone: by how images look; pure.

The data gate asks the served model's embeddings. Here an image is its figures and its spectrum, which moves with the
size of what is in it; pixel noise is left out, for images that were compressed anew differ by it alone. Of five bench
cases of digits that agrees with the gate on controls, leaked, unlabelled and far images; it gives up sooner, in light
of .65.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Sequence

import numpy as np

from ratchet.components.data_gate.drift import as_compared
from ratchet.components.data_gate.trust import Trust, trust
from ratchet.pipeline.explain.data_sets import ReadDataSet
from ratchet.schemas.data import features
from ratchet.schemas.data.feature_sample import FeatureSample
from ratchet.schemas.data.looks import SIDE

_FIGURES = (
    features.QA_BRIGHTNESS,
    features.QA_CONTRAST,
    features.QA_SHARPNESS,
    features.QA_RED_CAST,
    features.QA_BLUE_CAST,
)
_BANDS = 6  # of a thumbnail's spectrum, from one cycle a side to as fine as it gets
_LEAST = 1e-6


def where_it_can_judge(
    after: ReadDataSet,
    after_rows: np.ndarray,
    golden: ReadDataSet,
    golden_rows: np.ndarray,
    training: Sequence[ReadDataSet],
) -> Trust | None:
    """Which images look like those on which the model was shown to be right.

    Args:
        after: the training data after.
        after_rows: [i] places in its `compared`, of the images that are judged.
        golden: the golden set.
        golden_rows: [j] the same of the golden images.
        training: what the model was trained on.

    Returns:
        None where a data set has no images.
    """
    if not all(data.has_images for data in (after, golden, *training)):
        return None
    known = [_looks(data) for data in training]
    of_after, of_golden = _looks(after)[after_rows], _looks(golden)[golden_rows]
    spread = np.maximum(np.concatenate([of_golden, *known]).std(axis=0), _LEAST)
    samples = [_with(data.sample, looks / spread) for data, looks in zip(training, known)]
    span = _with(after.sample.rows(after_rows), of_after / spread)
    return trust(span, _with(golden.sample.rows(golden_rows), of_golden / spread), samples)


def _with(sample: FeatureSample, looks: np.ndarray) -> FeatureSample:
    return dataclasses.replace(sample, embeddings=looks.astype(np.float32))


def _looks(data: ReadDataSet) -> np.ndarray:
    """[n, d] how each of the compared images looks."""
    assert data.looks is not None
    place = {image_id: row for row, image_id in enumerate(data.looks.prints.image_ids.tolist())}
    thumbnails = data.looks.thumbnails[[place[record.image_id] for record in data.compared]]
    figures = [as_compared(key, data.sample.images[key]) for key in _FIGURES]
    return np.column_stack([*figures, spectrum(thumbnails)])


def spectrum(thumbnails: np.ndarray) -> np.ndarray:
    """How much detail of each scale a picture has.

    Args:
        thumbnails: [n, 64, 64] grey levels.

    Returns:
        [n, 6] ln of the mean power in bands of frequencies, the coarsest first.
    """
    levels = thumbnails.astype(np.float32)
    window = np.hanning(SIDE).astype(np.float32)
    flat = (levels - levels.mean(axis=(1, 2), keepdims=True)) * window[:, None] * window
    power = np.abs(np.fft.rfft2(flat)) ** 2
    cycles = np.hypot(np.fft.fftfreq(SIDE)[:, None], np.fft.rfftfreq(SIDE)) * SIDE
    edges = np.geomspace(1, SIDE / 2, _BANDS + 1)
    bands = [power[:, (cycles >= low) & (cycles < high)].mean(axis=1) for low, high in itertools.pairwise(edges)]
    return np.log1p(np.column_stack(bands))
