"""The steps that MMDetection takes a training image through, and which of them are augmentations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ratchet.components.toolkits.augmentation_kinds import kind_of
from ratchet.components.toolkits.settings_tree import Settings, leaves, number, text_of
from ratchet.schemas.data.training_plan import Augmentation, Kind

# What is done to every image alike.
_PLAIN = {
    *("Normalize", "Pad", "PackDetInputs", "Collect", "DefaultFormatBundle", "ImageToTensor", "ToTensor", "Transpose"),
    *("FilterAnnotations", "ConvertMaskFormat", "FixShapeResize", "Compose"),
}
_LOADS = "Load"
_RESIZES = ("Resize", "FixShapeResize")
_SIZES = ("scale", "img_scale", "scales", "img_scales", "crop_size", "size")
_PROBABILITIES = ("prob", "flip_ratio", "ratio_prob")


def pipeline_of(
    settings: Settings, datasets: Sequence[tuple[str, Mapping[str, Any]]]
) -> list[Mapping[str, Any]] | None:
    """The steps, of a wrapped data set those of the inner one first; None where the configuration has none.

    Args:
        settings: of the file.
        datasets: the training data set and those that it wraps, by path, the outermost first.
    """
    found = [(path, dataset["pipeline"]) for path, dataset in datasets if isinstance(dataset.get("pipeline"), list)]
    if not found and isinstance(settings.tree.get("train_pipeline"), list):
        found = [("", settings.tree["train_pipeline"])]
    settings.name("augmentations", f"{found[-1][0]}.pipeline" if found and found[-1][0] else "train_pipeline")
    for path, _ in found[:-1]:
        settings.name(f"augmentations.{path}", f"{path}.pipeline")
    if found:  # a dump has the same steps once more by themselves
        settings.name("augmentations.train_pipeline", "train_pipeline")
    return [step for _, steps in reversed(found) for step in steps if isinstance(step, Mapping)] if found else None


def augmentations_of(pipeline: Sequence[Mapping[str, Any]] | None) -> tuple[Augmentation, ...] | None:
    """The augmentations among the steps, in their order."""
    return None if pipeline is None else tuple(_augmentation(step) for step in pipeline if _is_augmentation(step))


def input_size_of(pipeline: Sequence[Mapping[str, Any]] | None) -> str | None:
    """The size that images have for the model, in words."""
    steps = [step for step in pipeline or () if any(part in _name(step) for part in ("Resize", "Crop"))]
    for step in reversed(steps or list(pipeline or ())):
        given = next((step[key] for key in _SIZES if isinstance(step.get(key), list)), None)
        sizes = [given] if given and number(given[0]) is not None else given or []
        pairs = [pair for pair in (_pair(size) for size in sizes) if pair]
        if pairs:
            return _words(pairs, step.get("keep_ratio") is True)
    return None


def _words(pairs: list[tuple[float, float]], keeps_ratio: bool) -> str:
    if not keeps_ratio or (len(pairs) == 1 and pairs[0][0] == pairs[0][1]):
        return " or ".join(f"{width:g}x{height:g}" for width, height in pairs)
    shorter = sorted({min(pair) for pair in pairs})
    longer = max(max(pair) for pair in pairs)
    between = f"{shorter[0]:g}" if len(shorter) == 1 else f"{shorter[0]:g} to {shorter[-1]:g}"
    return f"shorter side {between}, longer side at most {longer:g}"


def _pair(size: Any) -> tuple[float, float] | None:
    numbers = [number(each) for each in size] if isinstance(size, list) else []
    if len(numbers) != 2 or numbers[0] is None or numbers[1] is None or max(numbers[0], numbers[1]) <= 1:
        return None
    return numbers[0], numbers[1]


def _is_augmentation(step: Mapping[str, Any]) -> bool:
    name = _name(step)
    if not name or name in _PLAIN or name.startswith(_LOADS):
        return False
    if name in _RESIZES:  # several sizes are
        sizes = next((step[key] for key in _SIZES if isinstance(step.get(key), list)), [])
        return len(sizes) > 1 and isinstance(sizes[0], list)
    given = next((step[key] for key in _PROBABILITIES if key in step), None)
    return given is None or number(given) != 0.0


def _augmentation(step: Mapping[str, Any]) -> Augmentation:
    name = _name(step)
    parameters = {key: value for key, value in leaves(dict(step)) if key != "type"}
    return Augmentation(name, Kind.SCALE if name in _RESIZES else kind_of(name), parameters)


def _name(step: Mapping[str, Any]) -> str:
    return text_of(step.get("type", "")).rsplit(".", 1)[-1]
