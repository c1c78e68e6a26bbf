"""Reads deliveries with one library, in the Python that has it: `PYTHON foreign.py READER DELIVERIES.json OUT.json`.

It imports nothing of Ratchet, and of the libraries only the one that is asked for.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import json
import logging
import os
import re
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

Delivery = dict[str, Any]  # `deliveries.Delivery` as a JSON object
Pictures = dict[str, dict[str, Any]]
Read = tuple[Pictures, list[str]]


class NoReaderError(Exception):
    """The library does not offer to read this format."""


def datumaro(delivery: Delivery, form: str | None = None) -> Read:
    """The directory as a whole, its format detected unless it is given."""
    library: Any = importlib.import_module("datumaro")
    data = library.Dataset.import_from(delivery["directory"], *([form] if form else []))
    names = [label.name for label in data.categories()[library.AnnotationType.label]]
    pictures: Pictures = {}
    for item in data:
        path = getattr(item.media, "path", "") or ""
        found = bool(path) and os.path.isfile(path)
        boxes = [(names[each.label], *each.get_bbox()) for each in _with_boxes(item.annotations, library)]
        pictures[path if found else f"{item.subset}/{item.id}"] = {"boxes": boxes, "found": found}
    return pictures, names


def _with_boxes(annotations: Any, library: Any) -> Iterator[Any]:
    """One annotation an object: its box if it has one, else its outline."""
    kinds = library.AnnotationType
    boxes = [each for each in annotations if each.type == kinds.bbox]
    grouped = {each.group for each in boxes if each.group}
    yield from boxes
    for each in annotations:
        if each.type in (kinds.polygon, kinds.mask, kinds.rotated_bbox) and each.group not in grouped:
            yield each


_DATUMARO_FORMATS = {
    "coco": ("coco_instances", "roboflow_coco"),
    "voc": ("voc_detection", "roboflow_voc"),
    "yolo": ("yolo", "roboflow_yolo"),
    "cvat": ("cvat",),
    "openimages": ("open_images",),
}


def datumaro_given(delivery: Delivery) -> Read:
    """The format given: the tool's own where datumaro has one, else the general one."""
    forms = _DATUMARO_FORMATS.get(delivery["form"])
    if not forms:
        raise NoReaderError
    return datumaro(delivery, forms["roboflow" in delivery["name"] and len(forms) > 1])


def supervision(delivery: Delivery) -> Read:
    """Every split by itself, with the paths of its pictures and annotations."""
    data_set: Any = importlib.import_module("supervision").DetectionDataset
    pictures: Pictures = {}
    classes: list[str] = []
    for part in _parts(delivery, "coco", "voc", "yolo"):
        paths = [part["images"], part["annotations"]]
        if delivery["form"] == "coco":
            data = data_set.from_coco(*paths)
        elif delivery["form"] == "voc":
            data = data_set.from_pascal_voc(*paths)
        else:
            data = data_set.from_yolo(*paths, delivery["data_file"])
        classes += [name for name in data.classes if name not in classes]
        for path, image, found in data:
            boxes = [
                (data.classes[label], *_from_corners(corners)) for label, corners in zip(found.class_id, found.xyxy)
            ]
            pictures[path] = {"boxes": boxes, "size": image.shape[1::-1], "found": True}
    return pictures, classes


def pylabel(delivery: Delivery) -> Read:
    """Every split by itself."""
    importer: Any = importlib.import_module("pylabel.importer")
    pictures: Pictures = {}
    classes: set[str] = set()
    for part in _parts(delivery, "coco", "voc", "yolo"):
        annotations, images = part["annotations"], part["images"]
        if delivery["form"] == "coco":
            data = importer.ImportCoco(annotations, path_to_images=images)
        elif delivery["form"] == "voc":
            data = importer.ImportVOC(annotations, path_to_images=images)
        else:
            options = {
                "img_ext": ",".join(suffix.lstrip(".") for suffix in part["suffixes"]),
                "cat_names": delivery["classes"],
            }
            data = importer.ImportYoloV5(annotations, path_to_images=images, **options)
        for row in data.df.to_dict("records"):
            path = os.path.normpath(os.path.join(images, str(row["img_filename"])))
            picture = pictures.setdefault(path, {"boxes": [], "found": os.path.isfile(path)})
            if isinstance(row["cat_name"], str) and row["cat_name"]:
                sides = ("ann_bbox_xmin", "ann_bbox_ymin", "ann_bbox_xmax", "ann_bbox_ymax")
                picture["boxes"].append((row["cat_name"], *_from_corners([float(row[side]) for side in sides])))
        classes |= {name for name in data.analyze.classes if isinstance(name, str) and name}
    return pictures, sorted(classes)


def globox(delivery: Delivery) -> Read:
    """Every split by itself; names of classes are given for YOLO, whose files it reads one by one."""
    sets: Any = importlib.import_module("globox").AnnotationSet
    pictures: Pictures = {}
    for part in _parts(delivery, "coco", "voc", "yolo", "cvat", "openimages"):
        names: dict[str, str] = {}
        if delivery["form"] == "coco":
            data = sets.from_coco(part["annotations"])
        elif delivery["form"] == "voc":
            data = sets.from_pascal_voc(part["annotations"])
        elif delivery["form"] == "cvat":
            data = sets.from_cvat(part["annotations"])
        elif delivery["form"] == "openimages":
            data = sets.from_openimage(part["annotations"], image_folder=part["images"])
        else:
            names = {str(number): name for number, name in enumerate(delivery["classes"])}
            options = {"image_folder": part["images"], "image_extension": part["suffixes"][0]}
            data = sets.from_yolo_v5(part["annotations"], **options)
        for each in data:
            path = os.path.join(part["images"], each.image_id)
            boxes = [
                (names.get(str(box.label), str(box.label)), *_from_corners([box.xmin, box.ymin, box.xmax, box.ymax]))
                for box in each.boxes
            ]
            pictures[path] = {"boxes": boxes, "found": os.path.isfile(path)}
    return pictures, sorted({box[0] for picture in pictures.values() for box in picture["boxes"]})


def pycocotools(delivery: Delivery) -> Read:
    """Every COCO file by itself."""
    coco: Any = importlib.import_module("pycocotools.coco").COCO
    pictures: Pictures = {}
    classes: list[str] = []
    for part in _parts(delivery, "coco"):
        data = coco(part["annotations"])
        names = {number: each["name"] for number, each in data.cats.items()}
        classes += [name for name in names.values() if name not in classes]
        for number in data.getImgIds():
            path = os.path.join(part["images"], data.imgs[number]["file_name"])
            found = data.loadAnns(data.getAnnIds(imgIds=[number]))
            boxes = [(names[each["category_id"]], *each["bbox"]) for each in found]
            pictures[path] = {"boxes": boxes, "found": os.path.isfile(path)}
    return pictures, classes


READERS: dict[str, Callable[[Delivery], Read]] = {
    "datumaro": datumaro,
    "datumaro, format given": datumaro_given,
    "supervision": supervision,
    "pylabel": pylabel,
    "globox": globox,
    "pycocotools": pycocotools,
}


def _parts(delivery: Delivery, *forms: str) -> list[dict[str, Any]]:
    if delivery["form"] not in forms:
        raise NoReaderError
    if not delivery["parts"]:
        raise FileNotFoundError("no annotations of this format lie beside the pictures")
    return delivery["parts"]


def _from_corners(corners: Any) -> tuple[float, float, float, float]:
    left, top, right, bottom = (float(n) for n in corners)
    return left, top, right - left, bottom - top


class _Words(logging.Handler):
    """Keeps what a library warns of."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.words: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.words.append(record.getMessage()[:300])


def answer(read: Callable[[Delivery], Read], delivery: Delivery) -> dict[str, Any]:
    """What a reader makes of a delivery: pictures and classes, or why not; and what it warned of."""
    heard = _Words()
    logging.getLogger().addHandler(heard)
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        try:
            pictures, classes = read(delivery)
            outcome: dict[str, Any] = {"pictures": pictures, "classes": classes}
        except NoReaderError:
            outcome = {"no_reader": True}
        except Exception as error:  # whatever a library raises is its refusal
            outcome = {"error": ": ".join(_causes(error))}
    logging.getLogger().removeHandler(heard)
    ageing = (DeprecationWarning, FutureWarning, PendingDeprecationWarning, ResourceWarning)
    outcome["words"] = heard.words + [str(w.message)[:300] for w in warned if not issubclass(w.category, ageing)]
    return outcome


def _causes(error: BaseException | None) -> Iterator[str]:
    """An error and what it came from."""
    while error:
        yield f"{type(error).__name__}: {error}"[:300]
        error = error.__cause__


def package(name: str) -> dict[str, Any]:
    """Version, number of dependencies and size of a library with them, from what is installed."""
    closure: dict[str, importlib.metadata.Distribution] = {}
    open_names = [name]
    while open_names:
        key = re.sub(r"[-_.]+", "-", open_names.pop()).lower()
        if key in closure:
            continue
        try:
            closure[key] = importlib.metadata.distribution(key)
        except importlib.metadata.PackageNotFoundError:  # of another Python or system
            continue
        needed = [text for text in closure[key].requires or () if not re.search(r";.*\bextra\b", text)]
        open_names += [re.split(r"[^\w.-]", text, maxsplit=1)[0] for text in needed]
    files = [Path(str(each.locate_file(file))) for each in closure.values() for file in each.files or ()]
    size = sum(file.stat().st_size for file in files if file.is_file())
    return {"version": closure[name].version, "dependencies": len(closure) - 1, "megabytes": round(size / 1e6)}


def main(reader: str, deliveries: str, out: str) -> None:
    """Reads all deliveries with a reader."""
    known = json.loads(Path(deliveries).read_text(encoding="utf-8"))
    answers = {each["name"]: answer(READERS[reader], each) for each in known}
    document = {"package": package(reader.split(",")[0]), "answers": answers}
    Path(out).write_text(json.dumps(document, default=_plain), encoding="utf-8")


def _plain(value: Any) -> Any:
    """NumPy's numbers for JSON."""
    return value.item()


if __name__ == "__main__":
    main(*sys.argv[1:])
