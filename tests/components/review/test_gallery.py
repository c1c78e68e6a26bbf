"""What the gallery's section says and holds, read from its HTML."""

from __future__ import annotations

import re

from ratchet.components.review.confusion import Confusion
from ratchet.components.review.content import ErrorAnalysis
from ratchet.components.review.sections.confusion import confusion_gist, confusion_section
from ratchet.components.review.sections.curves import curves_gist, curves_section
from ratchet.components.review.sections.errors import errors_gist, errors_section
from ratchet.components.review.sections.gallery import gallery_gist, gallery_section
from ratchet.components.review.sections.wording import OF_FILES
from ratchet.schemas.artifacts.evaluation import BASELINE, CANDIDATE
from tests.components.review.content import analysis, changed_boxes, confused, curve, curves, gallery_image
from tests.components.review.test_page import text_of


def shown(found: ErrorAnalysis) -> str:
    return text_of(gallery_section(found, 100))


def test_an_image_says_in_words_what_changed_and_what_each_model_does() -> None:
    seen = shown(analysis())
    assert "1 lost; 1 new and false baseline : 1 missed candidate : 1 missed; 1 read as dog; 1 false 000000.jpg" in seen
    assert "In 40 of 100 golden images the candidate makes more errors than the baseline; here are the 6 worst." in seen
    assert gallery_gist(analysis(), 100) == "40 of 100 golden images: 63 lost; 2 new and false"


def test_an_original_is_linked_where_it_is_known() -> None:
    found = analysis(gallery=(gallery_image(original="file:///data/golden/a.jpg"), gallery_image(1)))
    assert str(gallery_section(found, 100)).count('href="file:///data/golden/a.jpg"') == 1
    assert str(gallery_section(found, 100)).count('title="the original: file:///data/golden/a.jpg"') == 1


def test_classes_to_choose_are_those_of_what_changed() -> None:
    page = str(gallery_section(analysis(), 100))
    chosen = re.findall(r'<option value="([^"]*)">', page.partition('class="by-class"')[2].partition("</select>")[0])
    assert chosen == ["", "cat", "dog"]
    assert "cat (6)" in page
    assert "dog (3)" in page


def test_what_changed_is_cut_out_by_kind_and_no_image_fills_a_kind() -> None:
    images = tuple(gallery_image(place, changed=changed_boxes(("dog",) * 9)) for place in range(6))
    page = str(gallery_section(analysis(gallery=images), 100))
    assert "Lost: found by the baseline, missed by the candidate (54, 16 shown)" in text_of(page)
    assert page.count('class="crop"') == 16
    assert page.count('href="#golden-0"') == 4
    assert len(re.findall('id="golden-0"', page)) == 1


def test_images_stay_within_their_bytes() -> None:
    heavy = tuple(gallery_image(place, jpeg=bytes(1_000_000)) for place in range(6))
    page = shown(analysis(gallery=heavy))
    assert "here are the 4 worst" in page
    assert "Without a picture: 2 further of the worst images" in page


def test_images_that_got_better_are_a_fold() -> None:
    better = (gallery_image(7), gallery_image(8))
    page = str(gallery_section(analysis(better=better, improved=20), 100))
    assert "20 images got better; the 2 that did most" in text_of(page)
    assert (
        str(gallery_section(analysis(better=better, improved=20), 100, better_open=True)).count(
            '<details class="fold" open>'
        )
        == 1
    )
    assert len(set(re.findall('id="(golden-[0-9]+)"', page))) == 8


def test_images_without_pictures_are_told_in_a_table() -> None:
    found = analysis(gallery=(gallery_image(jpeg=b""),))
    ask = text_of(gallery_section(found, 100, OF_FILES, "--images DIR shows them here, with the boxes."))
    assert (
        "image what changed baseline candidate 000000.jpg 1 lost; 1 new and false 1 missed 1 missed; 1 read as" in ask
    )
    assert "--images DIR shows them here" in ask
    told = text_of(gallery_section(found, 100, OF_FILES, unseen={"000000.jpg": "no such file"}))
    assert "Without a picture: 1 of the worst images 000000.jpg : no such file" in told


def test_a_slider_covers_scores_beyond_0_to_1() -> None:
    assert 'min="0.0" max="1.0" step="0.01"' in gallery_section(analysis(), 100)


def test_curves_have_equal_axes_and_every_class_a_row() -> None:
    many = curves(curve(), *(curve(f"class {number}", {BASELINE: 0.3, CANDIDATE: 0.05}) for number in range(30)))
    page = str(curves_section(many))
    assert "8 of 30" in text_of(page)
    assert page.count('<th scope="row">class ') == 30
    figures = re.findall(r"<figure.*?</figure>", page, re.DOTALL)
    assert len(figures) == 3 + 2 * 8
    ticks = {tuple(re.findall(r'text-anchor="(?:end|middle)">([0-9.]+)<', figure)) for figure in figures}
    assert ticks == {("0", "0.2", "0.4", "0.6", "0.8", "1.0") * 2}
    assert page.count('class="marker') == 2 + 2 * 2 * 8  # of both models in each chart that has an operating point
    assert curves_gist(many) == "best mean F1: baseline 0.45, candidate 0.30"


def test_the_confusion_that_is_told_is_the_most_frequent() -> None:
    assert confusion_gist(confused()) == "cat read as dog 12 times, before 0"
    assert confusion_gist(confused({CANDIDATE: {(1, 1): 3}})) == "the candidate takes no class for another"


def test_a_difference_is_good_or_bad_by_where_it_is() -> None:
    page = str(confusion_section(confused()))
    difference = page.rpartition("<tbody>")[0].rpartition("<tbody>")[2]
    cells = re.findall(r'<td class="number ?([a-z]*)[^"]*">([^<]*)', difference)
    minus = "\N{MINUS SIGN}"
    assert cells[:3] == [("bad", f"{minus}12"), ("bad", "+12"), ("", "0")]
    assert cells[3:6] == [("", "0"), ("bad", f"{minus}8"), ("bad", "+8")]


def test_of_eighty_classes_twelve_are_drawn_and_that_is_said() -> None:
    names = tuple(f"class {number}" for number in range(1, 81))
    counts = {(number, number + 1): number for number in range(1, 80)}
    page = str(confusion_section(Confusion(names, {CANDIDATE: counts, BASELINE: {}}, 10, 10)))
    assert page.count("<table") == 4
    assert "The 12 classes that are mixed up most, of 80; the others are in no matrix." in text_of(page)


def test_errors_are_told_by_slice() -> None:
    seen = text_of(errors_section(analysis().error_types, analysis().slices))
    assert "camera north 60 0.60 1.80 +1.20 south 40 0.50 0.50 +0.00" in seen
    assert errors_gist(analysis().error_types).startswith("localization: box fits badly: costs more, +0.1900")
