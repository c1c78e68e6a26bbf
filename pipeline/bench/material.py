"""What is kept of the data of a case, for those who judge it without Ratchet: `material/NNN/` in the bench's directory.

    candidate/annotations.json   the labels that the candidate was trained on, COCO
    candidate/images/            a sample of their images
    baseline/                    the same of the baseline
    golden/images/               a sample of the golden images

The rest, records and detections, is in the case's bundle; `export.py` makes files of both that know nothing of Ratchet.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ratchet.schemas.base.sampling import fraction_of

BASELINE, CANDIDATE, GOLDEN = "baseline", "candidate", "golden"
ANNOTATIONS, IMAGES = "annotations.json", "images"
SAMPLE = 12  # images of each data set: enough to look at, and few enough to hand out


def keep_material(out: Path, data: Mapping[str, Path]) -> None:
    """Keeps the labels and a sample of the images of a case.

    Args:
        out: directory of the case's material; made anew.
        data: directories by name: what the BASELINE and the CANDIDATE were trained on, and the GOLDEN set; those that
            are not in COCO form, as a user's earlier spans may be, are left out.
    """
    shutil.rmtree(out, ignore_errors=True)
    for name, directory in data.items():
        if not (directory / ANNOTATIONS).is_file():
            continue
        document = json.loads((directory / ANNOTATIONS).read_text(encoding="utf-8"))
        (out / name / IMAGES).mkdir(parents=True)
        shutil.copyfile(directory / ANNOTATIONS, out / name / ANNOTATIONS)
        for file_name in sampled(document):
            target = out / name / IMAGES / file_name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(directory / IMAGES / file_name, target)


def sampled(document: Mapping[str, Any]) -> list[str]:
    """File names of the sample of a data set, always the same."""
    names = sorted(str(entry["file_name"]) for entry in document["images"])
    return sorted(sorted(names, key=lambda name: fraction_of(name, "bench sample"))[:SAMPLE])
