"""Augmentations of two plans compared: those of one toolkit by name, those of two by what they do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ratchet.components.toolkits.plan_change import PlanChange, ratio_of
from ratchet.components.toolkits.settings_tree import is_same, number
from ratchet.schemas.data.training_plan import Augmentation, Kind, TrainingPlan

_GONE, _NEW, _CHANGED = "augmentations.gone", "augmentations.new", "augmentations.changed"
_NONE = "none"
_NOT_SET = "not set"


def augmentation_changes(before: TrainingPlan, after: TrainingPlan) -> Iterator[PlanChange]:
    """Augmentations gone, new and with other parameters; nothing where a plan does not say which it has."""
    if before.augmentations is None or after.augmentations is None:
        return
    if before.toolkit != after.toolkit:
        yield from _by_kind(before.augmentations, after.augmentations, _base(after))
        return
    first, second = _counted(before.augmentations), _counted(after.augmentations)
    for key, augmentation in first.items():
        if key not in second:
            yield _gone(augmentation, _path(after, augmentation.name))
    for key, augmentation in second.items():
        if key not in first:
            yield _new(augmentation, _path(after, augmentation.name))
    for key in first:
        if key in second:
            yield from _parameters(first[key], second[key], after)


def _counted(augmentations: Sequence[Augmentation]) -> dict[tuple[str, int], Augmentation]:
    # One that is there twice is paired with the other plan's first and second.
    names = [each.name for each in augmentations]
    return {(each.name, names[:index].count(each.name)): each for index, each in enumerate(augmentations)}


def _by_kind(before: Sequence[Augmentation], after: Sequence[Augmentation], name: str) -> Iterator[PlanChange]:
    for kind in Kind:
        first = [each for each in before if each.kind is kind]
        second = [each for each in after if each.kind is kind]
        if first and not second and kind is not Kind.OTHER:
            yield _gone(first[0], name, ", ".join(each.name for each in first))
        if second and not first and kind is not Kind.OTHER:
            yield _new(second[0], name, ", ".join(each.name for each in second))


def _gone(augmentation: Augmentation, name: str, shown: str = "") -> PlanChange:
    text = shown or _shown(augmentation)
    sentence = f"the augmentation {text} is gone ({augmentation.kind.value})"
    return PlanChange(_GONE, name, text, _NONE, None, sentence, augmentation.kind)


def _new(augmentation: Augmentation, name: str, shown: str = "") -> PlanChange:
    text = shown or _shown(augmentation)
    sentence = f"the augmentation {text} is new ({augmentation.kind.value})"
    return PlanChange(_NEW, name, _NONE, text, None, sentence, augmentation.kind)


def _shown(augmentation: Augmentation) -> str:
    only = augmentation.parameters.get(augmentation.name)
    return f"{augmentation.name} {only}" if only else augmentation.name


def _parameters(before: Augmentation, after: Augmentation, plan: TrainingPlan) -> Iterator[PlanChange]:
    for key in dict.fromkeys([*before.parameters, *after.parameters]):
        texts = before.parameters.get(key, _NOT_SET), after.parameters.get(key, _NOT_SET)
        if is_same(*texts):
            continue
        name = _path(plan, after.name, key)
        what = after.name if key == after.name else f"{after.name}, {key}"
        sentence = f"the augmentation {what}: {texts[0]} -> {texts[1]}"
        ratio = ratio_of(number(texts[0]), number(texts[1]))
        yield PlanChange(_CHANGED, name, *texts, ratio, sentence, after.kind)


def _base(plan: TrainingPlan) -> str:
    return plan.named.get("augmentations", "augmentations")


def _path(plan: TrainingPlan, name: str, parameter: str = "") -> str:
    named = plan.named.get(f"augmentations.{parameter or name}")
    if named:
        return named
    end = f".{name}.{parameter}" if parameter else f".{name}"
    found = [path for path in plan.settings if path.startswith(_base(plan)) and path.endswith(end)]
    return found[0] if found else f"{_base(plan)}: {name}{'.' * bool(parameter)}{parameter}"
