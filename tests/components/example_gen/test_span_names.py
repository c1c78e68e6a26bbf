"""Names of deliveries: numbers, versions and days."""

from __future__ import annotations

import pytest

from ratchet.components.example_gen.span_names import parse_span, span_number, span_text
from ratchet.schemas.base.errors import DataError


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("span-2026-11-28", (20261128, 1)),
        ("span-2026-11-28-version-3", (20261128, 3)),
        ("span-2028-02-29", (20280229, 1)),
        ("span-20261128", (20261128, 1)),
        ("span-2026", (2026, 1)),
        ("span-2026-11", None),
        ("span-2026-11-28-1", None),
        ("span-2026-11-28.tmp", None),
        ("span-٢٠٢٦-11-28", None),
    ],
)
def test_a_day_is_a_number_that_grows_with_it(name: str, found: tuple[int, int] | None) -> None:
    assert parse_span(name) == found


@pytest.mark.parametrize("day", ["2026-02-29", "2026-13-01", "2026-00-10", "0000-01-01", "2026-1-5", "26-11-28"])
def test_what_looks_like_a_day_and_is_none_is_refused_by_name(day: str) -> None:
    with pytest.raises(DataError, match=f"^span-{day}: .*{day}.*; call a delivery span-YYYY-MM-DD"):
        parse_span(f"span-{day}")


@pytest.mark.parametrize("text", ["2026-11-28", "20261128", "span-2026-11-28", " 2026-11-28 "])
def test_a_person_may_say_the_day_in_any_of_its_forms(text: str) -> None:
    assert span_number(text) == 20261128


@pytest.mark.parametrize("text", ["", "newest", "2026-11", "2026-02-30", "1.5", "9" * 5000, "span-"])
def test_what_is_neither_number_nor_day_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"day|number"):
        span_number(text)


def test_a_number_that_is_no_day_is_shown_as_it_is() -> None:
    assert [span_text(number) for number in (3, 20261128, 20260230, 30000101, 18991231)] == [
        "3",
        "2026-11-28",
        "20260230",
        "30000101",
        "18991231",
    ]
