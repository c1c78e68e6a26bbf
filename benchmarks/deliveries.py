"""How long large deliveries take to be read, and how much memory: python -m benchmarks.deliveries.

Each is read in a process of its own; its pictures are links to one small file, since only headers are read.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from PIL import Image

from ratchet.components.example_gen.dataset import read_source

_A_DIRECTORY = 1000  # pictures
_SIZE_PX = (64, 48)
_CLASSES = ("bolt", "nut", "pin")


def main() -> None:
    """Prints a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=200_000)
    parser.add_argument("--boxes", type=int, default=5, help="of each image")
    parser.add_argument("--read", metavar="DIR", help="read a delivery and print seconds and MB; what the bench calls")
    arguments = parser.parse_args()
    if arguments.read:
        print(json.dumps(_read(arguments.read)))
        return
    print(f"{arguments.images:,} images, {arguments.images * arguments.boxes:,} boxes")
    for name, write in _WRITERS.items():
        with tempfile.TemporaryDirectory(prefix="ratchet-deliveries-") as scratch:
            directory = Path(scratch) / name
            write(directory, arguments.images, arguments.boxes)
            command = [sys.executable, "-m", "benchmarks.deliveries", "--read", str(directory)]
            seconds, megabytes = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
        print(f"{name}: {seconds:.0f} s, {megabytes:,.0f} MB at most")


def _read(directory: str) -> tuple[float, float]:
    begun = time.monotonic()
    read_source(directory)
    return time.monotonic() - begun, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


def _pictures(directory: Path, count: int) -> list[str]:
    encoded = io.BytesIO()
    Image.new("RGB", _SIZE_PX, (90, 90, 90)).save(encoded, "JPEG")
    names = [f"{number // _A_DIRECTORY:03}/{number:06}" for number in range(count)]
    # A file of one directory's own each, because file systems bound the links to one.
    for number, name in enumerate(names):
        path = directory / f"{name}.jpg"
        if number % _A_DIRECTORY == 0:
            path.parent.mkdir(parents=True)
            first = path
            first.write_bytes(encoded.getvalue())
        else:
            os.link(first, path)
    return names


def _boxes(count: int) -> list[list[float]]:
    chance = random.Random(1)
    return [[chance.uniform(low, low + 18) for low in (2, 2, 4, 4)] for _ in range(count)]


def _write_coco(directory: Path, images: int, boxes: int) -> None:
    names = _pictures(directory / "images", images)
    entries = [
        {"id": number, "file_name": f"{name}.jpg", "width": _SIZE_PX[0], "height": _SIZE_PX[1]}
        for number, name in enumerate(names, 1)
    ]
    annotations = [
        {"id": number, "image_id": number % images + 1, "category_id": number % len(_CLASSES) + 1, "bbox": box}
        for number, box in enumerate(_boxes(images * boxes), 1)
    ]
    categories = [{"id": number, "name": name} for number, name in enumerate(_CLASSES, 1)]
    document = {"images": entries, "annotations": annotations, "categories": categories}
    (directory / "annotations.json").write_text(json.dumps(document))


def _write_yolo(directory: Path, images: int, boxes: int) -> None:
    (directory / "labels").mkdir(parents=True)
    (directory / "classes.txt").write_text("\n".join(_CLASSES))
    for name in _pictures(directory / "images", images):
        path = directory / "labels" / f"{name}.txt"
        path.parent.mkdir(exist_ok=True)
        path.write_text("".join(f"{row % len(_CLASSES)} 0.{50 + row} 0.5 0.25 0.25\n" for row in range(boxes)))


_WRITERS: dict[str, Callable[[Path, int, int], None]] = {"coco": _write_coco, "yolo": _write_yolo}

if __name__ == "__main__":
    main()
