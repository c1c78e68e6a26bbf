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
    "trust:scores": RuleWords("Detections of low scores were left out", "Detections of low scores are there"),
    "trust:areas": RuleWords("Areas of objects contradict their boxes", "Areas of objects fit their boxes"),
    "trust:enough": RuleWords("There are too few images or objects", "There are enough images and objects"),
    "trust:annotation_ids": RuleWords("Annotations share an id", "Every annotation has its own id"),
    "trust:baseline": RuleWords("The baseline measures next to nothing", "The baseline finds something"),
    "trust:same_detections": RuleWords(
        "Candidate and baseline are the same detections", "Candidate and baseline are different detections"
    ),
}
