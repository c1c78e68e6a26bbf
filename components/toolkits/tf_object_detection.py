"""`pipeline.config` of the TF Object Detection API: protobuf text, with the defaults of object_detection/protos."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from ratchet.components.toolkits.augmentation_kinds import kind_of
from ratchet.components.toolkits.settings_tree import Settings, at, leaves, many, number, text_of, truth
from ratchet.components.toolkits.textproto import Message, parse_textproto
from ratchet.components.toolkits.tf_object_detection_model import losses, matching, post_processing, weight_decay
from ratchet.components.toolkits.tf_object_detection_rates import rate_of
from ratchet.schemas.base.errors import InputError
from ratchet.schemas.data.training_plan import Augmentation, TrainingPlan

TOOLKIT = "TF Object Detection API"
_BATCH_SIZE = 32  # train.proto
_RESIZERS = {"fixed_shape_resizer": (300, 300), "keep_aspect_ratio_resizer": (600, 1024)}  # image_resizer.proto
# preprocessor.proto: what an option has where it is left out.
_CROP = {
    "min_object_covered": "1.0",
    "min_aspect_ratio": "0.75",
    "max_aspect_ratio": "1.33",
    "min_area": "0.1",
    "max_area": "1.0",
    "overlap_thresh": "0.3",
    "random_coef": "0.0",
}
_DEFAULTS: dict[str, dict[str, str]] = {
    "random_horizontal_flip": {"probability": "0.5"},
    "random_vertical_flip": {"probability": "0.5"},
    "random_rotation90": {"probability": "0.5"},
    "random_pixel_value_scale": {"minval": "0.9", "maxval": "1.1"},
    "random_image_scale": {"min_scale_ratio": "0.5", "max_scale_ratio": "2.0"},
    "random_rgb_to_gray": {"probability": "0.1"},
    "random_adjust_brightness": {"max_delta": "0.2"},
    "random_adjust_contrast": {"min_delta": "0.8", "max_delta": "1.25"},
    "random_adjust_hue": {"max_delta": "0.02"},
    "random_adjust_saturation": {"min_delta": "0.8", "max_delta": "1.25"},
    "random_jitter_boxes": {"ratio": "0.05"},
    "random_crop_image": _CROP,
    "random_crop_pad_image": _CROP,
    "random_crop_to_aspect_ratio": {"aspect_ratio": "1.0", "overlap_thresh": "0.3"},
    "random_black_patches": {"max_black_patches": "10", "probability": "0.5", "size_to_image_ratio": "0.1"},
    "random_square_crop_by_scale": {"max_border": "128", "scale_min": "0.6", "scale_max": "1.3", "num_scales": "8"},
    "random_scale_crop_and_pad_to_square": {"output_size": "512", "scale_min": "0.1", "scale_max": "2.0"},
    "autoaugment_image": {"policy_name": "v0"},
}


def read_tf_object_detection(text: str, source: str) -> TrainingPlan:
    """The plan of a `pipeline.config`.

    Args:
        text: of the file.
        source: the file, for messages.

    Raises:
        InputError: it is no protobuf text, or none of a training.
    """
    tree = _plain(parse_textproto(text, source))
    model, train = tree.get("model"), tree.get("train_config")
    if not isinstance(model, Mapping) and not isinstance(train, Mapping):
        raise InputError(
            f"{source}: protobuf text without `model` and `train_config`; give the pipeline.config of the training"
        )
    settings = Settings(tree)
    kind = next(iter(model), "") if isinstance(model, Mapping) else ""
    steps = settings.number("steps", "train_config.num_steps") or None  # 0: until it is stopped
    rate, optimizer = rate_of(settings, steps)
    classes = settings.number("classes", f"model.{kind}.num_classes")
    return TrainingPlan(
        toolkit=TOOLKIT,
        source=source,
        starts_from=_starts_from(settings),
        rate=rate,
        optimizer=optimizer,
        batch_size=settings.number("batch_size", "train_config.batch_size", default=_BATCH_SIZE if train else None),
        steps=steps,
        augmentations=_augmentations(settings),
        input_size=_input_size(settings, kind),
        frozen=_frozen(settings, kind),
        label_map=settings.text("label_map", "train_input_reader.label_map_path"),
        classes=None if classes is None else int(classes),
        model=_model(settings, kind),
        matching=matching(settings, kind),
        losses=losses(settings, kind),
        post_processing=post_processing(settings, kind),
        weight_decay=weight_decay(settings, kind),
        train_data=_paths(settings, "train_data", "train_input_reader"),
        eval_data=_paths(settings, "eval_data", "eval_input_reader"),
        settings=dict(leaves(tree)),
        named=settings.named,
    )


def _plain(message: Message) -> dict[str, Any]:
    # A field that stands there once is its value, for it has no other path; one that is repeated is a list.
    return {name: _value(values) for name, values in message.items()}


def _value(values: list[str | Message]) -> Any:
    plain = [each if isinstance(each, str) else _plain(cast(Message, each)) for each in values]
    return plain[0] if len(plain) == 1 else plain


def _starts_from(settings: Settings) -> str | None:
    if not isinstance(settings.tree.get("train_config"), Mapping):
        return None
    checkpoint = settings.text("starts_from", "train_config.fine_tune_checkpoint") or ""
    kind = settings.take("starts_from.type", "train_config.fine_tune_checkpoint_type")
    if not kind and truth(settings.take("starts_from.is_detector", "train_config.from_detection_checkpoint")):
        kind = "detection"
    return f"{checkpoint} ({text_of(kind)})" if checkpoint and kind else checkpoint


def _augmentations(settings: Settings) -> tuple[Augmentation, ...] | None:
    if not isinstance(settings.tree.get("train_config"), Mapping):
        return None
    options = many(settings.take("augmentations", "train_config.data_augmentation_options"))
    steps = [step for option in options if isinstance(option, Mapping) for step in option.items()]
    return tuple(
        Augmentation(name, kind_of(name), {**_DEFAULTS.get(name, {}), **dict(leaves(given) if given else ())})
        for name, each in steps
        for given in many(each)
    )


def _input_size(settings: Settings, kind: str) -> str | None:
    resizer = settings.take("input_size", f"model.{kind}.image_resizer")
    if not isinstance(resizer, Mapping) or not resizer:
        return None
    name, how = next(iter(resizer.items()))
    if name not in _RESIZERS:
        return f"{name} {text_of(how)}"
    first, second = ("height", "width") if name == "fixed_shape_resizer" else ("min_dimension", "max_dimension")
    sizes = [number(at(how, key)) or default for key, default in zip((first, second), _RESIZERS[name])]
    if name == "fixed_shape_resizer":
        return f"{sizes[1]:g}x{sizes[0]:g}"
    padded = ", padded to a square" if truth(at(how, "pad_to_max_dimension")) else ""
    return f"shorter side {sizes[0]:g}, longer side at most {sizes[1]:g}{padded}"


def _frozen(settings: Settings, kind: str) -> tuple[str, ...] | None:
    if not isinstance(settings.tree.get("train_config"), Mapping):
        return None
    frozen = [text_of(each) for each in many(settings.take("frozen", "train_config.freeze_variables"))]
    only = [text_of(each) for each in many(at(settings.tree, "train_config.update_trainable_variables"))]
    if only:
        settings.name("frozen", "train_config.update_trainable_variables")
        frozen.append(f"all but {', '.join(only)}")
    if truth(at(settings.tree, f"model.{kind}.freeze_batchnorm")):
        frozen.append("batch norm")
    return tuple(frozen)


def _model(settings: Settings, kind: str) -> str | None:
    feature = settings.text("model", f"model.{kind}.feature_extractor.type")
    return f"{kind} {feature}" if feature else kind or None


def _paths(settings: Settings, attribute: str, reader: str) -> tuple[str, ...]:
    settings.name(attribute, f"{reader}.tf_record_input_reader.input_path")
    readers = many(at(settings.tree, reader))
    return tuple(
        text_of(path) for each in readers for path in many(at(each, "tf_record_input_reader.input_path")) if path
    )
