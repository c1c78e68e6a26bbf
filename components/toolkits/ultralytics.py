"""`args.yaml` of Ultralytics, and `opt.yaml` of YOLOv5: one level of settings, docs.ultralytics.com/usage/cfg.

A batch is what goes through the network at once; where it is smaller than `nbs` (64), gradients of several are summed
before the optimizer takes a step.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ratchet.components.toolkits.augmentation_kinds import kind_of
from ratchet.components.toolkits.schedules import cosine, polynomial, schedule, warmed_up
from ratchet.components.toolkits.settings_tree import Settings, Tree, leaves, many, number, text_of, truth
from ratchet.schemas.data.training_plan import Augmentation, RateSchedule, TrainingPlan

TOOLKIT = "Ultralytics"
AUTO = "auto"
_STRENGTHS = (
    *("hsv_h", "hsv_s", "hsv_v", "degrees", "translate", "scale", "shear", "perspective", "flipud", "fliplr", "bgr"),
    *("mosaic", "mixup", "cutmix", "copy_paste", "multi_scale"),
)
_OF_CLASSIFICATION = ("auto_augment", "erasing")  # a detector's training does not look at them
_OLD_NAMES = {"batch_size": "batch", "weights": "model", "img_size": "imgsz"}  # YOLOv5's
_LOSSES = ("box", "cls", "dfl", "obj", "cls_pw", "obj_pw", "fl_gamma", "label_smoothing")
_POST_PROCESSING = ("conf", "iou", "max_det", "agnostic_nms", "nms", "end2end")
_MATCHING = ("iou_t", "anchor_t", "single_cls")


def read_ultralytics(values: Tree, source: str) -> TrainingPlan:
    """The plan of an `args.yaml`.

    Args:
        values: of the file.
        source: the file.
    """
    settings = Settings(_flat(values))
    epochs = settings.number("epochs", "epochs")
    optimizer = settings.text("optimizer", "optimizer")
    batch = settings.number("batch_size", "batch", "batch_size")
    notes = []
    if str(optimizer).lower() == AUTO:
        notes.append(
            "optimizer: auto chooses optimizer and learning rate by the number of steps and classes; lr0 as it is "
            "written is not used (the log says which was chosen)"
        )
    if batch is not None and batch < 1:
        notes.append(f"batch: {batch:g} leaves the size to the memory of the GPU; the log says which was chosen")
    return TrainingPlan(
        toolkit=TOOLKIT,
        source=source,
        starts_from=_starts_from(settings),
        rate=_rate(settings, epochs, optimizer),
        optimizer=optimizer.lower() if optimizer else None,
        batch_size=batch if batch is not None and batch >= 1 else None,
        epochs=epochs,
        augmentations=_augmentations(settings),
        input_size=_input_size(settings),
        frozen=_frozen(settings),
        label_map=settings.text("label_map", "data"),
        classes=1 if truth(settings.tree.get("single_cls")) else None,
        model=_model(settings),
        matching=_group(settings, "matching", _MATCHING),
        losses=_group(settings, "losses", _LOSSES),
        post_processing=_group(settings, "post_processing", _POST_PROCESSING),
        weight_decay=settings.number("weight_decay", "weight_decay"),
        train_data=_data(settings, "train_data"),
        eval_data=_data(settings, "eval_data"),
        settings=dict(leaves(values)),
        named=settings.named,
        notes=tuple(notes),
    )


def _flat(values: Tree) -> dict[str, Any]:
    # YOLOv5's opt.yaml has its strengths a level below.
    nested = values.get("hyp")
    whole = {**values, **(nested if isinstance(nested, Mapping) else {})}
    return {**whole, **{new: whole[old] for old, new in _OLD_NAMES.items() if old in whole and new not in whole}}


def _starts_from(settings: Settings) -> str | None:
    for name in ("resume", "pretrained"):
        given = settings.tree.get(name)
        if isinstance(given, str) and given and truth(given) is None:
            settings.name("starts_from", name)
            return given
    model = settings.text("starts_from", "model")
    if model is None:
        return None
    return "" if model.endswith((".yaml", ".yml")) or not model else model


def _model(settings: Settings) -> str | None:
    # `runs/train/weights/best.pt` does not say which model it is.
    given = settings.text("model", "model", "cfg")
    name = re.split(r"[/\\\\]", given or "")[-1].rsplit(".", 1)[0]
    return None if not name or re.fullmatch(r"best|last|weights|epoch\d+", name) else name


def _rate(settings: Settings, epochs: float | None, optimizer: str | None) -> RateSchedule | None:
    initial = settings.number("rate.peak", "lr0")
    share = settings.number("rate.final", "lrf", default=0.01)
    rise = settings.number("rate.warmup", "warmup_epochs", default=3.0)
    is_cosine = truth(settings.take("rate.schedule", "cos_lr"))
    if initial is None or share is None or rise is None or str(optimizer).lower() == AUTO:
        return None
    length = epochs if epochs and epochs > 0 else None
    fall = cosine if is_cosine else polynomial
    falling = fall(initial, initial * share, 0.0, length or 1.0)
    rise = min(rise, length or rise)
    # The rate rises to what the decay gives at that place; only that of biases begins at warmup_bias_lr.
    risen = warmed_up(falling, 0.0, falling(rise), rise) if rise > 0 else falling
    kind = "cosine" if is_cosine else "linear"
    return schedule(kind, risen if length else falling, length, [rise], None if rise > 0 else 0.0)


def _augmentations(settings: Settings) -> tuple[Augmentation, ...] | None:
    names = [*_STRENGTHS, *(_OF_CLASSIFICATION if settings.tree.get("task") == "classify" else ())]
    given = [name for name in names if name in settings.tree]
    if not given:
        return None
    found = []
    for name in given:
        value = settings.tree[name]
        settings.name(f"augmentations.{name}", name)
        if value and number(value) != 0.0 and truth(value) is not False:
            until = settings.tree.get("close_mosaic") if name == "mosaic" else None
            extra = {} if until is None else {"close_mosaic": text_of(until)}
            found.append(Augmentation(name, kind_of(name), {name: text_of(value), **extra}))
    settings.name("augmentations.close_mosaic", "close_mosaic")
    return tuple(found)


def _input_size(settings: Settings) -> str | None:
    sizes = [size for size in map(number, many(settings.take("input_size", "imgsz"))) if size is not None]
    return "x".join(f"{size:g}" for size in (sizes if len(sizes) > 1 else sizes * 2)) or None


def _frozen(settings: Settings) -> tuple[str, ...] | None:
    if "freeze" not in settings.tree:
        settings.name("frozen", "freeze")
        return None
    given = settings.take("frozen", "freeze")
    layers = many(given)
    first = number(layers[0]) if len(layers) == 1 else None
    if first is not None and (
        not isinstance(given, list) or "hyp" in settings.tree
    ):  # [10] is YOLOv5's for the first 10
        return (f"layers 0 to {first - 1:g}",) if first >= 1 else ()
    return tuple(f"layer {text_of(layer)}" for layer in layers)


def _group(settings: Settings, attribute: str, names: tuple[str, ...]) -> dict[str, str]:
    given = {name: text_of(settings.tree[name]) for name in names if settings.tree.get(name) is not None}
    for name in given:
        settings.name(f"{attribute}.{name}", name)
    return given


def _data(settings: Settings, attribute: str) -> tuple[str, ...]:
    data = settings.text(attribute, "data")
    return (data,) if data else ()
