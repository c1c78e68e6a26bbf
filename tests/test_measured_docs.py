"""The tables of docs/presets.md and docs/scale.md are of what was measured."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.measured_docs import BEGIN, END, ingestion_table, presets_table, write_between
from ratchet.schemas.base.errors import InputError

ROOT = Path(__file__).resolve().parent.parent


@pytest.mark.parametrize(
    ("page", "measured", "table"), [("presets", "presets", presets_table), ("scale", "ingestion", ingestion_table)]
)
def test_a_page_has_what_was_measured(page: str, measured: str, table) -> None:
    values = json.loads((ROOT / "benchmarks" / "measured" / f"{measured}.json").read_text(encoding="utf-8"))
    assert values["points"]
    text = (ROOT / "docs" / f"{page}.md").read_text(encoding="utf-8")
    assert text.partition(BEGIN)[2].partition(END)[0].strip() == table(values)


def test_a_page_without_marks_is_refused(tmp_path: Path) -> None:
    (tmp_path / "page.md").write_text("no marks")
    with pytest.raises(InputError, match="put them where the figures belong"):
        write_between(tmp_path / "page.md", BEGIN, "text")
