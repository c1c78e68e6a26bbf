"""`params.yaml` of tf-models: official.core.config_definitions.ExperimentConfig, whole or in part.

A dump has every default; an experiment's file has what differs from its factory, which is not known here: what it does
not say is not known either.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ratchet.components.toolkits.augmentation_kinds import kind_of
from ratchet.components.toolkits.settings_tree import Settings, Tree, at, leaves, many, number, text_of, truth
from ratchet.components.toolkits.tf_models_rates import rate_of
from ratchet.schemas.data.training_plan import Augmentation, Kind, TrainingPlan

TOOLKIT = "tf-models"
_LAYERS = ("defaults", "params", "override", "overrides", "params_override")  # each over those before it
_PARTS = ("task", "trainer")
_MATCHING = ("match_threshold", "unmatched_threshold", "rpn_match_threshold", "rpn_unmatched_threshold")
_SAMPLED = ("rpn_batch_size_per_im", "rpn_fg_fraction")
_OF_LITE = "tflite_post_processing"  # not what its own evaluation does
_SCALES = ("aug_scale_min", "aug_scale_max")
_MAX_DEPTH = 50


def is_tf_models(values: Tree) -> bool:
    """Whether settings are an experiment's."""
    whole = _layered(values)
    return any(isinstance(whole.get(part), Mapping) for part in _PARTS)


def read_tf_models(values: Tree, source: str) -> TrainingPlan:
    """The plan of an experiment.

    Args:
        values: of the file.
        source: the file.
    """
    settings = Settings(_layered(values))
    steps = settings.number("steps", "trainer.train_steps")
    steps = steps if steps and steps > 0 else None
    rate, optimizer = rate_of(settings, steps)
    classes = settings.number("classes", "task.model.num_classes")
    epochs = settings.number("epochs", "trainer.train_epochs")
    return TrainingPlan(
        toolkit=TOOLKIT,
        source=source,
        starts_from=_starts_from(settings),
        rate=rate,
        optimizer=optimizer,
        batch_size=settings.number("batch_size", "task.train_data.global_batch_size") or None,
        steps=steps,
        epochs=epochs if epochs and epochs > 0 else None,
        augmentations=_augmentations(settings),
        input_size=_input_size(settings),
        frozen=_frozen(settings),
        label_map=settings.text("label_map", "task.label_map_path") or None,
        classes=None if classes is None else int(classes),
        model=_model(settings),
        matching=_matching(settings),
        losses=_below(settings, "losses", "task.losses", ("l2_weight_decay",)),
        post_processing=_below(settings, "post_processing", "task.model.detection_generator", (_OF_LITE,)),
        weight_decay=settings.number("weight_decay", "task.losses.l2_weight_decay"),
        train_data=_paths(settings, "train_data"),
        eval_data=_paths(settings, "validation_data"),
        settings=dict(leaves(settings.tree)),
        named=settings.named,
    )


def _layered(values: Tree) -> Tree:
    whole: dict[str, Any] = {key: value for key, value in values.items() if key not in _LAYERS}
    for layer in _LAYERS:
        over = values.get(layer)
        if isinstance(over, Mapping):
            whole = _over(whole, over, 0)
    return whole


def _over(below: Tree, above: Tree, depth: int) -> dict[str, Any]:
    merged = dict(below)
    for key, value in above.items():
        old = merged.get(key)
        both = isinstance(old, Mapping) and isinstance(value, Mapping) and depth < _MAX_DEPTH
        merged[key] = _over(old, value, depth + 1) if both and isinstance(old, Mapping) else value
    return merged


def _starts_from(settings: Settings) -> str | None:
    task = settings.tree.get("task")
    checkpoint = settings.text("starts_from", "task.init_checkpoint")
    modules = settings.take("starts_from.modules", "task.init_checkpoint_modules")
    if not isinstance(task, Mapping) or "init_checkpoint" not in task:
        return None
    parts = ", ".join(map(text_of, many(modules)))
    return f"{checkpoint} ({parts})" if checkpoint and parts else checkpoint or ""


def _augmentations(settings: Settings) -> tuple[Augmentation, ...] | None:
    parser = settings.take("augmentations", "task.train_data.parser")
    if not isinstance(parser, Mapping):
        return None
    given = {key: value for key, value in parser.items() if key.startswith("aug_") and key not in _SCALES}
    for key in ("mosaic", "random_flip", "area_range"):
        given |= {key: parser[key]} if key in parser else {}
    mosaic = at(settings.tree, "task.train_data.decoder.mosaic") or parser.get("mosaic")
    found = [_augmentation(name, value) for name, value in given.items() if name != "mosaic" and _is_on(value)]
    scales = {key: text_of(parser[key]) for key in _SCALES if key in parser}
    if scales and any(number(value) != 1.0 for value in scales.values()):
        found.append(Augmentation("aug_scale", Kind.SCALE, scales))
    if isinstance(mosaic, Mapping):
        parts = [(key, mosaic.get(f"{key}_frequency")) for key in ("mosaic", "mixup")]
        found += [
            Augmentation(key, Kind.MIX, {f"{key}_frequency": text_of(each)}) for key, each in parts if _is_on(each)
        ]
    for key in (*given, *_SCALES):
        settings.name(f"augmentations.{key}", f"task.train_data.parser.{key}")
    return tuple(found) if found or given or scales else None


def _augmentation(name: str, value: Any) -> Augmentation:
    parameters = {key or name: text for key, text in leaves(value)} if isinstance(value, Mapping) else None
    return Augmentation(name, kind_of(name), parameters or {name: text_of(value)})


def _is_on(value: Any) -> bool:
    if isinstance(value, Mapping):
        return value.get("type", True) is not None
    return bool(value) and truth(value) is not False and number(value) != 0.0


def _input_size(settings: Settings) -> str | None:
    sizes = [number(size) for size in many(settings.take("input_size", "task.model.input_size"))]
    sides = [size for size in sizes[:2] if size]
    return f"{sides[1]:g}x{sides[0]:g}" if len(sides) == 2 else None


def _frozen(settings: Settings) -> tuple[str, ...] | None:
    is_frozen = truth(settings.take("frozen", "task.freeze_backbone"))
    kind = at(settings.tree, "task.model.backbone.type")
    trainable = f"task.model.backbone.{kind}.bn_trainable"
    settings.name("frozen.batch_norm", trainable)
    keeps_batch_norm = truth(at(settings.tree, trainable)) is False
    if is_frozen is None and not keeps_batch_norm:
        return None
    return (*(["backbone"] if is_frozen else []), *(["batch norm of the backbone"] if keeps_batch_norm else []))


def _model(settings: Settings) -> str | None:
    kind = settings.text("model", "task.model.backbone.type")
    if not kind:
        return None
    words = [kind]
    for name in ("model_id", "depth_multiplier"):
        path = f"task.model.backbone.{kind}.{name}"
        if at(settings.tree, path) is not None:
            settings.name(f"model.{name}", path)
            words.append(text_of(at(settings.tree, path)))
    return " ".join(words)


def _matching(settings: Settings) -> dict[str, str]:
    found = _below(settings, "matching", "task.model.anchor", (), "anchor.")
    found |= _below(settings, "matching", "task.model.roi_sampler", (), "roi_sampler.")
    parser = at(settings.tree, "task.train_data.parser")
    for name in (*_MATCHING, *_SAMPLED):
        if isinstance(parser, Mapping) and parser.get(name) is not None:
            settings.name(f"matching.{name}", f"task.train_data.parser.{name}")
            found[name] = text_of(parser[name])
    return found


def _below(settings: Settings, attribute: str, path: str, without: tuple[str, ...], prefix: str = "") -> dict[str, str]:
    tree = at(settings.tree, path)
    if not isinstance(tree, Mapping):
        return {}
    found = {}
    for name, value in leaves({key: each for key, each in tree.items() if key not in without}):
        if name:
            settings.name(f"{attribute}.{prefix}{name}", f"{path}.{name}")
            found[f"{prefix}{name}"] = value
    return found


def _paths(settings: Settings, part: str) -> tuple[str, ...]:
    attribute = "train_data" if part == "train_data" else "eval_data"
    paths = [text_of(path) for path in many(settings.take(attribute, f"task.{part}.input_path")) if path]
    names = settings.text(f"{attribute}.tfds", f"task.{part}.tfds_name")
    return tuple(paths) or ((f"tfds {names}",) if names else ())
