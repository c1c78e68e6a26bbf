"""Tests of `ratchet.components.example_gen.outcomes`: what Beam's workers say of images."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from ratchet.components.example_gen.outcomes import Outcomes, end_line, outcome_path
from ratchet.schemas.base.errors import DataError, StateError
from ratchet.schemas.base.files import LOCAL_FILES


def line(image_id: int, **more: Any) -> dict[str, Any]:
    pixels = base64.b64encode(bytes([image_id]) * 4).decode()
    sound = {"digest": "ab" * 32, "fingerprint": f"{image_id} 00", "thumbnail": pixels, "facts": [f"file {image_id}"]}
    return {"image_id": image_id, **(more if "problem" in more or "refused" in more else sound | more)}


def told(directory: Path, group: int, *lines: dict[str, Any], images: int | None = None) -> str:
    path = outcome_path(str(directory), group)
    end = end_line(len(lines) if images is None else images, {"train": (f"data-{group}", len(lines))})
    Path(path).write_text("\n".join([*map(json.dumps, lines), end]))
    return path


def test_groups_are_joined_and_thumbnails_come_in_any_order(tmp_path: Path) -> None:
    outcomes = Outcomes(4)
    outcomes.read(told(tmp_path, 0, line(3), line(1, orientation=6)), LOCAL_FILES)
    outcomes.read(told(tmp_path, 1, line(2)), LOCAL_FILES)
    assert list(outcomes.thumbnails([1, 2, 3])) == [b"\1" * 4, b"\2" * 4, b"\3" * 4]
    assert outcomes.record_files == {"train": {"data-0": 2, "data-1": 1}}
    assert [image_id for image_id, found in outcomes.images.items() if found.is_turned] == [1]
    outcomes.raise_problems("span", 3)


def test_problems_are_told_by_ascending_image_id(tmp_path: Path) -> None:
    outcomes = Outcomes(4)
    outcomes.read(told(tmp_path, 0, line(9, problem="nine"), line(1)), LOCAL_FILES)
    outcomes.read(told(tmp_path, 1, line(2, problem="two"), line(5, refused=["5.jpg", 6, ""])), LOCAL_FILES)
    with pytest.raises(DataError) as caught:
        outcomes.raise_problems("span", 4)
    message = str(caught.value)
    assert message.index("5.jpg") < message.index("two") < message.index("nine")


def test_a_group_of_which_no_worker_spoke_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(StateError, match=r"outcome-00000: no worker has said .*FileNotFound.*run the step again"):
        Outcomes(4).read(outcome_path(str(tmp_path), 0), LOCAL_FILES)


@pytest.mark.parametrize("content", ["", '{"images": 1, "wri', "no JSON"])
def test_a_torn_outcome_is_an_error(tmp_path: Path, content: str) -> None:
    path = told(tmp_path, 0, line(1))
    Path(path).write_text(content)
    with pytest.raises(StateError, match=r"outcome-00000: no worker has said"):
        Outcomes(4).read(path, LOCAL_FILES)


def test_an_outcome_of_other_images_than_it_says_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(StateError, match=r"outcome-00000: 2 images, where it says 3"):
        Outcomes(4).read(told(tmp_path, 0, line(1), line(2), images=3), LOCAL_FILES)
