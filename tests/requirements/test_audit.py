from __future__ import annotations

import datetime
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from requirements.audit import KNOWN, audit
from requirements.audit_judgement import AuditError

TODAY = datetime.date(2026, 11, 28)
NOT_FOUND = "Dependency not found on PyPI and could not be audited: {} ({})"


def vulnerability(**changes: Any) -> dict[str, Any]:
    """One finding as pip-audit 2.10 writes it."""
    found = {"id": "CVE-2026-1", "fix_versions": ["2.1"], "aliases": ["GHSA-aa"], "description": "Reads\nmore \x1b[31m"}
    return {**found, **changes}


def dependency(name: str, version: str, *vulns: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "version": version, "vulns": list(vulns)}


def skipped(name: str, version: str) -> dict[str, Any]:
    return {"name": name, "skip_reason": NOT_FOUND.format(name, version)}


CLEAN = (dependency("keras", "3.12.4"), dependency("pillow", "12.3.0"))
CANARY = (dependency("pillow", "9.0.0", vulnerability(id="CVE-2022-24303")),)


def answers(*dependencies: dict[str, Any], known: tuple[dict[str, Any], ...] = CANARY) -> Callable[[Path, str], str]:
    """A service that gives one report for the known vulnerability and one for everything else."""

    def ask(requirements: Path, service: str) -> str:
        asked = known if requirements.read_text().strip() == KNOWN else dependencies
        return json.dumps({"dependencies": asked, "fixes": []})

    return ask


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., tuple[int, str]]:
    def run(ask: Callable[[Path, str], str], accepted: Any = (), more: str = "") -> tuple[int, str]:
        digest = "0" * 64
        lock, list_of_accepted = tmp_path / "lock.txt", tmp_path / "accepted.json"
        lock.write_text(f"Keras==3.12.4 --hash=sha256:{digest}\npillow==12.3.0 --hash=sha256:{digest}\n" + more)
        list_of_accepted.write_text(json.dumps(list(accepted) if isinstance(accepted, tuple) else accepted))
        return audit({lock: ("3.12", "3.13")}, list_of_accepted, ask, TODAY)

    return run


def acceptance(**changes: str) -> dict[str, str]:
    return {"id": "GHSA-aa", "package": "Keras", "why": "we load no .h5", "until": "2026-11-28", **changes}


Run = Callable[..., tuple[int, str]]


def test_nothing_found_counts_when_every_package_was_asked(run: Run) -> None:
    code, text = run(answers(*CLEAN))
    assert (code, text.splitlines()[0][:41]) == (0, "audit: 2 of 2 packages asked at osv; 0 op")


def test_each_version_is_asked_about_of_a_package_that_differs_between_the_pythons(run: Run) -> None:
    digest = "0" * 64
    pins = [
        f"scipy=={v} ; python_version {p} '3.13' --hash=sha256:{digest}\n" for v, p in (("1.17", "<"), ("1.18", ">="))
    ]
    asked = []

    def ask(requirements: Path, service: str) -> str:
        asked.append(requirements.read_text().split())
        named = [pin.split("==") for pin in asked[-1]]
        return json.dumps({"dependencies": CANARY if asked[-1] == [KNOWN] else [dependency(*pin) for pin in named]})

    code, text = run(ask, more="".join(pins))
    assert (code, text[:33]) == (0, "audit: 4 of 4 packages asked at o")
    assert asked[1:] == [["keras==3.12.4", "pillow==12.3.0", "scipy==1.17"], ["scipy==1.18"]]


def test_a_finding_fails_and_is_shown_in_a_table_that_cannot_colour_the_terminal(run: Run) -> None:
    code, text = run(answers(dependency("keras", "3.12.4", vulnerability()), CLEAN[1]))
    assert code == 1
    assert text.splitlines()[:2] == [
        "package  version  id          fixed in  state  summary",
        "keras    3.12.4   CVE-2026-1  2.1       OPEN   Reads more  [31m",
    ]


def test_skipped_packages_fail_although_pip_audit_finds_nothing(run: Run) -> None:
    code, text = run(answers(skipped("keras", "3.12.4"), CLEAN[1]))
    assert code == 2
    assert "keras 3.12.4: skipped: Dependency not found" in text
    assert "1 packages NOT ASKED" in text


@pytest.mark.parametrize(
    ("dependencies", "line"),
    [
        (CLEAN[:1], "pillow 12.3.0: not in the report"),
        ((), "keras 3.12.4: not in the report"),
        ((CLEAN[0], dependency("pillow", "12.2.0")), "pillow 12.3.0: version 12.2.0 was asked about"),
    ],
)
def test_fewer_packages_than_the_lock_has_fail(run: Run, dependencies: tuple[Any, ...], line: str) -> None:
    code, text = run(answers(*dependencies))
    assert (code, line in text) == (2, True)


@pytest.mark.parametrize(
    ("known", "word"),
    [((skipped("pillow", "9.0.0"),), "Dependency not found"), ((dependency("pillow", "9.0.0"),), "found none")],
)
def test_a_service_that_does_not_know_a_known_vulnerability_was_not_asked(run: Run, known: Any, word: str) -> None:
    code, text = run(answers(*CLEAN, known=known))
    assert code == 2
    assert text.startswith("audit: NOT ASKED, nothing is known: no database could be asked\n  osv: ")
    assert text.count(word) == 2  # both services


def test_the_second_service_is_asked_when_the_first_cannot_be_reached(run: Run) -> None:
    def ask(requirements: Path, service: str) -> str:
        if service == "osv":
            raise AuditError("ConnectionError: no such host")
        return answers(*CLEAN)(requirements, service)

    code, text = run(ask)
    assert (code, "2 of 2 packages asked at pypi" in text) == (0, True)


def test_a_service_that_goes_away_in_between_fails(run: Run) -> None:
    def ask(requirements: Path, service: str) -> str:
        if requirements.read_text().strip() != KNOWN:
            raise AuditError("503 Server Error")
        return answers()(requirements, service)

    code, text = run(ask)
    assert (code, text.splitlines()[0]) == (2, "audit: NOT ASKED, nothing is known: 503 Server Error")


@pytest.mark.parametrize(
    "answer", ["", "No known vulnerabilities found", "[]", '{"dependencies": [{"name": "keras"}]}']
)
def test_what_is_no_report_is_not_taken_for_a_clean_one(run: Run, answer: str) -> None:
    known = answers()
    code, text = run(lambda file, service: known(file, service) if file.read_text().strip() == KNOWN else answer)
    assert (code, "the report is not pip-audit's JSON" in text) == (2, True)


@pytest.mark.parametrize("identifier", ["CVE-2026-1", "GHSA-aa"])
def test_an_accepted_finding_passes_until_its_last_day_by_any_of_its_ids(run: Run, identifier: str) -> None:
    found = answers(dependency("keras", "3.12.4", vulnerability()), CLEAN[1])
    code, text = run(found, (acceptance(id=identifier),))
    assert code == 0
    assert "until 2026-11-28  Reads more" in text


def test_an_expired_acceptance_leaves_the_finding_open(run: Run) -> None:
    found = answers(dependency("keras", "3.12.4", vulnerability()), CLEAN[1])
    code, text = run(found, (acceptance(until="2026-11-27"),))
    assert code == 1
    assert "OPEN" in text
    assert "keras GHSA-aa: accepted until 2026-11-27 only" in text


@pytest.mark.parametrize("changes", [{"id": "GHSA-bb"}, {"package": "pillow"}])
def test_an_acceptance_of_what_is_not_found_any_more_fails(run: Run, changes: dict[str, str]) -> None:
    found = answers(dependency("keras", "3.12.4", vulnerability()), CLEAN[1])
    code, text = run(found, (acceptance(), acceptance(**changes)))
    assert (code, "not found any more; remove the entry" in text) == (1, True)


def test_an_acceptance_covers_its_finding_alone(run: Run) -> None:
    two = dependency("keras", "3.12.4", vulnerability(), vulnerability(id="CVE-2026-2", aliases=[], fix_versions=[]))
    code, text = run(answers(two, CLEAN[1]), (acceptance(),))
    assert (code, "1 open, 1 accepted" in text) == (1, True)


@pytest.mark.parametrize(
    ("accepted", "word"),
    [
        ((acceptance(why=" "),), "expected texts under id, package, until, why"),
        (({"id": "GHSA-aa"},), "expected texts under"),
        ((acceptance(severity="low"),), "expected texts under"),
        ((acceptance(until="soon"),), "must be a day"),
        ((acceptance(until="2027-12-01"),), "more than a year ahead"),
        ((acceptance(), acceptance()), "two entries"),
        (7, "not a JSON list"),
        ({"id": "GHSA-aa"}, "expected texts under"),
    ],
)
def test_a_list_of_accepted_findings_that_cannot_be_read_fails(run: Run, accepted: Any, word: str) -> None:
    code, text = run(answers(*CLEAN), accepted)
    assert (code, word in text) == (2, True)
