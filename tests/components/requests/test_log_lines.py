from __future__ import annotations

import base64
import datetime
import io
import json

import pytest

from ratchet.components.requests import log_lines
from ratchet.components.requests.log_lines import line_number, lines_from_the_end, logged_in


@pytest.mark.parametrize("block", [1, 3, 7, 1000])
def test_lines_come_from_the_end_with_their_places(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_lines, "_BLOCK_BYTES", block)
    content = b"first\n\n  \nsecond one\nthird\n"
    found = list(lines_from_the_end(io.BytesIO(content)))
    assert [line for _, line, _ in found] == [b"third", b"second one", b"first"]
    assert all(content[place:].startswith(line) for place, line, _ in found)
    assert [line_number(io.BytesIO(content), place) for place, _, _ in found] == [5, 4, 1]


@pytest.mark.parametrize(
    ("content", "open_lines"), [(b"a\nb\n", []), (b"a\nb", [b"b"]), (b"a", [b"a"]), (b"a\n\n", []), (b"", [])]
)
def test_only_a_last_line_without_an_end_may_be_torn(content: bytes, open_lines: list[bytes]) -> None:
    assert [line for _, line, is_open in lines_from_the_end(io.BytesIO(content)) if is_open] == open_lines


UTC = datetime.timezone.utc


def line(**values: object) -> bytes:
    return json.dumps({"image": base64.b64encode(b"x").decode(), **values}).encode()


@pytest.mark.parametrize(
    ("written", "moment"),
    [
        ("2026-11-28T23:10:00+01:00", "2026-11-28T23:10:00+01:00"),  # of the camera's own day, not of UTC's
        ("2026-11-28T23:10:00Z", "2026-11-28T23:10:00+00:00"),
        ("2026-11-28 07:10:00", "2026-11-28T07:10:00+00:00"),
        (1764284400, "2025-11-27T23:00:00+00:00"),
        (1764284400.5, "2025-11-27T23:00:00+00:00"),
        ("2026-11-28T00:00:00Z", "2026-11-28T00:00:00+00:00"),
        ("2026-11-28", "2026-11-28"),  # a day: its hour nobody has written
        (" 2026-11-28 ", "2026-11-28"),
        ("yesterday", None),
        (True, None),
        (1e300, None),
        ({"at": 7}, None),
        (None, None),
    ],
)
def test_a_time_keeps_the_zone_of_the_entry_and_what_is_no_time_is_not_known(
    written: object, moment: str | None
) -> None:
    [logged] = logged_in(line(logged_at=written))
    at = logged.at.replace(microsecond=0) if isinstance(logged.at, datetime.datetime) else logged.at
    assert (at.isoformat() if at else None) == moment


@pytest.mark.parametrize(
    ("written", "camera"), [("north", "north"), (" a\nb ", "a\\nb"), (3, "3"), (["north"], ""), (False, ""), (None, "")]
)
def test_a_camera_has_a_name_of_one_line_or_none(written: object, camera: str) -> None:
    assert logged_in(line(camera=written))[0].camera == camera


def test_what_a_predict_request_says_beside_its_images_holds_for_all_of_them() -> None:
    entry = {"instances": [{"b64": "eA=="}, {"b64": "eQ=="}], "camera": "north", "logged_at": "2026-01-31T04:00:00Z"}
    found = logged_in(json.dumps(entry).encode())
    assert [logged.encoded for logged in found] == [b"x", b"y"]
    assert {(logged.camera, logged.at) for logged in found} == {
        ("north", datetime.datetime(2026, 1, 31, 4, tzinfo=UTC))
    }
