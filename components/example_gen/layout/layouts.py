"""What a delivery may be read as; pure."""

from __future__ import annotations

from dataclasses import dataclass

FORMATS = ("coco", "voc", "yolo", "tfrecord", "openimages", "huggingface", "cvat")


@dataclass(frozen=True)
class Reading:
    """How a user says that a delivery is to be read; what is None is found out.

    Attributes:
        form: one of `FORMATS`.
        annotations: the annotation file, or the directory of the annotation files, below the delivery.
        images: the directory of the pictures, below the delivery.
        split: of a delivery that has splits: the one to read.
        class_names: in label order; they win over the lists of the delivery.
        without_pictures: whether pictures of a COCO file may be missing, which is then told when they are opened.
    """

    form: str | None = None
    annotations: str | None = None
    images: str | None = None
    split: str | None = None
    class_names: tuple[str, ...] | None = None
    without_pictures: bool = False


AS_FOUND = Reading()


@dataclass(frozen=True)
class Part:
    """Annotations that are read together, mostly those of a split.

    Attributes:
        split: `train`, `val`, `test` or what else it is called; empty if nothing says so.
        annotations: the file, or the directory of the files, below the delivery; '' for the delivery itself.
        images: where the pictures may be, below the delivery, the likeliest directory first.
    """

    split: str
    annotations: str
    images: tuple[str, ...] = ("",)


@dataclass(frozen=True)
class Layout:
    """One way to read a delivery.

    Attributes:
        form: one of `FORMATS`.
        name: of the layout, for people: `COCO as Roboflow exports it`.
        mark: the file or directory that tells it.
        parts: at least one.
    """

    form: str
    name: str
    mark: str
    parts: tuple[Part, ...]
