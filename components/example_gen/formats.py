"""Which of the four formats a directory holds."""

from __future__ import annotations

import os

from components.example_gen import coco, voc, yolo
from components.example_gen.tfrecord_reader import record_files
from schemas.base.files import Files


def marks_in(directory: str, files: Files) -> dict[str, str]:
    """Looks for what tells the formats apart.

    Args:
        directory: a span or golden set.
        files: the file system.

    Returns:
        The file or directory that is the mark, by `coco`, `voc`, `yolo` and `tfrecord`; those that are there.
    """

    def holds(name: str) -> bool:
        return files.isdir(os.path.join(directory, name))

    marks = {
        "coco": coco.ANNOTATIONS if files.exists(os.path.join(directory, coco.ANNOTATIONS)) else "",
        "voc": f"{voc.ANNOTATIONS}/" if holds(voc.ANNOTATIONS) else "",
        "yolo": next((f"{name}/" for name in (yolo.LABELS, yolo.DARKNET) if holds(name)), ""),
        "tfrecord": next(iter(record_files(directory, files)), ""),
    }
    return {form: mark for form, mark in marks.items() if mark}
