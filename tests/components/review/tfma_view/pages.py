"""The report seen in a browser."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from ratchet.components.review.tfma_view.page import tfma_page
from ratchet.components.review.tfma_view.results import Bound, Failure, TfmaResults, Threshold, Validation
from tests.components.browsing import OpenPage
from tests.components.review.tfma_view.runs import of_both, of_class, results, run_name

SLICES = {
    of_class("cat"): (0.3, 0.5),
    of_class("dog"): (0.6, 0.5),
    of_class("auk"): (None, None),
    of_class("cow"): (0.4, 0.45),
    (("object_size", "small"),): (0.2, 0.3),
    (("data_set", "held_out"),): (0.4, 0.3),
    of_both("cat", "object_size", "small"): (0.2, 0.4),
    of_both("dog", "object_size", "large"): (0.6, 0.5),
}
DROP = Threshold((), "AP", Bound(-0.02, change="absolute"))
VALIDATION = Validation(
    False, False, (Threshold((), "AP", Bound(0.4)), DROP), (Failure(DROP, -0.05, "map_drop: expected x; found y"),)
)
PAST = {run_name(1, version="100"): 0.2, run_name(2, version="200"): 0.5}


def tfma_code() -> str:
    """TFMA's components, found without importing TFMA, which takes half a minute."""
    found = importlib.util.find_spec("tensorflow_model_analysis")
    assert found
    assert found.origin
    return (Path(found.origin).parent / "static" / "vulcanized_tfma.js").read_text(encoding="utf-8")


def rows(opened: OpenPage, place: str) -> dict[str, list[str]]:
    """Texts of a table of TFMA's by the first cell of a row; of a figure with interval the figure alone."""
    texts = opened.page.locator(f"#tfma-{place} .gc-table tbody tr").evaluate_all(
        """rows => rows.map(row => [...row.cells].map(cell =>
             (cell.querySelector("tfma-bounded-value")?.shadowRoot.querySelector("div") ?? cell).textContent))"""
    )
    return {first: rest for first, *rest in texts}


def table(opened: OpenPage, name: str) -> dict[str, list[str]]:
    """Texts of a table of the page's own by the first cell of a row, as they are seen."""
    texts = opened.page.locator(f"#{name} tbody tr").evaluate_all(
        "rows => rows.map(row => [...row.cells].map(cell => cell.innerText.split('\\n')[0].trim()))"
    )
    return {first: rest for first, *rest in texts}


def open_view(opened: OpenPage) -> OpenPage:
    """Unfolds TFMA's own view and waits for the last thing that is drawn."""
    opened.page.locator("#tfma-view > details > summary").click()
    opened.page.locator("#tfma-series .gc-table tbody tr").first.wait_for()
    return opened


def open_all(opened: OpenPage) -> OpenPage:
    """Unfolds all sections but TFMA's own view."""
    opened.page.evaluate(
        "document.querySelectorAll('section:not(#tfma-view) > details').forEach(each => each.open = true)"
    )
    return opened


def shown(**fields: object) -> TfmaResults:
    return results(**{"slices": SLICES, "past": PAST, "validation": VALIDATION, **fields})  # type: ignore[arg-type]


def html(**fields: object) -> str:
    return tfma_page(shown(**fields), tfma_code(), "digits", "review.html")
