from __future__ import annotations

from xml.etree import ElementTree

import pytest

from ratchet.components.map_evaluator.sanity_checks import PermutedScores, known_answers
from ratchet.components.metrics.accumulator import Accumulator
from ratchet.pipeline.report.junit import junit
from ratchet.schemas.artifacts.decisions import Decision, Reason, Verdict
from tests.components.review.content import reason

MOMENT = "2030-01-15T12:00:00+00:00"


def suite_of(*reasons: Reason, verdict: Verdict = Verdict.BLOCKED) -> ElementTree.Element:
    [suite] = ElementTree.fromstring(junit(Decision(verdict, reasons), MOMENT).encode())
    return suite


def test_each_rule_is_a_test_and_fails_warns_or_passes() -> None:
    suite = suite_of(
        reason("map_drop"), reason("min_map", passed=True), reason("untestable", passed=True, warning=True)
    )
    assert {name: suite.get(name) for name in ("name", "tests", "failures", "errors", "skipped", "timestamp")} == {
        "name": "ratchet evaluate",
        "tests": "3",
        "failures": "1",
        "errors": "0",
        "skipped": "1",
        "timestamp": "2030-01-15T12:00:00",
    }
    cases = {case.get("name"): [part.tag for part in case] for case in suite}
    assert cases == {"map_drop": ["failure"], "min_map": ["system-out"], "untestable": ["skipped"]}
    failure = suite.find("testcase/failure")
    assert failure is not None
    assert failure.get("message") == "map_drop: expected at least 0.7000; found 0.5000 (-0.2000)"
    assert failure.text == failure.get("message")


def test_what_was_not_tested_is_skipped() -> None:
    fall = PermutedScores(before=0.0, after=0.0, alike=0.0, images=9)
    perfect = Accumulator.create().table()
    reasons = known_answers(perfect, {"candidate": fall})
    suite = suite_of(*reasons, verdict=Verdict.BOOTSTRAPPED)
    [skipped] = suite.iter("skipped")
    assert (skipped.get("message") or "").startswith("not tested: trust:shuffled_detections:candidate: expected")
    assert suite.get("skipped") == "1"


def test_the_whole_has_only_the_attributes_of_the_schema() -> None:
    text = junit(Decision(Verdict.BLOCKED, (reason("map_drop"), reason("min_map", passed=True))), MOMENT)
    assert ElementTree.fromstring(text.encode()).attrib == {
        "name": "ratchet evaluate",
        "tests": "2",
        "failures": "1",
        "errors": "0",
    }


@pytest.mark.parametrize("name", ["<b>&\"'", "new\nline\x1b\x00", "\ufffe\uffff", "\ud800", "猫", "]]>"])
def test_any_name_makes_valid_xml(name: str) -> None:
    suite = suite_of(reason(f"class_drop:{name}", actual=name))
    [case] = suite
    shown = case.get("name") or ""
    assert shown.startswith("class_drop:")
    if name in ("<b>&\"'", "猫", "]]>"):
        assert shown == f"class_drop:{name}"
