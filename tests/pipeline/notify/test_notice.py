"""What a message says, and that nothing in it can break out of its line, its header or its block."""

from __future__ import annotations

import json
import shlex
import unicodedata
from pathlib import Path
from typing import Any

import pytest

from ratchet.pipeline.notify.message import (
    Notice,
    mail_message,
    notice_of_crash,
    notice_of_result,
    notice_of_stop,
    slack_message,
)
from ratchet.pipeline.notify.target import Mailbox
from ratchet.schemas.artifacts.decisions import Reason, Verdict
from ratchet.schemas.artifacts.diagnosis import DiagnosisState
from ratchet.schemas.base.errors import RatchetError, StateError
from tests.builders import cause
from tests.pipeline.notify.notices import HOSTILE, RUN_ID, result

MAILBOX = Mailbox("mail.example.org", 587, False, "bot@example.org", ("a@example.org", "b@example.org"))


def of(**fields: Any) -> Notice:
    return notice_of_result(result(**fields), "digits", Path("root"))


def test_a_blocked_run_in_full(tmp_path: Path) -> None:
    page = tmp_path / "runs" / RUN_ID / "review.html"
    page.parent.mkdir(parents=True)
    page.touch()
    text = notice_of_result(result(), "digits", tmp_path).to_text()
    assert text.splitlines() == [
        "BLOCKED digits span 3: map_drop: expected candidate mAP at least the baseline's 0.7271; "
        "found 0.5646 (-0.1626)",
        "",
        "Verdict:   BLOCKED; what is served stays",
        f"Run:       {RUN_ID}, span 3, ended 2030-01-31T12:00:00+00:00",
        "Reason:    map_drop: expected candidate mAP at least the baseline's 0.7271; found 0.5646 (-0.1626) "
        "(and 1 more)",
        "mAP:       candidate 0.5646, baseline 0.7271, difference -0.1626, 95 % interval [-0.1745, -0.1467]",
        "Data gate: let the span pass and saw labels:size: expected boxes at most 6% larger; "
        "found boxes are drawn 25% larger than in the golden set",
        f"Page:      {page}",
        "",
        "Next:",
        f"    ratchet review {RUN_ID} --root {tmp_path}",
    ]


def test_of_a_first_model_that_is_blocked_no_other_is_said_to_stay() -> None:
    blocked = of(baseline_map=None, delta=None, delta_ci=None)
    assert fact(blocked, "Verdict") == "BLOCKED; the candidate is not served"


def fact(notice: Notice, label: str) -> str:
    return dict(notice.facts)[label]


def test_a_message_names_the_cause_and_what_to_do_and_nothing_where_there_is_none() -> None:
    notice = of(cause=cause())
    assert fact(notice, "Cause").startswith("very likely cause: the new span is labelled in another way: loose boxes:")
    assert fact(notice, "To do") == cause().action
    assert "Cause" not in dict(of().facts)
    assert "Cause" not in dict(of(cause=cause(state=DiagnosisState.NOTHING)).facts)


def test_without_a_page_the_report_is_named() -> None:
    assert fact(of(report="somewhere/review.html"), "Page") == str(Path("somewhere/review.html").absolute())


def test_rejected_data_is_the_data_gates_word_and_nothing_was_trained() -> None:
    many = tuple(Reason(f"drift:{n}", "at most 0.1", "0.4") for n in range(5))
    nothing: dict[str, Any] = dict.fromkeys(("map", "baseline_map", "delta", "delta_ci", "model"))
    notice = of(verdict=Verdict.DATA_REJECTED, reasons=many, observations=(), **nothing)
    assert fact(notice, "mAP") == "nothing was trained"
    assert fact(notice, "Data gate").startswith("rejected the span: drift:0: expected at most 0.1; found 0.4; drift:1")
    assert fact(notice, "Data gate").endswith("; and 2 more")


def test_a_push_names_the_version() -> None:
    notice = of(verdict=Verdict.PUSHED, reasons=(), observations=(), pushed_version="17")
    assert notice.title == "PUSHED digits span 3: every rule passed"
    assert fact(notice, "Verdict") == "PUSHED; version 17 is served now"
    assert fact(notice, "Data gate") == "nothing remarkable"


def test_what_the_data_gate_could_not_test_is_not_called_seen() -> None:
    untested = Reason("labels:noise", "30 objects", "5 objects", passed=True, tested=False)
    notice = of(verdict=Verdict.PUSHED, reasons=(), observations=(untested,), pushed_version="17")
    assert fact(notice, "Data gate") == "nothing remarkable; 1 rule not tested"


def test_a_first_model_has_no_baseline() -> None:
    notice = of(verdict=Verdict.BOOTSTRAPPED, baseline_map=None, delta=None, delta_ci=None)
    assert fact(notice, "mAP") == "candidate 0.5646"


def test_a_crash_says_where_the_log_is_and_how_to_go_on() -> None:
    error = RatchetError("ValueError: no space\nThe log is elsewhere")
    notice = notice_of_crash(error, "digits", Path("/data/root"), RUN_ID, 3)
    assert notice.title == "CRASHED digits span 3: ValueError: no space"
    assert fact(notice, "Log") == f"/data/root/runs/{RUN_ID}/log.txt"
    assert "the same `ratchet run` again" in fact(notice, "Going on")


def test_a_stop_points_to_the_status() -> None:
    notice = notice_of_stop(StateError("digest is not that"), "digits", Path("/data/root"), None)
    assert notice.title == "CRASHED digits: not started, digest is not that"
    assert notice.command == "ratchet status --root /data/root"


def test_the_command_survives_a_shell() -> None:
    notice = notice_of_result(result(), "digits", Path("/data/it's; rm -rf $HOME"))
    assert shlex.split(notice.command)[-1] == "/data/it's; rm -rf $HOME"


@pytest.fixture(params=range(len(HOSTILE)), ids=lambda number: f"hostile{number}")
def hostile(request: pytest.FixtureRequest) -> Notice:
    name = HOSTILE[request.param]
    reason = Reason(f"class_drop:{name}", name, name)
    told = cause(detail=name, sentence=name, evidence=(name,), action=name)
    return of(reasons=(reason, reason), observations=(reason,) * 9, cause=told)


def test_names_cannot_break_out_of_their_line(hostile: Notice) -> None:
    for text in (hostile.title, hostile.command, *(part for fact in hostile.facts for part in fact)):
        assert {unicodedata.category(character)[0] for character in text} & {"C"} == set()
        assert len(text.splitlines()) == 1


def test_slacks_limits_and_rules_hold(hostile: Notice) -> None:
    """As published: 40,000 characters of text, 50 blocks, 150 of a header, 3,000 of a section, none of them empty."""
    message = json.loads(json.dumps(slack_message(hostile)))
    header, *sections = message["blocks"]
    assert 1 <= len(message["text"]) <= 40_000
    assert len(message["blocks"]) <= 50
    assert header["type"] == "header"
    assert header["text"]["type"] == "plain_text"
    assert 1 <= len(header["text"]["text"]) <= 150
    assert all(section["type"] == "section" for section in sections)
    assert all(1 <= len(section["text"]["text"]) <= 3_000 for section in sections)
    for text in (message["text"], header["text"]["text"], *(section["text"]["text"] for section in sections)):
        assert "<" not in text
        assert ">" not in text
        unescaped = text.replace("&amp;", "").replace("&lt;", "").replace("&gt;", "")
        assert "&" not in unescaped


def test_even_a_message_of_nothing_but_escapes_keeps_the_limits() -> None:
    notice = Notice("&" * 140, tuple(("Fact", "<" * 700) for _ in range(30)), ">" * 5000)
    message = slack_message(notice)
    assert len(message["text"]) <= 40_000
    assert len(message["blocks"][0]["text"]["text"]) <= 150
    assert max(len(block["text"]["text"]) for block in message["blocks"]) <= 3_000


def test_slack_shows_what_is_said() -> None:
    message = slack_message(of(reasons=(Reason("a<b", "x & y", ">"),)))
    assert "a&lt;b: expected x &amp; y; found &gt;" in message["text"]
    assert message["blocks"][3]["text"]["text"] == "*Reason*\na&lt;b: expected x &amp; y; found &gt;"


def test_a_name_adds_no_header_and_no_recipient_to_a_mail(hostile: Notice) -> None:
    data = mail_message(hostile, MAILBOX).as_bytes()
    head, _, _ = data.partition(b"\r\n\r\n")
    names = [line.split(b":")[0] for line in head.split(b"\r\n") if line[:1] not in (b" ", b"\t")]
    assert sorted(names) == sorted(
        [
            *(b"Subject", b"From", b"To", b"Date", b"Message-ID", b"Auto-Submitted"),
            *(b"MIME-Version", b"Content-Type", b"Content-Transfer-Encoding"),
        ]
    )
    assert max(map(len, data.split(b"\r\n"))) <= 998
