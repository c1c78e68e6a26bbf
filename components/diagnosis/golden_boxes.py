"""The boxes of golden images of an evaluation: its kept sample, or of an older evaluation some of its COCO files."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from ratchet.components.coco.lines import annotations_in, results_in
from ratchet.schemas.artifacts import evaluation as written
from ratchet.schemas.artifacts.evaluation import BASELINE, CANDIDATE, GOLDEN, Evaluation
from ratchet.schemas.artifacts.golden_boxes import BOXES_FILE, MOST_IMAGES, GoldenBoxes
from ratchet.schemas.base.errors import RatchetError, StateError
from ratchet.schemas.base.files import Files


def read_golden_boxes(directory: str, evaluation: Evaluation, files: Files) -> GoldenBoxes:
    """Objects and detections of at most MOST_IMAGES golden images, the same in every run.

    Args:
        directory: of the evaluation.
        evaluation: what is in it.
        files: the file system.

    Raises:
        OSError: a file is missing or cannot be read.
        StateError: a file is spoilt, or of a newer version.
        DataError: the boxes make no sense.
    """
    path = f"{directory}/{GOLDEN}/{BOXES_FILE}"
    if not files.exists(path):
        return _of_older(f"{directory}/{GOLDEN}", evaluation, files)
    with files.open(path, "rb") as file:
        return GoldenBoxes.from_bytes(file.read(), path)


def _of_older(directory: str, evaluation: Evaluation, files: Files) -> GoldenBoxes:
    try:
        return _of_coco_files(directory, evaluation, files)
    except (RatchetError, OSError):
        raise
    except Exception as error:  # entries of another form, and what np.load raises for bytes that were altered
        raise StateError(f"{directory}: its files are torn or altered ({error}); run again") from error


def _of_coco_files(directory: str, evaluation: Evaluation, files: Files) -> GoldenBoxes:
    names = {CANDIDATE: written.CANDIDATE_FILE}
    if evaluation.golden.baseline:
        names[BASELINE] = written.BASELINE_FILE
    with files.open(f"{directory}/{written.MATCHES_FILE}", "rb") as file, np.load(file, allow_pickle=False) as arrays:
        image_ids = arrays[f"table/{CANDIDATE}/image_ids"]
    chosen = _sample(image_ids)
    truth = annotations_in(_lines(f"{directory}/{written.GROUND_TRUTH_FILE}", files)(), chosen.tolist(), "golden set")
    found = {
        model: results_in(
            _lines(f"{directory}/{name}", files)(), truth.image_ids, truth.label_map, f"detections of the {model}"
        )
        for model, name in names.items()
    }
    return GoldenBoxes(
        image_ids=truth.image_ids,
        file_names=tuple(truth.file_names),
        sizes_px=np.asarray(truth.sizes_px, np.float64),
        class_names=tuple(truth.label_map.names),
        truth=truth.objects,
        found=found,
        max_detections=evaluation.golden.max_detections,
        of=len(image_ids),
    )


def _sample(image_ids: np.ndarray) -> np.ndarray:
    if len(image_ids) <= MOST_IMAGES:
        return np.sort(image_ids)
    return np.sort(np.random.default_rng(0).choice(image_ids, MOST_IMAGES, replace=False))


def _lines(path: str, files: Files) -> Callable[[], Iterator[str]]:
    def lines() -> Iterator[str]:
        with files.open(path, "r") as file:
            yield from file

    return lines
