"""The glossary names places that are there, and words that are no longer used stay away."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ratchet.components.pages.glossary import GLOSSARY as ON_PAGES
from ratchet.pipeline.config.pipeline_settings import load_settings

TREE = Path(__file__).resolve().parent.parent
GLOSSARY = (TREE / "docs" / "glossary.md").read_text(encoding="utf-8")
FORMER = r"\b(surety|Sights|look_at|duplicate_bits|noticeable_of|wrong_at_random|fall_when_shuffled|measured_bytes)\b"


def is_there(place: str) -> bool:
    """Whether a file is there, or a setting."""
    if "/" in place or place.endswith(".md"):
        return (TREE / place).exists() or (TREE / "docs" / place).exists()
    value = load_settings({}, ())
    for key in place.split("."):
        value = getattr(value, key, None)
    return value is not None


@pytest.mark.parametrize("row", re.findall(r"^\| (?!term|---).*\|$", GLOSSARY, re.M))
def test_every_term_is_where_it_is_said_to_be(row: str) -> None:
    term, meaning, where = (cell.strip() for cell in row.strip("| ").split(" | "))
    places = re.findall(r"`([^`]+)`|\]\(([^)]+)\)", where)
    assert term
    assert meaning
    assert places
    assert [place for code, page in places if not is_there(place := code or page)] == []


def test_pages_say_of_a_word_what_the_glossary_says() -> None:
    documented = dict(re.findall(r"^\| ([^|]+) \| ([^|]+) \|", GLOSSARY.replace("`", ""), re.M))
    assert {term: documented.get(term) for term in ON_PAGES} == ON_PAGES


def test_a_place_that_is_not_there_is_noticed() -> None:
    assert not is_there("components/nowhere.py")
    assert not is_there("data_gate.nothing")


def test_former_words_are_gone_from_the_product() -> None:
    files = [*TREE.glob("components/**/*.py"), *TREE.glob("pipeline/**/*.py"), *TREE.glob("docs/*.md")]
    assert [str(file) for file in files if re.search(FORMER, file.read_text(encoding="utf-8"))] == []
