from __future__ import annotations

import itertools
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from ratchet.components.data_gate.page import data_page
from ratchet.components.pages.findings import MOST_PICTURES
from ratchet.components.pages.rule_words import next_steps
from ratchet.components.pages.text import safe
from ratchet.schemas.artifacts.data_evidence import SKEW, DataPictures, Picture, PictureLayer, View
from ratchet.schemas.artifacts.decisions import Reason
from ratchet.schemas.base.formatting import number, percent
from ratchet.schemas.base.visible import visible_line
from ratchet.schemas.data.dataset import BadBoxes
from tests.components.data_gate.page.content import comparison, content, data_set, decision, hostile, shown

OFFSET = Reason("labels:offset", "boxes within 5 %", "boxes are displaced by 15 %")
DARK = Reason("drift:qa/brightness", "at most 0.1", "0.400")
COPIES = Reason("repeated_images", "no copies", "3 copies", passed=True, warning=True)
FINE = Reason("schema", "no anomaly", "no anomaly", passed=True)
TABLE = "state rule found expected"
VOID = {"meta", "img", "br", "path", "link", "image", "circle", "input", "use"}
HOSTILE = """"'><script>document.title="owned"</script><img src=x onerror=alert(1)></style></svg></title>&lt;\x00\x1b"""


class Outline(HTMLParser):
    """Elements and text of a page; fails on elements that are not closed in order."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self._open: list[str] = []
        self.feed(page)
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID and tag != "rect":
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID and tag != "rect":
            assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._open[-1:] not in (["style"], ["script"]):
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def outline(**fields: object) -> Outline:
    return Outline(data_page(content(**fields)))


@pytest.mark.parametrize(
    ("reasons", "observe", "word"),
    [
        ((FINE,), False, "PASS Every rule"),
        ((FINE, COPIES), False, "WARN Images that are copies"),
        ((OFFSET, FINE), False, "REJECT Labelled boxes are displaced"),
        ((OFFSET, FINE), True, "REJECT , only observed Labelled boxes are displaced"),
    ],
)
def test_the_verdict_stands_before_its_best_explanation(reasons: tuple[Reason, ...], observe: bool, word: str) -> None:
    assert word in outline(decision=decision(*reasons, observe=observe)).text


def test_the_first_failure_explains_before_warnings_and_later_failures() -> None:
    text = outline(decision=decision(COPIES, FINE, OFFSET, DARK)).text
    places = [text.index(words) for words in ("displaced by 15 %", "Drift of brightness", "3 copies")]
    assert places == sorted(places)


def test_the_lead_has_the_words_and_the_table_the_measure_as_well() -> None:
    dark = replace(DARK, actual="the images are darker, by 67 %", measure="Jensen-Shannon divergence 0.4")
    text = outline(decision=decision(dark), comparisons=(comparison(),)).text
    lead, table = text[: text.index("1 rule: 1 failed")], text[text.index(TABLE) :]
    assert "The images are darker, by 67 %." in lead
    assert "divergence" not in lead
    assert "the images are darker, by 67 % Jensen-Shannon divergence 0.4" in table


def test_what_follows_from_a_finding_is_folded_under_it_and_has_no_card() -> None:
    flat = Reason("drift:qa/contrast", "as rich", "flat", passed=True, warning=True, cause=DARK.rule)
    page = outline(decision=decision(DARK, flat, COPIES, FINE))
    assert [attributes["class"] for attributes in page.all("article")] == ["card finding reject", "card finding warn"]
    assert "1 finding follows from it Drift of contrast from the training data: Flat" in page.text
    assert "1 other finding follows from it." in page.text
    assert "4 rules: 1 failed, 1 follows from another, 1 warning, 1 passed." in page.text
    table = page.text[page.text.index(TABLE) :]
    assert re.search(r"✗ failed .*brightness.*↳ follows .*contrast.*! warning .*✓ passed", table)


def test_what_was_not_tested_is_told_with_why_and_not_as_passed() -> None:
    untested = [
        Reason(f"labels:{name}", "30 objects", "not tested: 5 objects", passed=True, tested=False)
        for name in ("noise", "size")
    ]
    page = outline(decision=decision(FINE, *untested))
    assert (
        "PASS Every rule that was tested passed, but 2 rules could not be. Training goes on. 3 rules: 2 not tested, "
        "1 passed." in page.text
    )
    assert "What was not tested 2 rules: 5 objects; it takes 30 objects labels:noise , labels:size : 5 obj" in page.text
    assert "? not tested Labels: noise" in page.text


def test_every_rule_is_in_the_table_with_its_state() -> None:
    text = outline(decision=decision(OFFSET, COPIES, FINE)).text
    table = text[text.index(TABLE) :]
    assert re.search(r"✗ failed .*labels:offset.*! warning .*repeated_images.*✓ passed .*schema", table)


def test_only_rules_that_failed_or_warned_have_a_card() -> None:
    cards = [attributes["class"] for attributes in outline(decision=decision(FINE, OFFSET, COPIES)).all("article")]
    assert cards == ["card finding reject", "card finding warn"]


def test_a_card_shows_the_first_six_pictures_and_names_the_other_images() -> None:
    pictures = DataPictures({OFFSET.rule: tuple(shown(f"{i}.jpg") for i in range(9))})
    page = outline(decision=decision(replace(OFFSET, images=("0.jpg", "20.jpg"))), pictures=pictures)
    assert names(page) == [f"{i}.jpg" for i in range(MOST_PICTURES)]
    assert "1 further image that shows it 20.jpg" in page.text


def names(page: Outline) -> list[str]:
    """Of the images, in the order of the page."""
    return [str(attributes["data-name"]) for attributes in page.all("figure")]


def test_the_switches_are_those_of_the_boxes_that_are_there() -> None:
    layers = (PictureLayer("labels", ((9.0, 9.0, 20.0, 20.0),)), PictureLayer("given", ((1.0, 1.0, 5.0, 5.0),)))
    drawn = Picture("17.jpg", "", (View(shown().views[0].jpeg, (90, 60), "", layers),))
    page = outline(decision=decision(OFFSET), pictures=DataPictures({OFFSET.rule: (drawn,)}))
    assert [attributes["data-kind"] for attributes in page.all("input")] == ["labels", "given"]
    assert "detections of the served model" not in page.text


def test_boxes_lie_over_the_image_in_its_own_size() -> None:
    page = outline(decision=decision(OFFSET), pictures=DataPictures({OFFSET.rule: (shown(),)}))
    boxes = [attributes for attributes in page.all("rect") if "box" in str(attributes.get("class")).split()]
    [box] = [attributes for attributes in boxes if attributes["x"] == "9"]
    assert [box[side] for side in ("y", "width", "height")] == ["9", "20", "20"]
    assert "0 0 90 60" in [attributes.get("viewbox") for attributes in page.all("svg")]


def test_training_images_stand_in_the_card_beside_those_of_the_span() -> None:
    pictures = DataPictures({DARK.rule: (shown(),)}, {DARK.rule: (shown("3.jpg", "", "training image of span 2"),)})
    page = outline(decision=decision(DARK), comparisons=(comparison(),), pictures=pictures)
    assert names(page) == ["17.jpg", "3.jpg"]
    assert page.text.count("To compare with: training images of span 2") == 1


def test_a_card_says_that_there_is_no_training_image_to_compare_with() -> None:
    shows = {"decision": decision(DARK), "comparisons": (comparison(),)}
    page = outline(**shows, pictures=DataPictures({DARK.rule: (shown(),)}))
    assert "No training image to compare with could be read." in page.text


def test_pictures_of_an_older_version_are_shown_in_their_own_size() -> None:
    old = Picture("17.jpg", "boxes in it", (View(shown().views[0].jpeg),))
    page = outline(decision=decision(OFFSET), pictures=DataPictures({OFFSET.rule: (old,)}))
    assert "0 0 90 68" in [attributes.get("viewbox") for attributes in page.all("svg")]
    torn = Picture("17.jpg", "", (View(b"no image"),))
    assert "17.jpg" in outline(decision=decision(OFFSET), pictures=DataPictures({OFFSET.rule: (torn,)})).text


def test_a_dark_span_is_one_card_with_all_that_follows_from_it() -> None:
    follows = [
        Reason(f"drift:qa/{name}", "", f"less {name}", passed=True, warning=True, cause=DARK.rule)
        for name in ("contrast", "sharpness")
    ]
    familiar = Reason("labels:familiar", "", "unknown images", passed=True, warning=True, cause=DARK.rule)
    untested = Reason(
        "labels:size", "", "not tested because of labels:familiar", True, tested=False, cause=familiar.rule
    )
    page = outline(decision=decision(DARK, *follows, familiar, untested))
    assert len(page.all("article")) == 1
    assert "3 findings follow from it" in page.text
    assert "Not tested because of it: labels:size" in page.text


def test_what_a_card_of_a_feature_says_is_never_other_than_its_rule() -> None:
    """A feature that moved farther than its distance may be, and whose rule passed, is not drawn as a failure."""
    fine = Reason("drift:qa/brightness", "", "brightness as in training", passed=True)
    moved = comparison(distance=0.4, limit=0.1, effect_size=0.43, allowed=0.5)
    page = outline(decision=decision(fine), comparisons=(moved,))
    assert [attributes["class"] for attributes in page.all("article")] == ["card pass"]
    assert {"moved pass"} == {a["class"] for a in page.all("rect") if str(a.get("class")).startswith("moved")}
    assert "✓ passed: brightness as in training" in page.text
    assert "Moved by 35 %; 39 % is allowed" in page.text


def test_a_page_stays_below_3_mb_and_every_rule_keeps_its_worst_picture() -> None:
    reasons = [Reason(f"rule_{i}", "", "x" * 100_000) for i in range(20)]
    pictures = {
        reason.rule: tuple(Picture(f"{reason.rule} {i}", "", (View(b"0" * 60_000, (9, 9)),)) for i in range(6))
        for reason in reasons
    }
    page = data_page(content(decision=decision(*reasons), pictures=DataPictures(pictures, pictures)))
    shown_names = names(Outline(page))
    assert len(page.encode()) < 3_000_000
    assert {f"{reason.rule} 0" for reason in reasons} <= set(shown_names)
    assert len(shown_names) > 20


def test_features_are_sorted_by_how_many_times_their_limit_they_are_and_fold_if_their_rule_is_quiet() -> None:
    compared = (
        comparison(feature="qa/contrast", distance=0.2),
        comparison(feature="qa/sharpness", distance=0.9),  # beyond its limit, but its rule has nothing to say
        comparison(feature="qa/num_boxes", distance=float("nan")),
        comparison(feature="qa/brightness", distance=0.15, limit=0.01),
    )
    fine = Reason("drift:qa/sharpness", "", "", passed=True)
    text = outline(decision=decision(fine), comparisons=compared).text
    text = text[text.index("Equal areas are equal shares") :]
    titles = ("Boxes an image", "Brightness, 0..255", "Contrast", "1 feature as expected", "Sharpness")
    places = [text.index(title) for title in titles]
    assert places == sorted(places)


def test_drift_and_skew_have_a_section_only_if_there_is_any() -> None:
    def sections(**fields: object) -> set[object]:
        return {attributes.get("id") for attributes in outline(**fields).all("section")}

    assert sections() == {"gate-rules", "sets"}
    assert sections(comparisons=(comparison(),)) == {"gate-rules", "sets", "drift"}
    assert sections(comparisons=(comparison(kind=SKEW),)) == {"gate-rules", "sets", "skew"}
    assert sections(decision=decision(OFFSET)) == {"wrong", "next", "gate-rules", "sets"}


def test_the_next_step_stands_in_the_head_and_all_but_what_is_wrong_is_folded() -> None:
    page = data_page(content(decision=decision(OFFSET, COPIES, FINE), comparisons=(comparison(),)))
    opened = re.findall(r'<section id="([\w-]+)"[^>]*>\s*<details open', page)
    assert opened == ["wrong"]
    assert "Next: Correct the annotations" in Outline(page).text.partition("What is wrong")[0]


def test_the_facts_of_both_data_sets_are_given() -> None:
    bad = BadBoxes(3, 1202, "[x1, y1, x2, y2]", ("annotation 5 of 9.jpg: 12 px outside",), ("9.jpg",))
    text = outline(span=data_set(bad_boxes=bad)).text
    for words in (
        "data/spans/span-4-version-2 data/golden",
        "span 4, version 2",
        "65 images (training 54, validation 6, held out 5)",
        "1,279 boxes (training 1,100, validation 99, held out 80)",
        "cat, dog",
        "3 of 1,202 (0.2 %) none",
        "Read as [x1, y1, x2, y2] they would be sound. annotation 5 of 9.jpg: 12 px outside",
    ):
        assert words in text


def test_the_next_version_of_the_span_is_asked_for_once() -> None:
    steps = next_steps(data_set(), ["labels:offset", "labels:size", "golden_unchanged", "something_new"])
    assert len(steps) == 2
    assert "span-4-version-3" in steps[0]
    assert "--set data_gate.accept_new_golden=true" in steps[1]


def test_observing_is_proposed_only_to_a_run_that_was_stopped() -> None:
    words = "the run's command with --set data_gate.mode=observe besides"
    assert words in outline(decision=decision(OFFSET)).text
    assert words not in outline(decision=decision(OFFSET, observe=True)).text


def test_what_was_observed_is_not_proposed_to_be_observed() -> None:
    assert "train on it in observe mode" in outline(decision=decision(DARK)).text
    assert "observe mode" not in outline(decision=decision(DARK, observe=True)).text
    assert "see that the golden set shows it as well" in outline(decision=decision(DARK, observe=True)).text


def test_observing_is_not_proposed_where_another_rule_stops_every_run() -> None:
    stops = Reason("classes:golden_set", "the same classes", "no bee in the span")
    for first in (DARK, replace(DARK, rule="drift:first_span")):
        assert "train on it in observe mode" in outline(decision=decision(first)).text
        assert "train on it in observe mode" not in outline(decision=decision(first, observe=True)).text
        assert "train on it in observe mode" not in outline(decision=decision(first, stops)).text


def test_the_corrected_span_has_its_name_and_place() -> None:
    [step] = next_steps(data_set(), ["labels:size"])
    assert "deliver the span again as span-4-version-3;" in step
    assert step.endswith("Put it into data/spans; of each span the newest version is taken.")
    [alone] = next_steps(data_set(span=0), ["labels:size"])
    assert "version" not in alone


def test_hostile_strings_make_no_element_and_no_attribute() -> None:
    page, harmless = Outline(data_page(hostile(HOSTILE))), Outline(data_page(hostile("harmless")))
    kinds = [[(tag, sorted(attributes)) for tag, attributes in one.elements] for one in (page, harmless)]
    assert kinds[0] == kinds[1]


def test_the_hostile_content_reaches_every_place_of_the_page() -> None:
    page = data_page(hostile("harmless"))
    assert page.count("harmless") > 40


def test_characters_that_cannot_be_written_or_that_hide_others_become_escapes() -> None:
    page = data_page(hostile("photo\u202egpj\udc80\x00.exe"))
    assert page.encode().count(b"photo\\u202egpj\\x80\\x00.exe") > 20


def test_nothing_is_loaded_from_elsewhere_and_nothing_but_its_own_script_runs() -> None:
    pictures = DataPictures({OFFSET.rule: (shown(),)})
    page = outline(decision=decision(OFFSET, DARK), comparisons=(comparison(),), pictures=pictures)
    policy = str(page.all("meta")[1]["content"])
    assert policy.startswith("default-src 'none'; img-src data:; style-src 'sha256-")
    assert "unsafe" not in policy
    attributes = {name for _, found in page.elements for name in found}
    assert not {name for name in attributes if name.startswith("on")} | attributes & {"style", "srcset", "action"}
    links = [
        str(value) for _, attributes in page.elements for name, value in attributes.items() if name in ("href", "src")
    ]
    assert all(link.startswith(("#", "data:image/")) for link in links)
    assert not {tag for tag, _ in page.elements} & {"iframe", "object", "form", "base"}
    assert [tag for tag, _ in page.elements].count("script") == 1


def test_headings_descend_and_links_lead_somewhere() -> None:
    page = outline(decision=decision(OFFSET, DARK, COPIES), comparisons=(comparison(),))
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert {f"#{name}" for name in ids} >= {attributes["href"] for attributes in page.all("a")}


def test_numbers_have_three_digits_and_no_exponent_a_person_has_to_read() -> None:
    assert [number(value) for value in (1234567.0, 0.0, float("inf"))] == ["1,230,000", "0", "unknown"]
    assert percent(0.0996) == "10 %"


def test_long_texts_are_cut_and_say_so() -> None:
    assert safe("x" * 1700) == "x" * 600 + "… (1,100 more characters)"
    for length in range(20, 80):
        assert len(safe("x" * length, 24)) <= length
    assert safe("x" * 46, 24) == "x" * 46
    assert safe("x" * 47, 24) == "x" * 24 + "… (23 more characters)"


@pytest.mark.parametrize("name", ["a\x1b[31mred # head", "a\nb\tc", "a\u202eb", "\udcff", "\u200d猫"])
def test_a_name_is_shown_as_in_a_terminal(name: str) -> None:
    assert safe(name) == visible_line(name)
