"""The page of an adopted model: what it is, how it is read and what it lacks, in words of one model."""

from __future__ import annotations

import re
from typing import Any

from ratchet.components.review.adoption_content import AdoptionContent
from ratchet.components.review.adoption_page import adoption_page
from tests.components.review.files_content import alone
from tests.components.review.test_page import text_of


def content(**fields: Any) -> AdoptionContent:
    whole: dict[str, Any] = {
        "subject": "exported/saved_model, as tf-models exports it",
        "sentence": "Served as version 17, adopted by Ada: in production since March",
        "is_rehearsal": False,
        "notes": ["the golden set has 'bus', which the model does not know"],
        "reading": ["boxes are [ymin, xmin, ymax, xmax] in fractions of the image"],
        "training": ["Trained with tf-models, as params.yaml says: batches of 8"],
        "lacks": [("embeddings (signature `embed`)", "the data gate does not look for images like none")],
        "step": "What is trained on your spans has to be no worse:",
        "command": "ratchet run --data SPANS --root root --golden golden",
        "files": alone(pictures="golden"),
    }
    return AdoptionContent(**whole | fields)


def shown(adopted: AdoptionContent) -> str:
    return text_of(adoption_page(adopted))


def test_the_head_says_what_was_adopted_and_how_good_it_is() -> None:
    page = shown(content())
    assert (
        "exported/saved_model, as tf-models exports it on out/ground truth.json, 2030-01-15 12:00 UTC ADOPTED" in page
    )
    assert "ADOPTED Served as version 17, adopted by Ada: in production since March" in page
    assert "Note: the golden set has 'bus', which the model does not know" in page
    assert "model mAP 0.5000" in page
    assert "Next: What is trained on your spans has to be no worse: ratchet run --data SPANS --root root" in page
    assert "Other ways" not in page


def test_a_rehearsal_says_that_it_is_one() -> None:
    page = shown(content(is_rehearsal=True, sentence="Nothing was changed. It would be adopted by Ada: trial"))
    assert "REHEARSED Nothing was changed." in page
    assert "ADOPTED" not in page


def test_how_it_is_read_how_it_was_trained_and_what_it_lacks() -> None:
    page = shown(content())
    assert "How it is read boxes are [ymin, xmin, ymax, xmax] in fractions of the image How it was trained" in page
    assert "How it was trained Trained with tf-models, as params.yaml says: batches of 8" in page
    assert "it lacks so embeddings (signature embed) the data gate does not look for images like none" in page


def test_what_is_not_known_has_no_section() -> None:
    page = adoption_page(content(lacks=[], training=[]))
    assert "lacks" not in text_of(page)
    assert "How it was trained" not in page


def test_it_speaks_of_one_model() -> None:
    page = adoption_page(content())
    between_names_of_files = text_of(page).partition(" Classes and figures 2 classes")[2].partition(" SHA-256 ")[0]
    assert "What was measured" in between_names_of_files
    assert re.findall(r"[^.]*\b[Cc]andidate\b[^.]*", between_names_of_files) == []
    assert 'id="rules"' not in page


def test_names_of_strangers_are_text() -> None:
    assert "<script>alert" not in adoption_page(
        content(subject="<script>alert(1)</script>", notes=["<script>alert(2)</script>"], reading=["<script>alert(3)"])
    )
