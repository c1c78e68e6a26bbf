from __future__ import annotations

import dataclasses
from typing import get_args

import pytest

from ratchet.components.trainer.images.augmentation import (
    AUGMENTATIONS,
    Augmentation,
    AugmentationName,
    Light,
    RandAugment,
)

# A digest that changes here changes what a name in older training records means: give the policy a new name instead.
DIGESTS = {
    "none-v1": "3137f193b1a1f252",
    "scale-v1": "c5a2d76d9277885a",
    "flip-v1": "89dd0e3e67bb1903",
    "flip-scale-v1": "804fde6f8dee398b",
    "light-v1": "925633457a87578d",
    "scale-light-v1": "33b4b07a1ee4608c",
    "flip-light-v1": "a8f6d714678e1e3b",
    "flip-scale-light-v1": "fb0f7aa539e5e00f",
    "randaugment-v1": "150599886298a49c",
    "flip-scale-randaugment-v1": "48c6e81b6412f8f4",
}


def test_what_a_name_stands_for_never_changes() -> None:
    assert {name: policy.digest for name, policy in AUGMENTATIONS.items()} == DIGESTS


def test_every_name_that_may_be_configured_has_a_policy() -> None:
    assert set(AUGMENTATIONS) == set(get_args(AugmentationName))


def test_no_two_names_stand_for_the_same() -> None:
    assert len(set(DIGESTS.values())) == len(DIGESTS)


@pytest.mark.parametrize("part", [Augmentation(), Light(), RandAugment()])
def test_every_parameter_is_in_the_digest(part: Augmentation | Light | RandAugment) -> None:
    digests = {whole(part).digest}
    for field in dataclasses.fields(part):
        digests.add(whole(dataclasses.replace(part, **{field.name: another(field.name, part)})).digest)
    assert len(digests) == 1 + len(dataclasses.fields(part))


def whole(part: Augmentation | Light | RandAugment) -> Augmentation:
    if isinstance(part, Light):
        return Augmentation(light=part)
    return Augmentation(rand_augment=part) if isinstance(part, RandAugment) else part


def another(name: str, part: object) -> object:
    value = getattr(part, name)
    if value is None:
        return {"light": Light(), "rand_augment": RandAugment()}[name]
    return value[1:] if isinstance(value, tuple) else not value if isinstance(value, bool) else value + 0.25


@pytest.mark.parametrize(("name", "drawn"), [("none-v1", False), ("flip-light-v1", False), ("scale-light-v1", True)])
def test_a_policy_knows_whether_it_draws_a_scale(name: AugmentationName, drawn: bool) -> None:
    assert AUGMENTATIONS[name].random_scale is drawn
