"""What rules are called where two files of detections are compared, and nothing is served."""

from __future__ import annotations

from collections.abc import Mapping

from ratchet.components.pages.rule_text import RuleWords

FILE_WORDS: Mapping[str, RuleWords] = {
    "map_drop": RuleWords("mAP is below the baseline's", "mAP is not below the baseline's"),
    "min_map": RuleWords("mAP is below the least that is accepted", "mAP reaches the least that is accepted"),
    "trust:max_detections": RuleWords(
        "Images hold more objects than are counted", "No image holds more objects than are counted"
    ),
    "trust:areas": RuleWords("Areas of objects contradict their boxes", "Areas of objects fit their boxes"),
    "trust:enough": RuleWords("There are too few images or objects", "There are enough images and objects"),
}
