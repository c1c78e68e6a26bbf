"""Two trainings' plans compared in the field's terms, whatever their syntax; what only one of them says is no change.

Settings of anchors and of losses are compared where both files are of one toolkit: those of two do not mean the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from ratchet.components.toolkits.augmentation_changes import augmentation_changes
from ratchet.components.toolkits.other_settings import other_settings
from ratchet.components.toolkits.plan_change import PlanChange, PlanChanges, ratio_of, times
from ratchet.components.toolkits.rate_changes import rate_changes
from ratchet.components.toolkits.settings_tree import is_same, number, shown
from ratchet.schemas.data.training_plan import TrainingPlan

_NOTHING = "nothing"
_NOT_SET = "not set"
_GROUPS = {
    "matching": "what makes an anchor or a point a positive one",
    "losses": "the loss",
    "post_processing": "what becomes of predicted boxes",
}
_FIGURES = {
    "images": "training images",
    "steps": "optimizer steps",
    "epochs": "passes over the training data",
    "passes": "passes over the training data",
    "batch_size": "images a step",
    "weight_decay": "weight decay",
    "replay": "share of earlier data in a batch",
    "classes": "classes",
}
_WORDS = {
    "optimizer": "the optimizer",
    "input_size": "the size that images have for the model",
    "starts_from": "the weights that it starts from",
    "label_map": "the file of the class names",
    "model": "the model",
}
_NUMBER = re.compile(r"\d+(?:\.\d+)?")


def plan_changes(
    before: TrainingPlan,
    after: TrainingPlan,
    images_before: int | None = None,
    images_after: int | None = None,
) -> PlanChanges:
    """What differs between two plans.

    Args:
        before: of the model that was better.
        after: of the other one.
        images_before: training images of the first, where its plan does not know them.
        images_after: the same of the second.
    """
    images = before.images or images_before, after.images or images_after
    found = [
        *rate_changes(before, after),
        *_amounts(before, after, images),
        *_words(before, after, ("optimizer",)),
        *_figures(before, after, ("weight_decay",)),
        *augmentation_changes(before, after),
        *_words(before, after, ("input_size",)),
        *_lists(before, after, "frozen", "what is not trained"),
        *_words(before, after, ("starts_from", "label_map")),
        *_lists(before, after, "class_names", "the class names"),
        *_figures(before, after, ("classes",)),
        *_words(before, after, ("model",)),
        *_groups(before, after),
        *_lists(before, after, "train_data", "what is trained on"),
        *_lists(before, after, "eval_data", "what is evaluated on while it trains"),
    ]
    # One setting may stand behind several attributes: a data.yaml has images and class names.
    seen = {(each.name, each.before, each.after, each.kind): each for each in reversed(found)}
    return PlanChanges(tuple(each for each in found if each in seen.values()), tuple(other_settings(before, after)))


def passes_of(plan: TrainingPlan, images: int | None) -> float | None:
    """How often an image of the new data is seen, on average; None where that is not known."""
    if plan.epochs is not None:
        return plan.epochs
    if not plan.steps or not plan.batch_size or not images:
        return None
    return plan.steps * plan.batch_size * (1 - (plan.replay or 0.0)) / images


def _amounts(before: TrainingPlan, after: TrainingPlan, images: tuple[int | None, int | None]) -> Iterator[PlanChange]:
    yield from _figure("images", *images, "training images")
    yield from _figures(before, after, ("steps", "epochs"))
    if before.epochs is None or after.epochs is None:
        name = after.named.get("epochs" if after.epochs is not None else "steps", _FIGURES["passes"])
        yield from _figure("passes", passes_of(before, images[0]), passes_of(after, images[1]), name)
    yield from _figures(before, after, ("batch_size", "replay"))


def _figures(before: TrainingPlan, after: TrainingPlan, attributes: tuple[str, ...]) -> Iterator[PlanChange]:
    for attribute in attributes:
        name = after.named.get(attribute, _FIGURES[attribute])
        yield from _figure(attribute, getattr(before, attribute), getattr(after, attribute), name)


def _figure(attribute: str, before: float | None, after: float | None, name: str) -> Iterator[PlanChange]:
    if before is None or after is None or is_same(shown(before), shown(after)):
        return
    texts, ratio = (shown(before), shown(after)), ratio_of(before, after)
    factor = f" ({times(ratio)})" if ratio else ""
    sentence = f"{_FIGURES[attribute]}: {texts[0]} -> {texts[1]}{factor}"
    yield PlanChange(attribute, name, *texts, ratio, sentence)


def _words(before: TrainingPlan, after: TrainingPlan, attributes: tuple[str, ...]) -> Iterator[PlanChange]:
    for attribute in attributes:
        first, second = getattr(before, attribute), getattr(after, attribute)
        if first is None or second is None or first == second:
            continue
        if before.toolkit != after.toolkit and (attribute == "model" or _is_momentum(attribute, first, second)):
            continue  # toolkits have names of their own for one thing
        ratio = _size_ratio(first, second) if attribute == "input_size" else None
        name = after.named.get(attribute, _WORDS[attribute])
        first, second = (each or "random weights" for each in (first, second))
        yield PlanChange(attribute, name, first, second, ratio, f"{_WORDS[attribute]}: {first} -> {second}")


def _is_momentum(attribute: str, *names: str) -> bool:
    return attribute == "optimizer" and {*names} <= {"sgd", "momentum"}


def _size_ratio(before: str, after: str) -> float | None:
    first, second = (max(map(float, _NUMBER.findall(text)), default=None) for text in (before, after))
    return ratio_of(first, second)


def _lists(before: TrainingPlan, after: TrainingPlan, attribute: str, words: str) -> Iterator[PlanChange]:
    first: tuple[str, ...] | None = getattr(before, attribute)
    second: tuple[str, ...] | None = getattr(after, attribute)
    if first is None or second is None or first == second:
        return
    if attribute == "frozen":
        if before.toolkit != after.toolkit and first and second:
            return  # parts have other names in another toolkit
    elif not first or not second:
        return
    name = after.named.get(attribute, words)
    texts = ", ".join(first) or _NOTHING, ", ".join(second) or _NOTHING
    yield PlanChange(attribute, name, *texts, None, f"{words}: {texts[0]} -> {texts[1]}")


def _groups(before: TrainingPlan, after: TrainingPlan) -> Iterator[PlanChange]:
    if before.toolkit != after.toolkit:
        return
    for group, words in _GROUPS.items():
        first: Mapping[str, str] = getattr(before, group)
        second: Mapping[str, str] = getattr(after, group)
        for key in dict.fromkeys([*first, *second]) if first and second else ():
            texts = first.get(key, _NOT_SET), second.get(key, _NOT_SET)
            if not is_same(*texts):
                path = after.named.get(f"{group}.{key}") or before.named.get(f"{group}.{key}") or key
                ratio = ratio_of(number(texts[0]), number(texts[1]))
                sentence = f"{words}, {key}: {texts[0]} -> {texts[1]}"
                yield PlanChange(f"{group}.{key}", path, *texts, ratio, sentence)
