"""No sentence of the data gate says what a data engineer would not say, whatever fault it is about."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from ratchet.components.data_gate.label_audit import audit_labels
from ratchet.components.data_gate.rules import Anomaly, Baseline, Findings, decide
from ratchet.components.data_gate.settings import DataGateSettings
from ratchet.components.labels.limits import LabelLimits
from ratchet.components.labels.profile import Profile
from ratchet.schemas.artifacts.decisions import DataDecision, Reason, State
from ratchet.schemas.artifacts.history import History
from ratchet.schemas.data.dataset import BadBoxes
from tests.builders import dataset_info
from tests.components.data_gate.test_rules import findings
from tests.components.labels.scenes import NAMES, relabelled, scenes, some

JARGON = re.compile(
    r"\bln\b|\binfty\b|Jensen|divergence|\bJSD\b|effect size|->|\bp-value|\bp = |\bnan\b|\binf\b|None|[-\u2212]0\.\d"
    r"|\d%|\d-\d+ %|\b0 % of|looks like"
)
FIGURE = re.compile(r"(?<![\w.\[:/-])\d[\d,]*\.\d+")  # decimals; counts and ids are exact
TWICE = re.compile(r"(\d[\d.,]*)(?: [a-z%]+){0,4} here, (\d[\d.,]*)\b")


def problems(text: str) -> list[str]:
    """What is wrong with a sentence."""
    found = [f"jargon: {match}" for match in JARGON.findall(text)]
    for figure in FIGURE.findall(text):
        if len(figure.replace(",", "").replace(".", "").lstrip("0")) > 3:
            found.append(f"more than three digits: {figure}")
    found += [f"the same before and after: {here}" for here, there in TWICE.findall(text) if here == there]
    if "  " in text or text != text.strip() or ".." in text or ",," in text:
        found.append("torn")
    return found


def boxes_changed(profile: Profile, change: Callable[[np.ndarray], np.ndarray]) -> Profile:
    return relabelled(profile, change(profile.truth.boxes_xywh_px.copy()))


def larger(boxes: np.ndarray) -> np.ndarray:
    return np.hstack([boxes[:, :2] - 0.125 * boxes[:, 2:], 1.25 * boxes[:, 2:]])


def moved(boxes: np.ndarray) -> np.ndarray:
    return np.hstack([boxes[:, :2] + [0.25, -0.1] * boxes[:, 2:], boxes[:, 2:]])


def corners(boxes: np.ndarray) -> np.ndarray:
    return np.hstack([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]])


def wrong_classes(profile: Profile) -> Profile:
    labels, hit = profile.truth.labels.copy(), some(profile, 0.3)
    labels[hit] = labels[hit] % 5 + 1
    return relabelled(profile, labels=labels)


FAULTS: dict[str, Callable[[Profile], Profile]] = {
    "none": lambda profile: profile,
    "larger": lambda profile: boxes_changed(profile, larger),
    "moved": lambda profile: boxes_changed(profile, moved),
    "corners": lambda profile: boxes_changed(profile, corners),
    "another image size": lambda profile: boxes_changed(profile, lambda boxes: boxes * 0.7),
    "classes": wrong_classes,
    "few": lambda profile: profile.of_images(np.arange(len(profile.file_names)) < 3),
}


@pytest.fixture(scope="module")
def golden() -> Profile:
    return scenes(seed=1, images=120)


@pytest.mark.parametrize("fault", FAULTS)
def test_what_is_said_of_labels_is_plain(fault: str, golden: Profile) -> None:
    reasons = audit_labels(FAULTS[fault](scenes(seed=2, images=100)), golden, NAMES, LabelLimits())
    told = {f"{reason.rule}: {text}": problems(text) for reason in reasons for text in (reason.actual, reason.expected)}
    assert {text: wrong for text, wrong in told.items() if wrong} == {}


def decided(**parts: Any) -> DataDecision:
    span = parts.pop("span", dataset_info())
    golden_set = dataset_info(span=0, digest="golden", images={"eval": 50}, boxes={"eval": parts.pop("boxes", 9)})
    found: Findings = findings(**parts)
    return decide(span, golden_set, Baseline(("cat", "dog"), "other", 600), found, DataGateSettings())


@pytest.mark.parametrize(
    "parts",
    [
        {},
        {"boxes": 0},
        {"span": dataset_info(class_names=("cat", "Dog"))},
        {
            "span": dataset_info(
                bad_boxes=BadBoxes(3, 1429, "[x1, y1, x2, y2]", ("bbox [1.234567, 2, 3, 4]",), ("a.jpg",))
            )
        },
        {"span": dataset_info(bad_boxes=BadBoxes(1, 1429))},
        {"anomalies": (Anomaly("qa/contrast", "Out-of-range values: above 128"),), "history": History()},
    ],
)
def test_what_is_said_of_boxes_classes_and_the_golden_set_is_plain(parts: dict[str, Any]) -> None:
    reasons = decided(**parts).reasons
    told = {f"{reason.rule}: {text}": problems(text) for reason in reasons for text in (reason.actual, reason.expected)}
    assert {text: wrong for text, wrong in told.items() if wrong} == {}
    assert all(reason.state in State for reason in reasons)


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("l infty at most 0.1, found 0.116", "jargon"),
        ("lower: median image height 640 here, 640 in training", "the same before and after"),
        ("a share of 0.12345", "more than three digits"),
        ("the median is 17.7 and -0.674", "jargon"),
        ("box area -6 -> -18.9", "jargon"),
    ],
)
def test_the_sentences_that_were_told_once_are_found(text: str, wrong: str) -> None:
    assert any(problem.startswith(wrong) for problem in problems(text))


def test_a_plain_sentence_has_no_problem() -> None:
    plain = Reason("", "", "the images are 50 % darker: median brightness 90.6 of 255 here, 182 in training")
    assert problems(plain.actual) == []
