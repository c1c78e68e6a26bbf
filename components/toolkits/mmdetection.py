"""MMDetection's dumped configurations, of 2.x and 3.x, from whatever syntax: mmdetection.readthedocs.io, "Config"."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ratchet.components.toolkits.mmdetection_pipeline import augmentations_of, input_size_of, pipeline_of
from ratchet.components.toolkits.mmdetection_rates import rate_of
from ratchet.components.toolkits.settings_tree import Settings, Tree, at, leaves, many, number, text_of, truth
from ratchet.schemas.data.training_plan import TrainingPlan

TOOLKIT = "MMDetection"
_KEYS = ("optim_wrapper", "param_scheduler", "lr_config", "train_dataloader", "train_pipeline", "_base_")
_DATASETS = ("train_dataloader.dataset", "data.train")
_EVALUATED = ("val_dataloader.dataset", "data.val")
_ASSIGNED = ("assigner", "sampler", "anchor_generator", "prior_generator")
_MAX_WRAPPED = 10


def is_mmdetection(values: Tree) -> bool:
    """Whether settings are MMDetection's."""
    model = values.get("model")
    is_model = isinstance(model, Mapping) and "type" in model and any(key in model for key in ("backbone", "detector"))
    return is_model or any(key in values for key in _KEYS)


def read_mmdetection(values: Tree, source: str) -> TrainingPlan:
    """The plan of a dumped configuration.

    Args:
        values: of the file.
        source: the file.
    """
    settings, notes = Settings(values), list[str]()
    if "_base_" in values:
        notes.append(
            f"_base_ = {text_of(values['_base_'])} is not followed, so that what stands there is missing here; give "
            "the config that the training wrote into its work_dir"
        )
    iterations, epochs = _length(settings)
    rate, optimizer = rate_of(settings, epochs, iterations)
    pipeline = pipeline_of(settings, _wrapped(values, _DATASETS))
    classes = _classes(settings)
    names = _class_names(settings)
    return TrainingPlan(
        toolkit=TOOLKIT,
        source=source,
        starts_from=_starts_from(settings),
        rate=rate,
        optimizer=optimizer,
        batch_size=_batch_size(settings, notes),
        scales_rate=truth(at(values, "auto_scale_lr.enable")) is True,
        steps=iterations,
        epochs=None if epochs is None else epochs * _times(settings),
        augmentations=augmentations_of(pipeline),
        input_size=input_size_of(pipeline),
        frozen=_frozen(settings),
        class_names=names,
        classes=len(names) if classes is None and names else classes,
        model=_model(settings),
        matching=_group(settings, "matching", _is_matching),
        losses=_group(settings, "losses", lambda path: any(part.startswith("loss_") for part in path.split("."))),
        post_processing=_group(settings, "post_processing", lambda path: path.startswith("model.test_cfg.")),
        weight_decay=settings.number("weight_decay", "optim_wrapper.optimizer.weight_decay", "optimizer.weight_decay"),
        train_data=_annotations(settings, "train_data", _DATASETS),
        eval_data=_annotations(settings, "eval_data", _EVALUATED),
        settings=dict(leaves(values)),
        named=settings.named,
        notes=tuple(notes),
    )


def _length(settings: Settings) -> tuple[float | None, float | None]:
    iterations = settings.number("steps", "train_cfg.max_iters", "runner.max_iters", "total_iters")
    epochs = settings.number("epochs", "train_cfg.max_epochs", "runner.max_epochs", "total_epochs", "max_epochs")
    return (iterations, None) if iterations else (None, epochs)


def _wrapped(values: Tree, places: tuple[str, ...]) -> list[tuple[str, Mapping[str, Any]]]:
    # A data set and those that it is wrapped around, by their paths, the outermost first; of several the first.
    path = next((place for place in places if isinstance(at(values, place), (Mapping, list))), "")
    found: list[tuple[str, Mapping[str, Any]]] = []
    while path and len(found) < _MAX_WRAPPED:
        dataset = at(values, path)
        if isinstance(dataset, list):
            path = f"{path}[0]"
            dataset = at(values, path)
        if not isinstance(dataset, Mapping):
            break
        found.append((path, dataset))
        path = next((f"{path}.{key}" for key in ("dataset", "datasets") if key in dataset), "")
    return found


def _times(settings: Settings) -> float:
    times = 1.0
    for path, dataset in _wrapped(settings.tree, _DATASETS):
        if dataset.get("type") == "RepeatDataset":
            settings.name("epochs.times", f"{path}.times")
            times *= number(dataset.get("times")) or 1.0
    return times


def _batch_size(settings: Settings, notes: list[str]) -> float | None:
    paths = ("train_dataloader.batch_size", "data.samples_per_gpu", "data.imgs_per_gpu")
    a_gpu = settings.number("batch_size", *paths)
    if a_gpu is None:
        return None
    gpus = len(many(at(settings.tree, "gpu_ids")))
    if not gpus:
        notes.append("the size of a batch is that of one GPU: the configuration does not say how many there were")
    if truth(at(settings.tree, "auto_scale_lr.enable")):
        notes.append("auto_scale_lr is on: the rate is multiplied by the whole batch over base_batch_size")
    return a_gpu * max(gpus, 1)


def _starts_from(settings: Settings) -> str | None:
    checkpoint = settings.text("starts_from", "load_from", "resume_from")
    if checkpoint:
        return checkpoint
    if truth(settings.tree.get("resume")):
        settings.name("starts_from", "resume")
        return "its own last checkpoint"
    paths = ("model.backbone.init_cfg.checkpoint", "model.pretrained", "model.backbone.pretrained", "pretrained")
    found = next((path for path in paths if at(settings.tree, path)), None)
    if found:
        settings.name("starts_from", found)
        return f"{text_of(at(settings.tree, found))} (backbone)"
    return "" if "model" in settings.tree and "_base_" not in settings.tree else None


def _frozen(settings: Settings) -> tuple[str, ...] | None:
    settings.name("frozen", "model.backbone.frozen_stages")
    if not isinstance(at(settings.tree, "model.backbone"), Mapping):
        return None
    stages = number(at(settings.tree, "model.backbone.frozen_stages"))
    frozen = [] if stages is None or stages < 0 else [f"backbone up to stage {stages:g}"]
    for place in ("optim_wrapper.paramwise_cfg.custom_keys", "optimizer.paramwise_cfg.custom_keys"):
        keys = at(settings.tree, place)
        for key, each in keys.items() if isinstance(keys, Mapping) else ():
            if isinstance(each, Mapping) and number(each.get("lr_mult")) == 0.0:
                settings.name(f"frozen.{key}", f"{place}.{key}")
                frozen.append(str(key))
    return tuple(frozen)


def _model(settings: Settings) -> str | None:
    kind = settings.text("model", "model.type")
    backbone = at(settings.tree, "model.backbone")
    if not isinstance(backbone, Mapping):
        return kind
    settings.name("model.backbone", "model.backbone.type")
    settings.name("model.depth", "model.backbone.depth")
    words = [kind, backbone.get("type"), backbone.get("depth")]
    return " ".join(text_of(word) for word in words if word is not None) or None


def _classes(settings: Settings) -> int | None:
    heads = [path for path, _ in leaves(settings.tree.get("model"), "model") if path.endswith(".num_classes")]
    if not heads:
        return None
    settings.name("classes", heads[0])
    for path in heads[1:]:  # a cascade says it in each stage
        settings.name(f"classes.{path}", path)
    classes = number(at(settings.tree, heads[0]))
    return None if classes is None else int(classes)


def _class_names(settings: Settings) -> tuple[str, ...] | None:
    datasets = _wrapped(settings.tree, _DATASETS)
    places = [f"{path}.{key}" for path, _ in datasets for key in ("metainfo.classes", "metainfo.CLASSES", "classes")]
    given = settings.take("class_names", *places, "metainfo.classes", "classes", "class_name")
    return tuple(map(text_of, given)) if isinstance(given, (list, tuple)) and given else None


def _is_matching(path: str) -> bool:
    parts = path.replace("[", ".").split(".")
    return parts[0] == "model" and any(part in _ASSIGNED for part in parts)


def _group(settings: Settings, attribute: str, belongs: Any) -> dict[str, str]:
    found = {}
    for path, value in leaves(settings.tree.get("model"), "model"):
        if belongs(path):
            name = path.removeprefix("model.")
            settings.name(f"{attribute}.{name}", path)
            found[name] = value
    return found


def _annotations(settings: Settings, attribute: str, places: tuple[str, ...]) -> tuple[str, ...]:
    for path, dataset in reversed(_wrapped(settings.tree, places)):
        files = [text_of(file) for file in many(dataset.get("ann_file"))]
        if files:
            settings.name(attribute, f"{path}.ann_file")
            settings.name(f"{attribute}.root", f"{path}.data_root")
            root = dataset.get("data_root")
            return tuple(_joined(root, file) for file in files)
    return ()


def _joined(root: Any, file: str) -> str:
    if not isinstance(root, str) or not root or file.startswith(("/", root)) or "://" in file:
        return file
    return f"{root.rstrip('/')}/{file}"
