"""The charts' colours stand out on both grounds, and their classes are those that are drawn."""

from __future__ import annotations

import re

import pytest

from ratchet.components.pages.bars import BarPair, interval_bar, paired_bars
from ratchet.components.pages.document import style
from ratchet.components.pages.line_chart import Axis, Mark, Marker, Series, line_chart

DARK = "@media (prefers-color-scheme: dark)"
LINES = ("baseline", "candidate", "neutral", "worse", "better", "unclear")


def colours(dark: bool) -> dict[str, str]:
    """The variables as they hold in one of the schemes."""
    found: dict[str, str] = {}
    light_part, _, dark_part = style().partition(DARK)
    for part in (light_part, dark_part.partition("\n}")[0] if dark else ""):
        found |= dict(re.findall(r"--([a-z]+): (#[0-9a-f]{6});", part))
    return found


def luminance(colour: str) -> float:
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, two: str) -> float:
    light, dark = sorted((luminance(one), luminance(two)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("ground", ["ground", "card"])
def test_lines_and_texts_stand_out_on_their_ground(dark: bool, ground: str) -> None:
    found = colours(dark)
    assert min(contrast(found[name], found[ground]) for name in LINES) >= 3
    assert min(contrast(found[name], found[ground]) for name in ("ink", "soft")) >= 4.5


def test_both_schemes_define_the_same_colours() -> None:
    light, dark = colours(False), colours(True)
    assert light.keys() == dark.keys()
    assert all(light[name] != dark[name] for name in LINES)


def test_contrast_is_measured() -> None:
    assert contrast("#ffffff", "#000000") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


def test_every_class_that_is_drawn_has_a_style() -> None:
    series = [
        Series(kind, kind, [(0, 1.0), (1, 2.0), (2, None), (3, 1.0)], [Marker(0, 1.0, "m")])
        for kind in ("baseline", "candidate", "neutral")
    ]
    html = line_chart(series, Axis("x"), Axis("y"), "any", [Mark(1, "here")]) + paired_bars([BarPair("a", 1, 2)], "any")
    html += "".join(interval_bar(value, value - 1, value + 1, 4, "any") for value in (-2, 0, 2))
    drawn = {name for names in re.findall(r'class="([^"]+)"', html) for name in names.split()}
    # v0 is the plain pattern of a kind; its other patterns have a style.
    unknown = {name for name in drawn if not re.search(rf"\.{name}\b", style())} - {"v0"}
    assert unknown == set()
