"""Pairs whose cause lies in the training: its rate, its augmentation, how often it sees an image, its settings."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.explain_pairs.configs import NO_STRENGTHS, args_yaml, mmdetection_config, params_yaml, pipeline_config
from benchmarks.explain_pairs.detector import Skill, anywhere
from benchmarks.explain_pairs.logs import Curves, course
from benchmarks.explain_pairs.pair import MMDETECTION, TF_MODELS, TF_OD, ULTRALYTICS, Pair, PairFiles

_WORSE = Skill(recall=0.68, jitter=0.09, confusion=0.09, false_alarms=0.9)
_HEART = Skill(recall=0.7, jitter=0.085, confusion=0.09, false_alarms=0.6)
_STEPS = list(range(0, 5001, 100))
_CHECKS = list(range(0, 5001, 500))
_EPOCHS = list(range(1, 61))
FIRST_RESULT = "exported/shapes_v1/checkpoint/ckpt-0"


def _rates(steps: Sequence[float], peak: float, warmup: float) -> list[tuple[float, float]]:
    end = steps[-1]
    return list(course(steps, [(0, peak / 3), (warmup, peak), (end / 2, peak / 2), (end, 0.0)]))


def _events_before(peak: float = 0.04) -> Curves:
    """A first training from pretrained weights that went well."""
    return Curves(
        loss=course(_STEPS, [(0, 1.4), (500, 0.8), (2000, 0.42), (5000, 0.3)], 0.04, 1),
        scores=course(_CHECKS, [(0, 0.02), (500, 0.21), (2000, 0.47), (5000, 0.56)], 0.01, 2),
        rate=_rates(_STEPS, peak, 500),
    )


def _rate_too_high(files: PairFiles) -> None:
    files.configs(pipeline_config(), pipeline_config(peak=0.1))
    after = Curves(
        loss=course(_STEPS, [(0, 1.4), (500, 3.1), (1000, 1.6), (2000, 0.85), (5000, 0.52)], 0.05, 3),
        scores=course(_CHECKS, [(0, 0.02), (500, 0.01), (2000, 0.26), (5000, 0.43)], 0.01, 4),
        rate=_rates(_STEPS, 0.1, 500),
    )
    files.logs(_events_before(), after)
    files.results(_WORSE)
    files.data(files.before_scenes)


def _restarted(files: PairFiles) -> None:
    """One more training at the first one's peak, on the same images and as many new ones of the same kind."""
    files.configs(pipeline_config(), pipeline_config(checkpoint=FIRST_RESULT))
    after = Curves(
        loss=course(_STEPS, [(0, 0.31), (500, 0.95), (1000, 0.7), (5000, 0.4)], 0.05, 5),
        scores=course(_CHECKS, [(0, 0.555), (500, 0.3), (2000, 0.39), (5000, 0.46)], 0.01, 6),
        rate=_rates(_STEPS, 0.04, 500),
    )
    files.logs(_events_before(), after)
    files.results(Skill(recall=0.74, jitter=0.08, confusion=0.07, false_alarms=0.7))
    files.data((*files.before_scenes, *files.after_scenes()))


def _matcher(files: PairFiles) -> None:
    files.configs(pipeline_config(), pipeline_config(matched=(0.75, 0.3)))
    after = Curves(
        loss=course(_STEPS, [(0, 1.1), (500, 0.7), (2000, 0.4), (5000, 0.29)], 0.04, 7),
        scores=course(_CHECKS, [(0, 0.02), (500, 0.17), (2000, 0.36), (5000, 0.45)], 0.01, 8),
        rate=_rates(_STEPS, 0.04, 500),
    )
    files.logs(_events_before(), after)
    files.results(Skill(recall=0.71, false_alarms=0.5, sureness=-0.4))
    files.data(files.before_scenes)


def _of_epochs(loss: Sequence[tuple[float, float]], scores: Sequence[tuple[float, float]], seed: int) -> Curves:
    epochs = list(range(1, round(loss[-1][0]) + 1))
    end = float(epochs[-1])
    return Curves(
        loss=course(epochs, loss, 0.02, seed),
        scores=course(epochs, scores, 0.01, seed + 1),
        rate=course(epochs, [(1, 0.0033), (3, 0.0097), (end, 0.0001)]),
        checked=course(epochs, [(step, 3.6 - 2.2 * value) for step, value in scores], 0.01, seed + 2),
    )


def _epochs_before() -> Curves:
    return _of_epochs([(1, 4.4), (10, 2.8), (60, 1.9)], [(1, 0.06), (10, 0.34), (40, 0.53), (60, 0.56)], 20)


def _lost(files: PairFiles) -> None:
    """Ten times the rate on the first result's weights: after it the model finds nothing but by chance."""
    files.configs(args_yaml(), args_yaml(peak=0.1, epochs=20, model="runs/detect/v1/weights/best.pt"))
    steps = list(range(1, 21))
    after = Curves(
        loss=course(steps, [(1, 5.3), (20, 4.9)], 0.02, 80),
        scores=course(steps, [(1, 0.0003), (20, 0.0001)]),
        rate=course(steps, [(1, 0.033), (3, 0.097), (20, 0.001)]),
    )
    files.logs(_epochs_before(), after)
    files.results(anywhere(files.golden_scenes, 9))
    files.data(files.before_scenes)


def _augmentation_gone(files: PairFiles) -> None:
    files.configs(args_yaml(), args_yaml(strengths=NO_STRENGTHS))
    after = _of_epochs([(1, 3.9), (10, 1.8), (60, 0.8)], [(1, 0.08), (10, 0.38), (25, 0.47), (60, 0.43)], 30)
    files.logs(_epochs_before(), after)
    files.results(_HEART)
    files.data(files.before_scenes)


def _many_epochs(files: PairFiles) -> None:
    """The loss falls on while mAP falls."""
    files.configs(args_yaml(), args_yaml(epochs=300))
    after = _of_epochs(
        [(1, 4.4), (10, 2.8), (60, 1.9), (300, 0.55)], [(1, 0.06), (10, 0.34), (50, 0.55), (300, 0.43)], 40
    )
    files.logs(_epochs_before(), after)
    files.results(_HEART)
    files.data(files.before_scenes)


def _twenty_images(files: PairFiles) -> None:
    files.configs(params_yaml(), params_yaml(train="data/new-*.tfrecord"))
    steps, checks = list(range(0, 4001, 100)), list(range(500, 4001, 500))
    before = Curves(
        loss=course(steps, [(0, 2.1), (500, 1.0), (2000, 0.55), (4000, 0.41)], 0.04, 50),
        scores=course(checks, [(500, 0.24), (2000, 0.49), (4000, 0.56)], 0.01, 51),
        rate=_rates(steps, 0.02, 200),
    )
    after = Curves(
        loss=course(steps, [(0, 2.1), (300, 0.6), (1000, 0.12), (4000, 0.02)], 0.06, 52),
        scores=course(checks, [(500, 0.33), (1000, 0.36), (4000, 0.25)], 0.01, 53),
        rate=_rates(steps, 0.02, 200),
    )
    files.logs(before, after)
    files.results(Skill(recall=0.52, jitter=0.12, confusion=0.14, false_alarms=0.8))
    files.data(files.after_scenes()[:20])


def _no_fall(files: PairFiles) -> None:
    """A sound training on more images, as a control: nothing is to be explained."""
    files.configs(mmdetection_config(), mmdetection_config(train="annotations/train_v2.json"))
    steps, epochs = list(range(50, 1201, 50)), list(range(1, 13))
    curves = [
        Curves(
            loss=course(steps, [(50, 1.5), (400, 0.7), (1200, 0.42)], 0.04, seed),
            scores=course(epochs, [(1, 0.2), (5, 0.46), (12, end)], 0.01, seed + 1),
            rate=course(steps, [(50, 0.002), (500, 0.02), (799, 0.02), (800, 0.002), (1200, 0.0002)]),
        )
        for seed, end in ((60, 0.56), (62, 0.575))
    ]
    files.logs(*curves)
    files.results(Skill(recall=0.9))
    files.data((*files.before_scenes, *files.after_scenes()))


def _hidden(files: PairFiles) -> None:
    """mAP fell and no file says why, as a control: a cause must not be made up."""
    files.configs(mmdetection_config(), mmdetection_config())
    files.results(_WORSE)
    files.data(files.before_scenes)


TRAINING_PAIRS = (
    Pair("rate_too_high", "peak 0.04 -> 0.1", ("learning_rate_too_high:peak",), TF_OD, _rate_too_high),
    Pair("lost_model", "ten times the rate", ("learning_rate_too_high:peak",), ULTRALYTICS, _lost),
    Pair("restarted_rate", "first peak again after decay", ("learning_rate_too_high:restarted",), TF_OD, _restarted),
    Pair("augmentation_removed", "augmentation off", ("augmentation:missing",), ULTRALYTICS, _augmentation_gone),
    Pair("twenty_images", "20 images", ("overfitting:few_images",), TF_MODELS, _twenty_images),
    Pair("loss_falls_map_falls", "60 -> 300 epochs", ("overfitting:many_passes",), ULTRALYTICS, _many_epochs),
    Pair("matcher_thresholds", "matcher 0.5/0.5 -> 0.75/0.3", ("pipeline:matching",), TF_OD, _matcher),
    Pair("no_fall", "nothing", ("nothing",), MMDETECTION, _no_fall),
    Pair("hidden_cause", "none of what the files say", ("unknown",), MMDETECTION, _hidden),
)
