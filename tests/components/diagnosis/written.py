"""The records of a run as they lie on disk, written by what the steps write them with."""

from __future__ import annotations

from pathlib import Path

from ratchet.components.coco.writing import image_lines, join_detections, join_ground_truth
from ratchet.components.diagnosis.bundle import Bundle
from ratchet.components.diagnosis.reading import RunPlaces
from ratchet.components.map_evaluator.matches import Collector
from ratchet.schemas.artifacts.data_evidence import DATA_DECISION_FORMAT, DECISION_FILE, EVIDENCE_FILE, EVIDENCE_FORMAT
from ratchet.schemas.artifacts.evaluation import (
    BASELINE,
    BASELINE_FILE,
    CANDIDATE,
    CANDIDATE_FILE,
    EVALUATION_FILE,
    EVALUATION_FORMAT,
    GOLDEN,
    GROUND_TRUTH_FILE,
    MATCHES_FILE,
)
from ratchet.schemas.artifacts.golden_boxes import BOXES_FILE, GoldenBoxes
from ratchet.schemas.artifacts.training_record import RECORD_FILE, TRAINING_RECORD_FORMAT
from ratchet.schemas.data.records import GroundTruth, ImageRecord, LabelMap


def write_run(made: Bundle, directory: Path) -> RunPlaces:
    """Writes what is in a bundle, and nothing for what is not.

    Args:
        made: the records.
        directory: where to; directories of the single steps are made there.
    """
    contents: dict[str, str | bytes] = {
        f"decision/{DECISION_FILE}": DATA_DECISION_FORMAT.write(made.data),
        f"decision/{EVIDENCE_FILE}": EVIDENCE_FORMAT.write(made.evidence),
    }
    for name, record in (("candidate", made.candidate), ("baseline", made.baseline)):
        if record is not None:
            contents[f"{name}/{RECORD_FILE}"] = TRAINING_RECORD_FORMAT.write(record)
    if made.evaluation is not None:
        contents[f"evaluation/{EVALUATION_FILE}"] = EVALUATION_FORMAT.write(made.evaluation)
    if made.golden is not None:
        contents[f"evaluation/{GOLDEN}/{BOXES_FILE}"] = made.golden.to_bytes()
    for name, content in contents.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    there = {name: str(directory / name) for name in ("candidate", "baseline", "evaluation")}
    return RunPlaces(
        str(directory / "decision"),
        there["candidate"] if made.candidate is not None else None,
        there["baseline"] if made.baseline is not None else None,
        there["evaluation"] if made.evaluation is not None else None,
    )


def write_coco(golden: GoldenBoxes, directory: Path) -> None:
    """Writes boxes as evaluations kept them before there was a sample of them: COCO files, and what matched.

    Args:
        golden: the boxes.
        directory: of the data set.
    """
    directory.mkdir(parents=True, exist_ok=True)
    label_map = LabelMap(golden.class_names, tuple(range(1, len(golden.class_names) + 1)))
    records = [_record(golden, place) for place in range(len(golden.image_ids))]
    lines = image_lines(records, golden.found, label_map.category_ids)
    with open(directory / GROUND_TRUTH_FILE, "w") as file:
        join_ground_truth(lines, label_map, file)
    names = {CANDIDATE: CANDIDATE_FILE, BASELINE: BASELINE_FILE}
    for place, model in enumerate(golden.found):
        with open(directory / names[model], "w") as file:
            join_detections(lines, place, file)
    collector = Collector()
    collector.add_columns(golden.image_ids, golden.truth, golden.found)
    collector.finish().save(str(directory / MATCHES_FILE))


def _record(golden: GoldenBoxes, place: int) -> ImageRecord:
    truth, (width, height) = golden.truth, golden.sizes_px[place]
    rows = truth.image == place
    return ImageRecord(
        image_id=int(golden.image_ids[place]),
        file_name=golden.file_names[place],
        width_px=int(width),
        height_px=int(height),
        truth=GroundTruth(truth.boxes_xywh_px[rows], truth.labels[rows], truth.area_px2[rows], truth.is_crowd[rows]),
    )
