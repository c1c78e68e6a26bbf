"""A before/after pair: what was planted, which answer is right, and the files that a person would hold."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from benchmarks.explain_pairs.detector import BEFORE, Found, Skill, detected
from benchmarks.explain_pairs.files import coco_of, write_coco, write_images, write_json, write_results, write_yolo
from benchmarks.explain_pairs.logs import Curves, write_events, write_json_lines, write_results_csv
from benchmarks.explain_pairs.scenes import Look, Scene, drawn
from ratchet.pipeline.explain.request import ExplainRequest, MeasuredSet

TF_OD, TF_MODELS, ULTRALYTICS, MMDETECTION = "TF OD API", "tf-models", "Ultralytics", "MMDetection"
_FILES = {TF_OD: "pipeline.config", TF_MODELS: "params.yaml", ULTRALYTICS: "args.yaml", MMDETECTION: "config.py"}
_GOLDEN, _BEFORE, _AFTER, _FURTHER = 1, 2, 3, 4  # seeds of pictures
_SEEDS = (11, 12)  # of the two models
_OBJECT_DETECTION_NAMES = ("Loss/total_loss", "learning_rate", "DetectionBoxes_Precision/mAP")
_TF_MODELS_NAMES = ("total_loss", "learning_rate", "AP")


@dataclass(frozen=True)
class Sizes:
    """How many pictures.

    Attributes:
        golden: of the golden set.
        before: of the training data before.
        after: of the training data after.
    """

    golden: int = 200
    before: int = 140
    after: int = 120


FULL, SMALL, TINY = Sizes(), Sizes(100, 60, 60), Sizes(30, 22, 22)
SMALL_LOOK = Look()


@dataclass(frozen=True)
class Pair:
    """One of them.

    Attributes:
        name: of its directory.
        planted: the cause, in words.
        right: answers that are right: a cause, or `cause:detail`; `nothing` where nothing is to be explained.
        toolkit: whose syntax it is in.
        build: writes its files into a directory.
    """

    name: str
    planted: str
    right: tuple[str, ...]
    toolkit: str
    build: Callable[[PairFiles], None]

    def made(self, out: Path, sizes: Sizes = FULL) -> ExplainRequest:
        """Writes the files.

        Args:
            out: directory; a new one of the pair's name is made in it.
            sizes: how many pictures.

        Returns:
            The request with everything.
        """
        files = PairFiles(out / self.name, self.toolkit, sizes)
        self.build(files)
        return files.request


class PairFiles:
    """The directory of a pair, which fills up.

    Attributes:
        request: by what is there already.
    """

    def __init__(self, directory: Path, toolkit: str, sizes: Sizes) -> None:
        self.request = ExplainRequest()
        self._directory, self._toolkit, self._sizes = directory, toolkit, sizes
        self.golden_scenes = drawn("golden", sizes.golden, _GOLDEN, Look())
        self.before_scenes = drawn("day1", sizes.before, _BEFORE, Look())

    def after_scenes(self, look: Look = SMALL_LOOK, share: float = 1.0) -> tuple[Scene, ...]:
        """Pictures of the training after, that no one saw before."""
        return drawn("day2", max(1, round(self._sizes.after * share)), _AFTER, look)

    def configs(self, before: str, after: str) -> None:
        """Both configurations, as texts."""
        name = _FILES[self._toolkit]
        paths = [_written(self._directory / side / name, text) for side, text in (("before", before), ("after", after))]
        self.request = replace(self.request, config_before=paths[0], config_after=paths[1])

    def logs(self, before: Curves, after: Curves) -> None:
        """Both logs, in the toolkit's own form."""
        paths = [self._log(side, curves) for side, curves in (("before", before), ("after", after))]
        self.request = replace(self.request, logs_before=paths[0], logs_after=paths[1])

    def results(
        self,
        after: Skill | Sequence[Found],
        before: Skill | Sequence[Found] = BEFORE,
        golden: Sequence[Scene] | None = None,
    ) -> None:
        """The golden set and what both models find in it: as a skill, or detection by detection."""
        scenes = self.golden_scenes if golden is None else golden
        truth = write_json(self._directory / "golden.json", coco_of(scenes))
        images = write_images(self._directory / "golden_images", scenes)
        both = [_as_found(scenes, each, seed) for each, seed in zip((before, after), _SEEDS)]
        paths = [write_results(self._directory / f"{name}.json", each) for name, each in zip(("before", "after"), both)]
        self.request = replace(self.request, truth=truth, images=images, before=paths[0], after=paths[1])

    def data(self, after: Sequence[Scene], before: Sequence[Scene] | None = None) -> None:
        """What both were trained on."""
        write = write_yolo if self._toolkit == ULTRALYTICS else write_coco
        before = self.before_scenes if before is None else before
        paths = [
            write(self._directory / f"train_{name}", each) for name, each in (("before", before), ("after", after))
        ]
        self.request = replace(self.request, train_before=(paths[0],), train_after=paths[1])

    def before_on_train(self, seen: Sequence[Scene], skill: Skill = BEFORE) -> None:
        """What the model before finds in the new training images, with their true labels."""
        path = write_results(self._directory / "before_on_train.json", detected(seen, skill, _SEEDS[0]))
        self.request = replace(self.request, before_on_train=path)

    def further(self, name: str, look: Look, after: Skill, before: Skill = BEFORE) -> None:
        """Both models on unseen pictures of one kind: `new` or `earlier`."""
        scenes = drawn(name, self._sizes.golden, _FURTHER, look)
        place = self._directory / f"on_{name}"
        place.mkdir(parents=True, exist_ok=True)
        truth = write_json(place / "labels.json", coco_of(scenes))
        both = [detected(scenes, skill, seed) for skill, seed in zip((before, after), _SEEDS)]
        paths = [write_results(place / f"{side}.json", each) for side, each in zip(("before", "after"), both)]
        self.request = replace(self.request, **{name: MeasuredSet(truth, *paths)})

    def _log(self, side: str, curves: Curves) -> Path:
        place = self._directory / side
        if self._toolkit == ULTRALYTICS:
            write_results_csv(place / "results.csv", curves)
            return place / "results.csv"
        if self._toolkit == MMDETECTION:
            write_json_lines(place / "vis_data" / "scalars.json", curves, steps_an_epoch=100)
            return place / "vis_data"
        names = _OBJECT_DETECTION_NAMES if self._toolkit == TF_OD else _TF_MODELS_NAMES
        write_events(place / "logs", curves, names, "eval" if self._toolkit == TF_OD else "validation")
        return place / "logs"


def _as_found(scenes: Sequence[Scene], model: Skill | Sequence[Found], seed: int) -> Sequence[Found]:
    return detected(scenes, model, seed) if isinstance(model, Skill) else model


def _written(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def without_order(found: Sequence[Found], seed: int = 5) -> tuple[Found, ...]:
    """The same boxes with scores by chance."""
    rng = np.random.default_rng([seed])
    return tuple(replace(each, scores=rng.uniform(0.05, 1, len(each.scores))) for each in found)


def constant(scenes: Sequence[Scene]) -> tuple[Found, ...]:
    """The same boxes in every image."""
    boxes = np.array([[10.0, 10.0, 30.0, 30.0], [60.0, 20.0, 25.0, 28.0], [40.0, 55.0, 28.0, 24.0]])
    return tuple(Found(boxes, np.array([1, 2, 3]), np.array([0.9, 0.8, 0.7])) for _ in scenes)


def of_truth(scenes: Sequence[Scene]) -> tuple[Found, ...]:
    """The labels themselves."""
    return tuple(Found(scene.boxes_xywh_px, scene.labels, np.ones(len(scene.labels))) for scene in scenes)


def as_labels(scenes: Sequence[Scene], found: Sequence[Found], least_score: float) -> tuple[Scene, ...]:
    """Pictures labelled by a model: what it finds with so much of a score."""
    kept = [(scene, each, each.scores >= least_score) for scene, each in zip(scenes, found)]
    return tuple(
        replace(scene, boxes_xywh_px=each.boxes_xywh_px[rows], labels=each.labels[rows]) for scene, each, rows in kept
    )
