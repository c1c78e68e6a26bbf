"""The tables of the page of logged requests."""

from __future__ import annotations

import re

from ratchet.components.shadow.tables import tables_of
from ratchet.schemas.artifacts.shadow import Disagreement, Shadow


def shadow(**cameras: Disagreement) -> Shadow:
    return Shadow("log", Disagreement(4, 1, 3, 0, 1, 0), by_camera=cameras)


def test_a_camera_of_a_long_name_does_not_push_the_figures_out_of_sight() -> None:
    [table] = tables_of(shadow(**{"n" * 5000: Disagreement(4, 1, 3, 0, 1, 0)}))
    cells = re.sub(r"<svg.*?</svg>", "", table.text)
    assert max(map(len, re.findall(r"n+", cells))) == 57
    assert f"{'n' * 57}..." in cells


def test_a_share_of_nothing_and_one_of_all_are_whole_dots() -> None:
    [table] = tables_of(shadow(north=Disagreement(1, 0, 3, 0, 0, 0), south=Disagreement(1, 1, 0, 0, 3, 0)))
    [width] = set(re.findall(r'viewBox="0 0 (\d+) ', table.text))
    dots = [(float(x), float(r)) for x, r in re.findall(r'cx="([\d.]+)" cy="\d+" r="(\d+)"', table.text)]
    assert len(dots) == 2
    assert all(r < x < int(width) - r for x, r in dots)


def test_a_table_in_which_nothing_disagrees_is_drawn_too() -> None:
    [table] = tables_of(shadow(north=Disagreement(1, 0, 3, 0, 0, 0)))
    assert table.gist == "0 % to 0 %"
    assert len(re.findall("<circle", table.text)) == 1
