"""Faults of images, each with a strength; labels stay true to what is seen."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np
from PIL import Image, ImageFilter

from ratchet.pipeline.bench.planting import Box, Entry, Planted, set_box

_SIDE_PX = 128  # longer side that blur is given for
_CROPPED_AWAY = 0.4  # of a box; less than this is left to be seen of it: it is not labelled any more


def _pixels(planted: Planted, change: Callable[[np.ndarray], np.ndarray]) -> None:
    """Changes [h, w, 3] float32 pixels, 0..255."""
    for entry in planted.images:
        pixels = change(np.asarray(planted.open(entry), np.float32))
        planted.change(entry, Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)))


def light(planted: Planted, strength: float) -> None:
    """Pixel values times the strength."""
    _pixels(planted, lambda pixels: pixels * strength)


def contrast(planted: Planted, strength: float) -> None:
    """Distance of pixel values from their mean times the strength."""
    _pixels(planted, lambda pixels: pixels.mean() + (pixels - pixels.mean()) * strength)


def gamma(planted: Planted, strength: float) -> None:
    """Pixel values, 0..1, to the power of the strength."""
    _pixels(planted, lambda pixels: 255 * (pixels / 255) ** strength)


def noise(planted: Planted, strength: float) -> None:
    """Gaussian noise of that standard deviation, of 255 grey levels."""
    _pixels(planted, lambda pixels: pixels + planted.rng.normal(0, strength, pixels.shape))


def cast(planted: Planted, strength: float) -> None:
    """Red times the strength, blue divided by it."""
    _pixels(planted, lambda pixels: pixels * np.array([strength, 1.0, 1 / strength], np.float32))


def hue(planted: Planted, strength: float) -> None:
    """Hue turned by a part, 0..1, of the circle."""
    for entry in planted.images:
        channels = np.asarray(planted.open(entry).convert("HSV")).copy()
        channels[..., 0] = (channels[..., 0].astype(int) + round(strength * 256)) % 256
        planted.change(entry, Image.fromarray(channels, "HSV").convert("RGB"))


def swapped_channels(planted: Planted, strength: float) -> None:
    """Red and blue in each other's place, in a share of the images."""
    for entry in planted.some(strength):
        planted.change(entry, Image.fromarray(np.asarray(planted.open(entry))[..., ::-1].copy()))


def grey(planted: Planted, strength: float) -> None:
    """No colour, in a share of the images."""
    for entry in planted.some(strength):
        planted.change(entry, planted.open(entry).convert("L").convert("RGB"))


def jpeg(planted: Planted, strength: float) -> None:
    """Compressed with that JPEG quality, and kept in the image's own format."""
    for entry in planted.images:
        file = io.BytesIO()
        planted.open(entry).save(file, "JPEG", quality=int(strength))
        planted.change(entry, Image.open(io.BytesIO(file.getvalue())).convert("RGB"))


def blurred(planted: Planted, strength: float) -> None:
    """Gaussian blur of that radius in pixels, for a longer side of 128 px."""
    for entry in planted.images:
        image = planted.open(entry)
        planted.change(entry, image.filter(ImageFilter.GaussianBlur(strength * max(image.size) / _SIDE_PX)))


def camera(planted: Planted, strength: float) -> None:
    """Another sensor: other tone curve, noise, vignette and less detail; about as bright."""
    for entry in planted.images:
        planted.change(entry, _seen_by_another(planted.open(entry), strength, planted.rng))


def _seen_by_another(image: Image.Image, amount: float, rng: np.random.Generator) -> Image.Image:
    detail = max(8, round(image.width * (1 - 0.5 * amount))), max(8, round(image.height * (1 - 0.5 * amount)))
    soft = image.resize(detail, Image.Resampling.BILINEAR).resize(image.size, Image.Resampling.BILINEAR)
    pixels = np.asarray(soft, np.float32)
    y, x = np.mgrid[-1 : 1 : image.height * 1j, -1 : 1 : image.width * 1j]
    shade = (1 - 0.35 * amount * (x**2 + y**2))[..., None]
    mean = pixels.mean()
    curved = (mean + (pixels - mean) * (1 - 0.4 * amount)) * shade
    noisy = curved * (mean / max(1.0, curved.mean())) + rng.normal(0, 10 * amount, pixels.shape)
    return Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8))


def far(planted: Planted, strength: float) -> None:
    """The scene smaller by that factor, on a strongly blurred copy of itself."""
    for entry in planted.images:
        image = planted.open(entry)
        small = image.resize((round(image.width * strength), round(image.height * strength)), Image.Resampling.LANCZOS)
        canvas = image.filter(ImageFilter.GaussianBlur(max(image.size) / 10))
        left, top = (image.width - small.width) // 2, (image.height - small.height) // 2
        canvas.paste(small, (left, top))
        planted.change(entry, canvas)
        _rescale(planted, entry, strength, left, top)


def near(planted: Planted, strength: float) -> None:
    """The middle of the scene larger by that factor: objects are longer and wider by it."""
    for entry in planted.images:
        image = planted.open(entry)
        width, height = image.size
        left, top = width * (1 - 1 / strength) / 2, height * (1 - 1 / strength) / 2
        middle = (left, top, width - left, height - top)
        planted.change(entry, image.resize(image.size, Image.Resampling.LANCZOS, box=middle))
        _rescale(planted, entry, strength, -left * strength, -top * strength)


def letterbox(planted: Planted, strength: float) -> None:
    """Black bars above and below: each that share of the image's height, which grows."""
    for entry in planted.images:
        image = planted.open(entry)
        bar = round(strength * image.height)
        canvas = Image.new("RGB", (image.width, image.height + 2 * bar))
        canvas.paste(image, (0, bar))
        planted.change(entry, canvas)
        _rescale(planted, entry, 1.0, 0, bar)


def turned(planted: Planted, strength: float) -> None:
    """A share of the images turned by 90 degrees, their boxes left as they were, cut off at the border."""
    for entry in planted.some(strength):
        planted.change(entry, planted.open(entry).transpose(Image.Transpose.ROTATE_90))
        for label in planted.labels:
            if label["image_id"] == entry["id"]:
                set_box(label, label["bbox"], (entry["width"], entry["height"]))


def black(planted: Planted, strength: float) -> None:
    """A share of the images nearly black, as of a camera whose cover is on."""
    for entry in planted.some(strength):
        planted.change(entry, planted.open(entry).point(lambda value: value * 0.02))


def resampled(planted: Planted, strength: float) -> None:
    """Made smaller by that factor and larger again, both times by the nearest pixel: another resize filter."""
    for entry in planted.images:
        image = planted.open(entry)
        small = image.resize((round(image.width * strength), round(image.height * strength)), Image.Resampling.NEAREST)
        planted.change(entry, small.resize(image.size, Image.Resampling.NEAREST))


def erased(planted: Planted, strength: float) -> None:
    """The objects of so many classes, the rarest, are painted over by what is around them and are labelled no more."""
    counts = Counter(entry["category_id"] for entry in planted.labels)
    gone = {category for category, _ in counts.most_common()[-int(strength) :]}
    for entry in planted.images:
        own = [label for label in planted.labels if label["image_id"] == entry["id"] and label["category_id"] in gone]
        if own:
            planted.change(entry, _without(planted.open(entry), [label["bbox"] for label in own]))
    planted.drop_labels(lambda label: label["category_id"] in gone and label["image_id"] in planted.chosen)


def _without(image: Image.Image, boxes: Sequence[Box]) -> Image.Image:
    """The image with each box filled by a strip of the image beside it, softened."""
    soft = image.filter(ImageFilter.GaussianBlur(max(image.size) / 12))
    for x, y, w, h in boxes:
        area = (int(x), int(y), min(image.width, int(x + w) + 1), min(image.height, int(y + h) + 1))
        image.paste(soft.crop(area), area[:2])
    return image


def _rescale(planted: Planted, entry: Entry, factor: float, left: float, top: float) -> None:
    """Moves the boxes of an image with what they are of; what is mostly cut off is labelled no more."""
    size = entry["width"], entry["height"]
    gone = set()
    for label in planted.labels:
        if label["image_id"] == entry["id"]:
            x, y, w, h = (value * factor for value in label["bbox"])
            set_box(label, [left + x, top + y, w, h], size)
            if label["area"] < (1 - _CROPPED_AWAY) * w * h:
                gone.add(label["id"])
    planted.drop_labels(lambda label: label["id"] in gone)


IMAGE_FAULTS: dict[str, Callable[[Planted, float], None]] = {
    "light": light,
    "contrast": contrast,
    "gamma": gamma,
    "noise": noise,
    "cast": cast,
    "hue": hue,
    "swapped-channels": swapped_channels,
    "grey": grey,
    "jpeg": jpeg,
    "blurred": blurred,
    "camera": camera,
    "far": far,
    "near": near,
    "letterbox": letterbox,
    "turned": turned,
    "black": black,
    "resampled": resampled,
    "erased": erased,
}
