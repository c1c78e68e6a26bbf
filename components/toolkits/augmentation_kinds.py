"""What an augmentation does, by its name in any toolkit."""

from __future__ import annotations

from ratchet.schemas.data.training_plan import Kind

# In this order: `random_square_crop_by_scale` is a crop, `random_pixel_value_scale` colour, `hsv_...` no scale.
_PARTS = (
    (Kind.POLICY, ("autoaug", "auto_augment", "randaug", "rand_augment", "augmix", "aug_type", "randomchoice")),
    (Kind.POLICY, ("oneof", "someof", "trivialaugment", "albu")),
    (Kind.MIX, ("mosaic", "mixup", "mix_up", "copypaste", "copy_paste", "cutmix", "self_concat")),
    (Kind.ERASE, ("eras", "cutout", "cut_out", "black_patches", "patch_gaussian", "gridmask", "coarsedropout")),
    (Kind.MIRROR, ("flip", "mirror")),
    (Kind.BLUR, ("blur", "jpeg", "sharp")),
    (Kind.COLOUR, ("color", "colour", "hue", "saturation", "brightness", "contrast", "hsv", "photometric", "gray")),
    (Kind.COLOUR, ("grey", "bgr", "pixel_value", "gamma", "clahe", "equalize", "posterize", "solarize", "light")),
    (Kind.CROP, ("crop", "translat", "shift")),
    (Kind.TURN, ("rotat", "shear", "perspective", "degrees", "transpose", "affine")),
    (Kind.SCALE, ("scale", "resize", "expand", "pad", "zoom")),
)


def kind_of(name: str) -> Kind:
    """The kind of an augmentation.

    >>> [kind_of(name).value for name in ("random_horizontal_flip", "hsv_h", "RandomAffine", "random_jitter_boxes")]
    ['mirror', 'colour', 'turn', 'other']
    """
    lowered = name.lower()
    return next((kind for kind, parts in _PARTS if any(part in lowered for part in parts)), Kind.OTHER)
