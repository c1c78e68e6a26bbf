"""Pairs whose cause lies in images, labels, or in what was measured."""

from __future__ import annotations

from dataclasses import replace

from benchmarks.explain_pairs.configs import args_yaml, mmdetection_config, params_yaml, pipeline_config
from benchmarks.explain_pairs.detector import BEFORE, Skill, anywhere, detected
from benchmarks.explain_pairs.logs import Curves, course
from benchmarks.explain_pairs.pair import (
    MMDETECTION,
    TF_MODELS,
    TF_OD,
    ULTRALYTICS,
    Pair,
    PairFiles,
    as_labels,
    constant,
    of_truth,
    without_order,
)
from benchmarks.explain_pairs.scenes import CLASSES, Look, relabelled

_DARK = Look(light=0.4, blur=1.2, cast=(1.1, 0.95, 0.7))
_ELSEWHERE = Look(ground=(70.0, 105.0, 80.0), weights=(6.0, 1.5, 1.0, 1.0))
_DISC = CLASSES.index("disc") + 1


def _camera(files: PairFiles) -> None:
    """Trained anew, on pictures of another camera alone."""
    files.configs(mmdetection_config(), mmdetection_config(train="annotations/camera2.json"))
    after = files.after_scenes(_DARK)
    files.results(Skill(recall=0.66, jitter=0.08, confusion=0.1, false_alarms=0.8))
    files.data(after)
    files.before_on_train(after, Skill(recall=0.6, jitter=0.08, confusion=0.1))


def _loose(files: PairFiles) -> None:
    """Labels of the new images are a quarter wider and higher; half of the training is new."""
    files.configs(args_yaml(), args_yaml(model="runs/detect/v1/weights/best.pt", peak=0.001, data="shapes_new.yaml"))
    true = files.after_scenes()
    files.results(replace(BEFORE, wider=1.22))
    files.data(relabelled(true, wider=1.25))
    files.before_on_train(true)


def _random_validation(files: PairFiles) -> None:
    """The validation images were drawn anew from all images: the model before was trained on most of them."""
    files.configs(
        pipeline_config(),
        pipeline_config(train="data/random_train.record", evaluated="data/random_val.record"),
    )
    everything = (*files.before_scenes, *files.golden_scenes)
    golden, rest = everything[::2], everything[1::2]
    known = {scene.name for scene in files.before_scenes}
    by_heart = detected(golden, Skill(recall=0.98, jitter=0.03, confusion=0.01, false_alarms=0.2), 11)
    unseen = detected(golden, BEFORE, 11)
    before = [heart if scene.name in known else own for scene, heart, own in zip(golden, by_heart, unseen)]
    files.results(BEFORE, before, golden)
    files.data(rest)


def _new_alone(files: PairFiles) -> None:
    """New photographs alone, from the old weights."""
    start = "runs/detect/v1/weights/best.pt"
    files.configs(args_yaml(), args_yaml(model=start, data="new_photos.yaml"))
    after = files.after_scenes(_ELSEWHERE)
    files.results(Skill(recall=0.7, of_class=(1.15, 0.95, 0.8, 0.8), jitter=0.07, confusion=0.1))
    files.data(after)
    files.further("new", _ELSEWHERE, Skill(recall=0.93), Skill(recall=0.84))
    files.further("earlier", Look(), Skill(recall=0.7, of_class=(1.15, 0.95, 0.8, 0.8), jitter=0.07, confusion=0.1))


def _one_class(files: PairFiles) -> None:
    """A few hundred images of one class; objects of the others are in them, and nobody labelled them."""
    files.configs(
        params_yaml(),
        params_yaml(train="data/discs-*.tfrecord", checkpoint="runs/v1/ckpt-4000", peak=0.002),
    )
    after = files.after_scenes()
    files.results(replace(BEFORE, of_class=(1.05, 0.45, 0.45, 0.45), recall=0.88))
    files.data(relabelled(after, keep=(_DISC,)))
    files.before_on_train(after)


def _model_labels(files: PairFiles) -> None:
    """The model before labelled the new images; nobody looked at what it overlooked."""
    files.configs(args_yaml(), args_yaml(data="auto_labelled.yaml"))
    true = files.after_scenes()
    weak = Skill(recall=0.7, jitter=0.08, confusion=0.06, false_alarms=0.4)
    found = detected(true, weak, 11)
    files.results(Skill(recall=0.55, jitter=0.1, confusion=0.08, false_alarms=0.5), weak)
    files.data(as_labels(true, found, least_score=0.4))
    files.before_on_train(true, weak)


def _dummy(what: str):
    def build(files: PairFiles) -> None:
        files.configs(args_yaml(), args_yaml(peak=0.05))
        golden = files.golden_scenes
        sound = detected(golden, BEFORE, 11)
        after = {
            "random": anywhere(golden, 7),
            "constant": constant(golden),
            "labels": of_truth(golden),
            "identical": sound,
            "scores": without_order(detected(golden, BEFORE, 12)),
        }[what]
        before = BEFORE if what != "labels" else of_truth(golden)
        files.results(detected(golden, Skill(recall=0.7), 12) if what == "labels" else after, before)

    return build


def _typed(files: PairFiles) -> None:
    """A log whose mAP somebody typed."""
    files.configs(pipeline_config(), pipeline_config(peak=0.05))
    steps, checks = list(range(0, 5001, 100)), list(range(500, 5001, 500))
    loss = course(steps, [(0, 1.4), (500, 0.8), (5000, 0.3)], 0.04, 70)
    rate = course(steps, [(0, 0.01), (500, 0.04), (5000, 0.0)])
    before = Curves(loss, course(checks, [(500, 0.2), (5000, 0.56)], 0.01, 71), rate)
    typed = [
        (float(step), value) for step, value in zip(checks, (0.1, 0.2, 0.25, 0.3, 0.35, 0.4, 0.4, 0.45, 0.45, 0.45))
    ]
    files.logs(before, Curves(loss, typed, rate))


_FLAWED = ("evaluation_set:broken_metric",)
DATA_PAIRS = (
    Pair("other_camera", "dark, blurred, yellow", ("dataset_shift",), MMDETECTION, _camera),
    Pair("looser_boxes", "new labels 25 % larger", ("annotation:loose_boxes",), ULTRALYTICS, _loose),
    Pair("random_validation", "validation from all images", ("evaluation_set:leak",), TF_OD, _random_validation),
    Pair("new_photos_alone", "new photographs alone", ("forgetting", "dataset_shift"), ULTRALYTICS, _new_alone),
    Pair("one_class_labelled", "others not labelled", ("forgetting:classes", "annotation"), TF_MODELS, _one_class),
    Pair("labels_by_model", "labels by the model itself", ("annotation",), ULTRALYTICS, _model_labels),
    Pair("dummy_random", "random boxes", _FLAWED, ULTRALYTICS, _dummy("random")),
    Pair("dummy_constant", "the same boxes everywhere", _FLAWED, ULTRALYTICS, _dummy("constant")),
    Pair("dummy_labels", "the labels as results", _FLAWED, ULTRALYTICS, _dummy("labels")),
    Pair("dummy_identical", "one file on both sides", _FLAWED, ULTRALYTICS, _dummy("identical")),
    Pair("dummy_scores", "scores without order", _FLAWED, ULTRALYTICS, _dummy("scores")),
    Pair("typed_map", "mAP typed by hand", _FLAWED, TF_OD, _typed),
)
