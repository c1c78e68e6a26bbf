"""The rules about images that show what others show: golden ones, trained ones, the span's own; pure."""

from __future__ import annotations

from collections.abc import Mapping

from ratchet.components.data_gate.copies import Copies
from ratchet.schemas.artifacts.decisions import Reason
from ratchet.schemas.base.formatting import listed, many, percent
from ratchet.schemas.data.copy_settings import CopySettings

_LISTED = 5
_REPEATED = 0.01  # share of copies in a span from which on a person should look


def no_leak(leaked: Copies, names: Mapping[int, str], settings: CopySettings) -> Reason:
    """Whether a golden image is in the span.

    Args:
        leaked: copies of golden images.
        names: file names by image id.
        settings: whether they are looked for at all.
    """
    expected = "no copy of a golden image in the span: re-encoded, resized, re-lit, turned, mirrored or cropped"
    if settings.untested:
        return Reason("leak", expected, settings.untested, passed=True, warning=True, tested=False)
    pairs = leaked.pairs
    if not pairs:
        return Reason(
            "leak",
            expected,
            f"no copy of a golden image among {many(leaked.images, 'image')}",
            passed=True,
            strength=0.0,
        )
    certain = [pair for pair in pairs if pair[0] not in leaked.doubtful]
    doubtful = [pair for pair in pairs if pair[0] in leaked.doubtful]
    words = []
    if certain:
        golden = len({other for _, other in certain})
        shown = [f"{_name(names, image)} is golden image {other}{_how(leaked, image)}" for image, other in certain]
        words.append(f"{_counted(golden, 'golden image')} in the span: {listed(shown, _LISTED)}")
    if doubtful:
        shown = [f"{_name(names, image)} and golden image {other}{_how(leaked, image)}" for image, other in doubtful]
        words.append(f"to be looked at, one photograph or two of the same scene: {listed(shown, _LISTED)}")
    # One is too many: what a share of the set counts for is not the question, so each is as far beyond as the first.
    return Reason(
        rule="leak",
        expected=expected,
        actual="; ".join(words),
        passed=not certain,
        warning=not certain,
        images=tuple(_name(names, image) for image, _ in pairs),
        strength=1.0 + len(pairs),
    )


def no_repeats(repeated: Copies, names: Mapping[int, str], settings: CopySettings) -> Reason:
    """Whether a span holds many of its images more than once; see `no_leak`."""
    expected = f"at most {percent(_REPEATED)} of the images are copies of others in the span"
    if settings.untested:
        return Reason("repeated_images", expected, settings.untested, passed=True, tested=False)
    share = len(repeated.pairs) / max(1, repeated.images)
    actual = "no image is a copy of another"
    if repeated.pairs:
        image, other = repeated.pairs[0]
        actual = (
            f"{len(repeated.pairs):,} of {many(repeated.images, 'image')} ({percent(share)}) are copies of others, "
        )
        actual += f"such as {_name(names, image)} and {_name(names, other)}"
    return Reason(
        rule="repeated_images",
        expected=expected,
        actual=actual,
        passed=True,
        warning=share > _REPEATED,
        images=tuple(dict.fromkeys(_name(names, each) for pair in repeated.pairs for each in pair)),
        strength=share / _REPEATED,
    )


def _how(copies: Copies, image: int) -> str:
    return f" ({copies.how[image]})" if image in copies.how else ""


def _counted(count: int, what: str) -> str:
    return f"{count} {what} is" if count == 1 else f"{count} {what}s are"


def _name(names: Mapping[int, str], image_id: int) -> str:
    return names.get(image_id, f"image {image_id}")
