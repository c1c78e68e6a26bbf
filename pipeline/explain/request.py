"""What a person brings to `ratchet explain`: any part of it may be missing."""

from __future__ import annotations

import os
from dataclasses import dataclass, fields
from pathlib import Path

from ratchet.components.coco.image_keys import Reading
from ratchet.schemas.base.errors import InputError

_ANYTHING = (
    "--config-before and --config-after, --logs-before and --logs-after, --gt with --before and --after, or "
    "--train-before and --train-after"
)


@dataclass(frozen=True)
class MeasuredSet:
    """Both models on further labelled images.

    Attributes:
        truth: ground truth.
        before: what the model before finds there.
        after: what the model after finds there.
    """

    truth: Path
    before: Path
    after: Path


@dataclass(frozen=True)
class ExplainRequest:
    """The files of two trainings.

    Attributes:
        truth: the golden set, COCO file or directory; `--gt`.
        before: detections of the model before.
        after: detections of the model after.
        config_before: how the model before was trained.
        config_after: how the model after was trained.
        logs_before: the log of the training before.
        logs_after: the log of the training after.
        train_before: what the model before was trained on; of several data sets the last one was trained on last.
        train_after: what the model after was trained on.
        before_on_train: detections of the model before on the images of `train_after`.
        images: the golden images.
        trained: both models on images of `train_after`, all or some.
        new: both models on images like the new ones, that none was trained on.
        earlier: both models on images like the earlier ones, that none was trained on.
        dt_ids: what image ids of detections are where they can be ids as well as names of files.
    """

    truth: Path | None = None
    before: Path | None = None
    after: Path | None = None
    config_before: Path | None = None
    config_after: Path | None = None
    logs_before: Path | None = None
    logs_after: Path | None = None
    train_before: tuple[Path, ...] = ()
    train_after: Path | None = None
    before_on_train: Path | None = None
    images: Path | None = None
    trained: MeasuredSet | None = None
    new: MeasuredSet | None = None
    earlier: MeasuredSet | None = None
    dt_ids: Reading | None = None

    def check(self) -> None:
        """Makes sure that what was given belongs together, and is there.

        Raises:
            InputError: nothing was given, a part of a pair is missing, or a path leads nowhere.
        """
        given = {each.name for each in fields(self) if getattr(self, each.name) not in (None, ())}
        if not given - {"images", "dt_ids"}:
            raise InputError(f"nothing to explain by: give {_ANYTHING}")
        results = [name for name in ("before", "after") if getattr(self, name) is not None]
        if results and self.truth is None:
            raise InputError(f"--{results[0]} {getattr(self, results[0])}: measured on what? Give --gt, the golden set")
        if len(results) == 1:
            other = "after" if results == ["before"] else "before"
            raise InputError(
                f"--{results[0]} {getattr(self, results[0])}: a fall is between two models; give --{other}, too, or "
                "measure one alone with `ratchet evaluate`"
            )
        if self.before_on_train is not None and self.train_after is None:
            raise InputError(
                f"--before-on-train {self.before_on_train}: made on what? Give --train-after, those images and labels"
            )
        if self.before_on_train is not None and self.trained is not None:
            raise InputError("--before-on-train: stands in --on-train already; give one of the two")
        self._check_there()

    def given(self) -> tuple[tuple[str, str], ...]:
        """Option and path of everything that was given."""
        return tuple((f"--{name}", str(path)) for name, path in self._paths().items())

    def _check_there(self) -> None:
        for name, path in self._paths().items():
            if not os.path.lexists(path):
                raise InputError(
                    f"--{name.partition(' ')[0]} {path}: there is no such file or directory; correct the path"
                )

    def _paths(self) -> dict[str, Path]:
        own = {each.name.replace("_", "-"): getattr(self, each.name) for each in fields(self)}
        paths = {("gt" if name == "truth" else name): path for name, path in own.items() if isinstance(path, Path)}
        paths |= {f"train-before {place}": path for place, path in enumerate(self.train_before, start=1)}
        for name, measured in (("on-train", self.trained), ("on-new", self.new), ("on-earlier", self.earlier)):
            if measured is not None:
                paths |= {f"{name} {which}": path for which, path in vars(measured).items()}
        return paths
