from __future__ import annotations

from ratchet.components.pages.fact_words import fact_rows
from ratchet.components.pages.parts import facts_table
from ratchet.schemas.data import facts as counted
from ratchet.schemas.data.facts import ClassFact, DataSetFacts, Fact
from tests.builders import dataset_info

FACTS = DataSetFacts(
    images=60,
    objects=90,
    sizes={"640x480": 50, "480x640": 6},
    most_objects=4,
    counts={counted.REPEATED_OBJECTS: Fact(9, 90), counted.BLANK: Fact(0, 60), counted.DEEP: Fact(3, 60)},
    classes=(ClassFact("<dog>", 10, 8), ClassFact("cat", 80, 55)),
    side_shares=tuple(place / 200 for place in range(101)),
)


def test_the_usual_is_told_and_of_the_unusual_only_what_there_is() -> None:
    assert fact_rows(FACTS) == [
        ("images", "60, 50 of 640x480 px, 6 of 480x640 px, 4 of other sizes"),
        ("objects", "90; 1.5 an image, at most 4"),
        ("their sides", "25 % of the image's longer side in the middle, nine of ten 2.5 % to 48 %"),
        ("classes", "cat 80 (89 %) in 55 images, <dog> 10 (11 %) in 8 images"),
        ("objects labelled twice", "9 of 90 (10 %)"),
        ("images of 16 bits", "3 of 60 (5 %): TensorFlow keeps the upper 8"),
    ]


def test_a_data_set_that_was_not_counted_has_nothing_to_tell() -> None:
    assert fact_rows(DataSetFacts()) == []


def test_the_page_has_both_data_sets_side_by_side_and_trusts_no_name() -> None:
    html = facts_table(dataset_info(facts=FACTS), dataset_info(facts=DataSetFacts(images=2, objects=3)))
    assert "&lt;dog&gt; 10" in html
    assert "<dog>" not in html
    assert html.count("<th scope") == 2 + len(fact_rows(FACTS))
    assert html.count("none") == len(fact_rows(FACTS)) - 2
    assert facts_table(dataset_info(facts=FACTS), dataset_info()).count('scope="col"') == 1
