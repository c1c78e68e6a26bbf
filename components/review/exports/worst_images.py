"""The golden images that got worse as a CSV file, for spreadsheets and scripts; pure."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

from ratchet.components.review.content import ErrorAnalysis, GalleryImage
from ratchet.schemas.artifacts.evaluation import BASELINE, CANDIDATE
from ratchet.schemas.base.visible import visible_line

COLUMNS = (
    *("file_name", "errors_more", "candidate_missed", "candidate_false", "baseline_missed", "baseline_false"),
    *("change", "classes", "slices", "original"),
)
# A spreadsheet takes what begins so for a formula, whoever wrote it: https://owasp.org/www-community/attacks/CSV_Injection
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def worst_images_csv(analysis: ErrorAnalysis) -> str:
    """One line an image, the worst first; errors are means over COCO's ten IoU thresholds."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    writer.writerows(map(list, map(_cells, analysis.gallery)))
    return out.getvalue()


def text_cell(text: str) -> str:
    """Text of others as text, whatever it begins with.

    >>> text_cell("=1+1"), text_cell("7.jpg"), text_cell(" -2")
    ("'=1+1", '7.jpg', "' -2")
    """
    shown = visible_line(text)
    return f"'{shown}" if text.startswith(_FORMULA) or shown.lstrip().startswith(_FORMULA) else shown


def _cells(image: GalleryImage) -> Iterator[str]:
    yield text_cell(image.file_name)
    yield f"{image.worse:.4f}"
    for model in (CANDIDATE, BASELINE):
        errors = image.errors.get(model)
        yield f"{errors.missed:.4f}" if errors else ""
        yield f"{errors.false:.4f}" if errors else ""
    yield text_cell(image.change)
    yield text_cell(", ".join(image.classes))
    yield text_cell(", ".join(image.slices))
    yield text_cell(image.original)
