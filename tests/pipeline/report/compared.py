"""Files to compare: images of cats and dogs, and detectors that find more or less of them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ratchet.pipeline.cli.main import main
from tests.builders import HEIGHT_PX, WIDTH_PX, coco, coco_annotation, coco_image, picture

IMAGES = 40


@dataclass(frozen=True)
class Compared:
    """A directory with `gt.json`, `good.json`, `bad.json` and `images/`."""

    directory: Path

    def write(self, name: str, value: Any) -> Path:
        """Writes a JSON file."""
        path = self.directory / name
        path.write_text(json.dumps(value), encoding="utf-8")
        return path

    def read(self, name: str) -> Any:
        """A JSON file."""
        return json.loads((self.directory / name).read_text(encoding="utf-8"))

    def evaluate(self, candidate: str, baseline: str | None = None, *options: str) -> int:
        """Gives the command; the report goes to `report`."""
        against = ["--baseline-dt", f"{self.directory}/{baseline}.json"] if baseline else []
        files = ["--gt", f"{self.directory}/gt.json", "--dt", f"{self.directory}/{candidate}.json", *against]
        return main(["evaluate", *files, "--report", str(self.report), *options])

    @property
    def report(self) -> Path:
        """Where reports go."""
        return self.directory / "report"

    @property
    def images(self) -> Path:
        """The images' directory."""
        return self.directory / "images"

    def text(self, name: str) -> str:
        """A file of the report."""
        return (self.report / name).read_text(encoding="utf-8")


def compared(directory: Path, names: tuple[str, ...] = ("cat", "dog")) -> Compared:
    """Two objects an image; `bad` loses two of five, draws loosely, and takes one of five for another class."""
    files = Compared(directory)
    random = np.random.default_rng(0)
    ids = [3 + 4 * place for place in range(len(names))]
    annotations, good, bad = [], [], []
    for number in range(1, IMAGES + 1):
        for place in range(2):
            box = [2.0 + 32 * place, 5.0, float(random.uniform(15, 25)), float(random.uniform(15, 30))]
            category = ids[(number + place) % len(ids)]
            entry = coco_annotation(len(annotations) + 1, number, category_id=category, bbox=box, area=box[2] * box[3])
            annotations.append(entry)
            found = {"image_id": number, "category_id": category, "bbox": box, "score": number / 50}
            good.append(found)
            if random.random() < 0.6:
                loose = [box[0] - 2, box[1] - 2, box[2] + 5, box[3] + 5]
                other = ids[(number + place + 1) % len(ids)]
                bad.append(found | {"bbox": loose, "category_id": other if number % 5 == 0 else category})
    categories = [{"id": number, "name": name} for number, name in zip(ids, names)]
    images = [coco_image(number) for number in range(1, IMAGES + 1)]
    files.write("gt.json", coco(images=images, annotations=annotations, categories=categories))
    files.write("good.json", good)
    files.write("bad.json", bad)
    files.images.mkdir()
    for number in range(1, IMAGES + 1):
        picture(WIDTH_PX, HEIGHT_PX, number).save(files.images / f"{number}.jpg")
    return files
