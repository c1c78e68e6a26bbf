"""Ultralytics: https://docs.ultralytics.com/datasets/detect/ and /segment, /pose, /obb: all that data.yaml may say."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.components.example_gen.exports.export import Export
from tests.components.example_gen.exports.scenes import CLASSES, EMPTY, TRAIN, VAL, Scene, Truth, truth_of
from tests.components.example_gen.exports.writers import (
    fractions,
    paint_all,
    polygon_text,
    write_text,
    write_yolo_pair,
    yolo_text,
)

_NAMES = "nc: 2\nnames: [bolt, nut]\n"
_MAPPING = "names:\n  0: bolt\n  1: nut\n"
_TRAIN = (*TRAIN, EMPTY)
_FOLDERS = (("images/train/", "train"), ("images/val/", "val"))

Text = Callable[[Scene], str]


def _standard(directory: Path, yaml: str, text: Text = yolo_text, name: str = "data.yaml") -> Truth:
    """`images/train`, `labels/train` and the same of `val`; the picture without objects has no text file."""
    truth = {}
    for split, scenes in (("train", _TRAIN), ("val", VAL)):
        write_yolo_pair(directory / "images" / split, directory / "labels" / split, scenes, text)
        truth |= {f"images/{split}/{scene.jpg}": scene for scene in scenes}
    (directory / "labels" / "train" / f"{EMPTY.stem}.txt").unlink()
    write_text(directory / name, yaml.format(directory=directory))
    return truth_of(truth)


def _form(yaml: str, text: Text = yolo_text, name: str = "data.yaml") -> Export:
    return Export("Ultralytics", "yolo", lambda directory: _standard(directory, yaml, text, name), _FOLDERS)


def pose_text(scene: Scene) -> str:
    """Class, box, and three key points x, y, visible within it."""
    lines = []
    for box in scene.boxes:
        points = []
        for share in (0.25, 0.5, 0.75):
            points += [(box.x + share * box.width) / scene.width, (box.y + share * box.height) / scene.height, 2]
        lines.append(" ".join(map(str, (CLASSES.index(box.name), *fractions(scene, box), *points))) + "\n")
    return "".join(lines)


def lists_of_files(directory: Path, inside: str) -> Truth:
    """`train.txt` and `val.txt` name the pictures, as `inside` has them; those of both lie in one directory."""
    truth = {}
    for split, scenes in (("train", TRAIN), ("val", VAL)):
        write_yolo_pair(directory / "images", directory / "labels", scenes)
        lines = "".join(inside.format(directory=directory, name=scene.jpg) + "\n" for scene in scenes)
        write_text(directory / f"{split}.txt", lines)
        truth |= {f"images/{scene.jpg}": scene for scene in scenes}
    write_text(directory / "data.yaml", f"path: .\ntrain: train.txt\nval: val.txt\n{_MAPPING}")
    return truth_of(truth)


def list_of_directories(directory: Path) -> Truth:
    """`train` is a list: pictures of two cameras."""
    truth = {}
    for folder, scenes in (("cam1", TRAIN[:1]), ("cam2", TRAIN[1:]), ("cam3", VAL)):
        write_yolo_pair(directory / folder / "images", directory / folder / "labels", scenes)
        truth |= {f"{folder}/images/{scene.jpg}": scene for scene in scenes}
    text = f"path: .\ntrain:\n  - cam1/images\n  - cam2/images\nval: cam3/images\n{_MAPPING}"
    write_text(directory / "data.yaml", text)
    return truth_of(truth)


def below_directory(directory: Path) -> Truth:
    """data.yaml beside the data set, as `path: nuts` says."""
    truth = _standard(directory / "nuts", "unused: true\n")
    (directory / "nuts" / "data.yaml").unlink()
    write_text(directory / "data.yaml", f"path: nuts\ntrain: images/train\nval: images/val\n{_MAPPING}")
    return {f"nuts/{name}": boxes for name, boxes in truth.items()}


def splits_first(directory: Path) -> Truth:
    """`train/images` and `train/labels`."""
    truth = {}
    for split, scenes in (("train", TRAIN), ("val", VAL)):
        write_yolo_pair(directory / split / "images", directory / split / "labels", scenes)
        truth |= {f"{split}/images/{scene.jpg}": scene for scene in scenes}
    write_text(directory / "data.yaml", f"train: train/images\nval: val/images\n{_NAMES}")
    return truth_of(truth)


def one_directory(directory: Path) -> Truth:
    """`images` and `labels` without splits, both of which data.yaml says to be the same."""
    write_yolo_pair(directory / "images", directory / "labels", TRAIN)
    write_text(directory / "data.yaml", f"path: .\ntrain: images\nval: images\n{_MAPPING}")
    return truth_of({f"images/{scene.jpg}": scene for scene in TRAIN})


def beside(directory: Path) -> Truth:
    """Text files beside the pictures, where no directory is called `images`."""
    truth = {}
    for split, scenes in (("train", TRAIN), ("val", VAL)):
        write_yolo_pair(directory / split, directory / split, scenes)
        truth |= {f"{split}/{scene.jpg}": scene for scene in scenes}
    write_text(directory / "data.yaml", f"path: .\ntrain: train\nval: val\n{_NAMES}")
    return truth_of(truth)


def capitals(directory: Path) -> Truth:
    """Suffixes as cameras write them."""
    names = [f"{scene.stem}.JPG" for scene in TRAIN]
    paint_all(directory / "images" / "train", TRAIN, names)
    for scene in TRAIN:
        write_text(directory / "labels" / "train" / f"{scene.stem}.txt", yolo_text(scene))
    write_text(directory / "data.yaml", f"path: .\ntrain: images/train\nval: images/train\n{_MAPPING}")
    return truth_of({f"images/train/{name}": scene for name, scene in zip(names, TRAIN)})


_SPLITS = "train: images/train\nval: images/val\n"
_BY_FILE = tuple(
    (f"images/{scene.jpg}", split) for split, scenes in (("train", TRAIN), ("val", VAL)) for scene in scenes
)
EXPORTS = {
    "ultralytics-no-path": _form(_SPLITS + _NAMES),
    "ultralytics-dot-path": _form("path: .\n" + _SPLITS + _MAPPING),
    "ultralytics-absolute-path": _form("path: {directory}\n" + _SPLITS + _MAPPING),
    "ultralytics-path-of-another-machine": _form("path: /content/datasets/nuts\n" + _SPLITS + _MAPPING),
    "ultralytics-path-of-datasets-directory": _form("path: ../datasets/nuts # root\n" + _SPLITS + _MAPPING),
    "ultralytics-path-of-windows": _form("path: C:\\Users\\me\\nuts\n" + _SPLITS + _MAPPING),
    "ultralytics-absolute-splits": _form("train: {directory}/images/train\nval: {directory}/images/val\n" + _NAMES),
    "ultralytics-splits-of-another-machine": _form(
        "train: /content/nuts/images/train\nval: /content/nuts/images/val\n" + _NAMES
    ),
    "ultralytics-slashes": _form("path: ./\ntrain: ./images/train/\nval: ./images/val/\ntest:\n" + _MAPPING),
    "ultralytics-labels-named": _form(_SPLITS + _NAMES, name="nuts.yaml"),
    "ultralytics-yml": _form(_SPLITS + _NAMES, name="data.yml"),
    "ultralytics-pose": _form("path: .\n" + _SPLITS + "kpt_shape: [3, 3]\nflip_idx: [0, 1, 2]\n" + _MAPPING, pose_text),
    "ultralytics-obb": _form("path: .\n" + _SPLITS + _MAPPING, polygon_text),
    "ultralytics-segmentation": _form("path: .\n" + _SPLITS + _MAPPING, polygon_text),
    "ultralytics-list-of-directories": Export(
        *("Ultralytics", "yolo", list_of_directories),
        (("cam1/", "train"), ("cam2/", "train"), ("cam3/", "val")),
    ),
    "ultralytics-lists-of-files": Export(
        "Ultralytics", "yolo", lambda directory: lists_of_files(directory, "./images/{name}"), _BY_FILE
    ),
    "ultralytics-lists-of-absolute-files": Export(
        "Ultralytics", "yolo", lambda directory: lists_of_files(directory, "{directory}/images/{name}"), _BY_FILE
    ),
    "ultralytics-lists-of-files-of-another-machine": Export(
        "Ultralytics", "yolo", lambda directory: lists_of_files(directory, "/content/nuts/images/{name}"), _BY_FILE
    ),
    "ultralytics-below": Export(
        *("Ultralytics", "yolo", below_directory), (("nuts/images/train/", "train"), ("nuts/images/val/", "val"))
    ),
    "ultralytics-splits-first": Export(*("Ultralytics", "yolo", splits_first), (("train/", "train"), ("val/", "val"))),
    "ultralytics-one-directory": Export("Ultralytics", "yolo", one_directory),
    "ultralytics-beside": Export("Ultralytics", "yolo", beside, (("train/", "train"), ("val/", "val"))),
    "ultralytics-capital-suffixes": Export("Ultralytics", "yolo", capitals),
}
