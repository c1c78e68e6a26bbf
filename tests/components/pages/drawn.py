"""What is in an SVG of a chart, for tests."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

HOSTILE = "<script>alert('\"x\"')</script>\u202e&\x00"


def parsed(html: str) -> ET.Element:
    """The element, which has to be well-formed; also checks what holds of every drawing.

    Raises:
        AssertionError: a number is none, a style stands in an attribute, or something of HOSTILE is not escaped.
    """
    assert not re.search(r'[\s"MLHV](?:nan|inf|-inf|None)\b', html), html
    assert "style=" not in html
    assert "<script" not in html
    assert "\u202e" not in html
    return ET.fromstring(html)


def of_class(root: ET.Element, name: str, tag: str = "") -> list[ET.Element]:
    """Elements of a class, in order."""
    return [each for each in root.iter(tag or None) if name in (each.get("class") or "").split()]


def words(root: ET.Element) -> str:
    """What a screen reader says of the picture."""
    [svg] = [each for each in root.iter("svg") if each.get("role") == "img"]
    return svg.get("aria-label") or ""


def places(path: str) -> list[tuple[float, float]]:
    """Points of a path of lines."""
    return [(float(x), float(y)) for x, y in re.findall(r"[ML]([-0-9.e]+) ([-0-9.e]+)", path)]
