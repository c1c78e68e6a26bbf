"""What the diagnosis costs, by the size of the golden set: files of an evaluation are written, and read by a process.

python -m benchmarks.diagnosis --images 200 100000 [--older]

The evaluator keeps the boxes of at most 2,000 golden images for the diagnosis. With --older there are none of them, as
in an evaluation of an earlier version, and as many images are read out of its COCO files: gigabytes at 100,000 images.
The records are those that the tests have, of a candidate whose boxes are a quarter larger.
"""

from __future__ import annotations

import argparse
import dataclasses
import itertools
import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks.synthetic import GOOD, make_detections, make_truth
from benchmarks.whole_process import environment, run
from ratchet.components.coco.writing import image_lines, join_detections, join_ground_truth
from ratchet.components.map_evaluator.matches import Collector
from ratchet.schemas.artifacts.evaluation import (
    BASELINE,
    BASELINE_FILE,
    CANDIDATE,
    CANDIDATE_FILE,
    GOLDEN,
    GROUND_TRUTH_FILE,
    MATCHES_FILE,
)
from ratchet.schemas.artifacts.golden_boxes import GoldenBoxes, is_kept, kept_share
from ratchet.schemas.data.records import GroundTruth, ImageRecord, LabelMap
from tests.components.diagnosis.bundles import bundle, data_set, evaluation_of, label_evidence, loose
from tests.components.diagnosis.written import write_run

CLASSES, SIDE_PX, BATCH = 80, 640.0, 1000
NAMES = tuple(f"class {label}" for label in range(1, CLASSES + 1))

_READ = """
import sys, time
started = time.monotonic(), time.process_time()
from ratchet.components.diagnosis.reading import RunPlaces, diagnosis_at
from ratchet.schemas.base.files import LOCAL_FILES
imported = time.monotonic(), time.process_time()
found = diagnosis_at(RunPlaces(*sys.argv[1:]), LOCAL_FILES)
ended = time.monotonic(), time.process_time()
import json
# Not ru_maxrss: that begins with the memory of the process that started this one.
peak_kib = next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(json.dumps({
    "cause": found.cause.title, "state": found.cause.state.value, "explained": found.explained,
    "import_s": imported[0] - started[0], "import_cpu_s": imported[1] - started[1],
    "diagnosis_s": ended[0] - imported[0], "diagnosis_cpu_s": ended[1] - imported[1],
    "peak_mib": round(peak_kib / 1024),
}))
"""


def main() -> None:
    """Writes and reads each size, and prints a line of JSON for it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, nargs="+", default=[200, 100_000], help="of the golden set")
    parser.add_argument("--older", action="store_true", help="without the sample of boxes that the evaluator keeps")
    arguments = parser.parse_args()
    for images in arguments.images:
        with tempfile.TemporaryDirectory() as directory:
            print(json.dumps(measured(images, Path(directory), arguments.older)), flush=True)


def measured(images: int, directory: Path, older: bool) -> dict[str, object]:
    """Seconds and memory of a process that diagnoses a run.

    Args:
        images: of its golden set.
        directory: where its files are written.
        older: whether the evaluation is one of before there was a sample of boxes.
    """
    golden = directory / "evaluation" / GOLDEN
    golden.mkdir(parents=True)
    kept = None
    if older:
        write_coco(batches(images), images, golden)
    else:
        share = kept_share(images)
        kept = GoldenBoxes.join([part.of_images(_chosen(part, share)) for part in batches(images)])
    made = bundle(labels=label_evidence(log_width=0.22, log_height=0.22), golden=kept)
    sets = evaluation_of({"held_out": 0.05}, golden=data_set(-0.2, images=images, classes=dict.fromkeys(NAMES, -0.2)))
    places = write_run(dataclasses.replace(made, evaluation=sets), directory)
    command = [sys.executable, "-c", _READ, *map(str, dataclasses.astuple(places))]
    run(command, environment(directory, {}))  # so that bytecode is there, as an installed program has it
    output, cpu_s, _ = run(command, environment(directory, {}))
    found = {name: round(value, 2) if isinstance(value, float) else value for name, value in json.loads(output).items()}
    size_mb = sum(path.stat().st_size for path in golden.iterdir()) / 1e6
    of = {"golden_images": images, "older": older, "kept": len(kept.image_ids) if kept else None}
    return {**of, "files_mb": round(size_mb), **found, "process_cpu_s": round(cpu_s, 2)}


def batches(images: int) -> Iterator[GoldenBoxes]:
    """Boxes of images 1, 2, ..., some at a time."""
    for first in range(0, images, BATCH):
        count = min(BATCH, images - first)
        truth = make_truth(count, CLASSES, first)
        baseline, candidate = (make_detections(truth, count, CLASSES, GOOD, first + place) for place in (1, 2))
        larger = loose(candidate.boxes_xywh_px, 1.25)
        yield GoldenBoxes(
            image_ids=np.arange(first, first + count) + 1,
            file_names=tuple(f"{first + place:06}.jpg" for place in range(count)),
            sizes_px=np.full((count, 2), SIDE_PX),
            class_names=NAMES,
            truth=truth,
            found={CANDIDATE: dataclasses.replace(candidate, boxes_xywh_px=larger), BASELINE: baseline},
            max_detections=100,
            of=images,
        )


def _chosen(part: GoldenBoxes, share: float) -> np.ndarray:
    return np.array([is_kept(number, share) for number in part.image_ids.tolist()], np.bool_)


def write_coco(parts: Iterator[GoldenBoxes], images: int, directory: Path) -> None:
    """Writes the evaluator's COCO files and its matches, a batch at a time.

    Args:
        parts: of the golden set.
        images: in all.
        directory: of the data set.
    """
    label_map, collector = LabelMap(NAMES, tuple(range(1, CLASSES + 1))), Collector(sample_share=min(1, 500 / images))
    lines = directory / "lines"
    with lines.open("w") as file:
        for part in parts:
            file.writelines(f"{line}\n" for line in image_lines(_records(part), part.found, label_map.category_ids))
            collector.add_columns(part.image_ids, part.truth, part.found)
            collector = Collector.merge([collector])
    with (directory / GROUND_TRUTH_FILE).open("w") as out:
        join_ground_truth(_Lines(lines), label_map, out)
    for place, name in enumerate((CANDIDATE_FILE, BASELINE_FILE)):
        with (directory / name).open("w") as out, lines.open() as file:
            join_detections(file, place, out)
    lines.unlink()
    collector.finish().save(str(directory / MATCHES_FILE))


@dataclasses.dataclass(frozen=True)
class _Lines:
    """The lines of a file, as often as they are gone through."""

    path: Path

    def __iter__(self) -> Iterator[str]:
        with self.path.open() as file:
            yield from file


def _records(golden: GoldenBoxes) -> list[ImageRecord]:
    truth, side = golden.truth, int(SIDE_PX)
    ends = np.searchsorted(truth.image, np.arange(len(golden.image_ids) + 1)).tolist()
    columns = (truth.boxes_xywh_px, truth.labels, truth.area_px2, truth.is_crowd)
    truths = [GroundTruth(*(column[one:other] for column in columns)) for one, other in itertools.pairwise(ends)]
    rows = zip(golden.image_ids.tolist(), golden.file_names, truths)
    return [ImageRecord(number, name, side, side, of) for number, name, of in rows]


if __name__ == "__main__":
    main()
