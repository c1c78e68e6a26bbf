"""What may happen to a training image: fixed policies, each with a name, a version and a digest.

An augmentation that changes from one training to the next is a known cause of lost mAP. So a policy is chosen by name,
a changed policy gets a new name, and its digest in the training record shows a change of which the name says nothing.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from dataclasses import dataclass
from typing import Literal

AugmentationName = Literal[
    "none-v1",
    "scale-v1",
    "flip-v1",
    "flip-scale-v1",
    "light-v1",
    "scale-light-v1",
    "flip-light-v1",
    "flip-scale-light-v1",
    "randaugment-v1",
    "flip-scale-randaugment-v1",
]


@dataclass(frozen=True)
class Light:
    """Random light: each image is drawn one factor of brightness and one of contrast, uniform between their limits.

    Attributes:
        brightness_min: lower limit of the factor on every pixel value.
        brightness_max: upper limit of it.
        contrast_min: lower limit of the factor on every pixel value's distance from the image's mean.
        contrast_max: upper limit of it.
    """

    brightness_min: float = 0.7
    brightness_max: float = 1.3
    contrast_min: float = 0.7
    contrast_max: float = 1.3


@dataclass(frozen=True)
class RandAugment:
    """RandAugment (Cubuk et al. 2019, arXiv:1909.13719) as tf-models builds it for detection.

    tf-models gives cutout and translation in px; here they are fractions of the model input's shorter side, so that
    a small input is not wiped out. Its own 40 px and 100 px are these fractions of a 640 px input. Its strengths do
    not rise with the magnitude throughout: at 5, Color, Contrast, Brightness and Sharpness do nothing, and below 7.5
    Posterize leaves at most two bits of each colour. A turned or sheared object's box is that of its turned or sheared
    box, so it is looser than before.

    Attributes:
        layers: operations an image goes through, one after the other; each may also be none.
        magnitude: strength of every operation, 0..10.
        cutout: half the side of the grey square at magnitude 10.
        translate: shift at magnitude 10.
        operations: those that are drawn from, by tf-models' names; listed here so that another version of tf-models
            cannot change them.
    """

    layers: int = 1
    magnitude: float = 8.0
    cutout: float = 0.0625
    translate: float = 0.15625
    operations: tuple[str, ...] = (
        "AutoContrast",
        "Equalize",
        "Invert",
        "Rotate_BBox",
        "Posterize",
        "Solarize",
        "Color",
        "Contrast",
        "Brightness",
        "Sharpness",
        "ShearX_BBox",
        "ShearY_BBox",
        "TranslateX_BBox",
        "TranslateY_BBox",
        "Cutout",
        "SolarizeAdd",
    )


@dataclass(frozen=True)
class Augmentation:
    """A policy's exact parameters.

    Attributes:
        horizontal_flip: mirror half of the images.
        scale_min: lower limit of the random scale; 1 is the size at which the whole image just fits the model's input.
        scale_max: upper limit of the random scale; what no longer fits is cropped at random.
        light: random brightness and contrast.
        rand_augment: RandAugment.
    """

    horizontal_flip: bool = False
    scale_min: float = 1.0
    scale_max: float = 1.0
    light: Light | None = None
    rand_augment: RandAugment | None = None

    @property
    def digest(self) -> str:
        """Changes with any parameter, also when the policy's name does not."""
        # Without the parts that are not used, so that a part added later leaves the digests in older records valid.
        used = {name: value for name, value in dataclasses.asdict(self).items() if value is not None}
        return hashlib.sha256(json.dumps(used, sort_keys=True).encode()).hexdigest()[:16]

    @property
    def random_scale(self) -> bool:
        """Whether the image's scale is drawn."""
        return (self.scale_min, self.scale_max) != (1.0, 1.0)


AUGMENTATIONS: dict[AugmentationName, Augmentation] = {
    "none-v1": Augmentation(),
    "scale-v1": Augmentation(scale_min=0.8, scale_max=1.2),
    "flip-v1": Augmentation(horizontal_flip=True),
    "flip-scale-v1": Augmentation(horizontal_flip=True, scale_min=0.8, scale_max=1.2),
    "light-v1": Augmentation(light=Light()),
    "scale-light-v1": Augmentation(scale_min=0.8, scale_max=1.2, light=Light()),
    "flip-light-v1": Augmentation(horizontal_flip=True, light=Light()),
    "flip-scale-light-v1": Augmentation(horizontal_flip=True, scale_min=0.8, scale_max=1.2, light=Light()),
    "randaugment-v1": Augmentation(rand_augment=RandAugment()),
    "flip-scale-randaugment-v1": Augmentation(
        horizontal_flip=True, scale_min=0.8, scale_max=1.2, rand_augment=RandAugment()
    ),
}
