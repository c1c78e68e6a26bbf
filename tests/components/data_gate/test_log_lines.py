from __future__ import annotations

import io

import pytest

from ratchet.components.data_gate import log_lines
from ratchet.components.data_gate.log_lines import line_number, lines_from_the_end


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
