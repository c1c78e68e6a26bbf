"""`junit.xml`: the rules of an evaluation as test cases, as GitLab and Jenkins read them.

Format: the schema of Jenkins' xUnit plugin (junit-10.xsd), of which GitLab reads names, failures, `skipped` and output.
"""

from __future__ import annotations

import xml.etree.ElementTree as Xml

from ratchet.schemas.artifacts.decisions import Decision, Reason, State
from ratchet.schemas.base.visible import visible_line

SUITE = "ratchet evaluate"
_CLASS = "ratchet.evaluate"  # a package and a class, which Jenkins parts at the dot
_NO_XML = {0xFFFE: "\\ufffe", 0xFFFF: "\\uffff"}  # the other characters that XML 1.0 lacks are no longer there


def junit(decision: Decision, made_at: str) -> str:
    """The text of the file.

    Args:
        decision: each of its rules is a test; one that decided against the candidate fails, a warning is skipped.
        made_at: UTC time, ISO 8601.
    """
    cases = [_case(reason) for reason in decision.reasons]
    counts = {
        "tests": str(len(cases)),
        "failures": str(sum(case.find("failure") is not None for case in cases)),
        "errors": "0",
    }
    skipped = str(sum(case.find("skipped") is not None for case in cases))  # of a suite only, as the schema has it
    suites = Xml.Element("testsuites", {"name": SUITE, **counts})
    of_suite = {"name": SUITE, **counts, "skipped": skipped, "timestamp": made_at[:19], "time": "0"}
    suite = Xml.SubElement(suites, "testsuite", of_suite)
    suite.extend(cases)
    Xml.indent(suites)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + Xml.tostring(suites, encoding="unicode") + "\n"


def _case(reason: Reason) -> Xml.Element:
    case = Xml.Element("testcase", {"classname": _CLASS, "name": _text(reason.rule), "time": "0"})
    sentence = _text(reason.sentence)
    if reason.state is State.FAILED:
        Xml.SubElement(case, "failure", {"message": sentence, "type": _text(reason.rule)}).text = sentence
    elif reason.state is not State.PASSED:
        Xml.SubElement(case, "skipped", {"message": f"{reason.state.value}: {sentence}"})
    else:
        Xml.SubElement(case, "system-out").text = sentence
    return case


def _text(text: str) -> str:
    return visible_line(text).translate(_NO_XML)
