"""The lines that Beam's workers wrote, joined into the COCO files of a data set."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tfx.dsl.io import fileio

from ratchet.components.coco.writing import join_detections, join_ground_truth
from ratchet.schemas.artifacts import evaluation as files
from ratchet.schemas.artifacts.evaluation import AS_SERVED, BASELINE, CANDIDATE
from ratchet.schemas.data.records import LabelMap


def write_coco_files(directory: str, label_map: LabelMap, models: Sequence[str]) -> None:
    """Writes ground truth and detections, and removes the lines.

    Args:
        directory: of the data set.
        label_map: the classes.
        models: the first of those that the workers asked, in their order.
    """
    lines = _Lines(f"{directory}/lines-*")
    with fileio.open(f"{directory}/{files.GROUND_TRUTH_FILE}", "w") as out:
        join_ground_truth(lines, label_map, out)
    names = {CANDIDATE: files.CANDIDATE_FILE, BASELINE: files.BASELINE_FILE, AS_SERVED: files.AS_SERVED_FILE}
    for place, model in enumerate(models):
        with fileio.open(f"{directory}/{names[model]}", "w") as out:
            join_detections(lines, place, out)
    for path in lines.paths:
        fileio.remove(path)


class _Lines:
    """The lines of several text files; can be gone through more than once."""

    def __init__(self, pattern: str) -> None:
        self.paths = sorted(map(str, fileio.glob(pattern)))

    def __iter__(self) -> Iterator[str]:
        for path in self.paths:
            with fileio.open(path, "r") as file:
                yield from file
