"""Has a new span arrived? On this machine and on Cloud Storage alike."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import pytest

from ratchet.components.example_gen.spans import FoundSpan
from ratchet.components.object_store.files import files_of, write_text
from ratchet.components.registry.entry_files import entry_json
from ratchet.pipeline.cli.main import main
from ratchet.pipeline.data.new_span import decided_by, find_arrival, newest_span
from ratchet.schemas.artifacts.decisions import Reason, Verdict
from ratchet.schemas.artifacts.publication import BASELINE_CHANGED
from ratchet.schemas.artifacts.run_files import RUN_RECORD_FORMAT, RunRecord
from ratchet.schemas.artifacts.run_result import RUN_RESULT_FORMAT, RunResult
from ratchet.schemas.base.errors import DataError, StateError
from tests.builders import recorded_decision
from tests.gcs.fixtures import Bucket


@pytest.fixture(params=["local", "gs"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where root and data are."""
    return str(tmp_path) if request.param == "local" else request.getfixturevalue("gcs").uri("project")


def put(path: str, text: str = "{}") -> None:
    if not path.startswith("gs://"):
        Path(path).parent.mkdir(parents=True, exist_ok=True)
    write_text(path, text)


def deliver(place: str, *names: str) -> str:
    for name in names:
        put(f"{place}/spans/{name}/annotations.json")
        put(f"{place}/spans/{name}/images/a.jpg", "not read")
    return f"{place}/spans"


def end(
    place: str, run_id: str, span: int, verdict: Verdict = Verdict.BLOCKED, version: int = 1, rule: str = "x"
) -> None:
    reasons = (Reason(rule, "this", "that", passed=False),)
    result = RunResult.untrained(verdict, reasons, "page", run_id, span, {})
    record = RunRecord(span, {"span": span}, None, "ratchet run", "2030-01-01T00:00:00+00:00", "0", version)
    put(f"{place}/root/runs/{run_id}/request.json", RUN_RECORD_FORMAT.write(record))
    put(f"{place}/root/runs/{run_id}/result.json", RUN_RESULT_FORMAT.write(result))


def test_a_span_is_new_until_a_run_has_decided_on_it(place: str) -> None:
    data, root = deliver(place, "span-1", "span-2"), f"{place}/root"
    assert find_arrival(root, data).is_new  # before the first run
    end(place, "span-1-0a1b2c3d-1", 1)
    assert find_arrival(root, data).is_new
    end(place, "job-7", 2, Verdict.DATA_REJECTED)
    found = find_arrival(root, data)
    assert (found.span, found.decided_by, found.is_new) == (FoundSpan(2, 1, f"{data}/span-2"), "job-7", False)
    deliver(place, "span-3")
    assert find_arrival(root, data).is_new


def test_another_version_of_a_span_is_new(place: str) -> None:
    data, root = deliver(place, "span-2", "span-10", "span-10-version-2"), f"{place}/root"
    end(place, "job-1", 10)
    found = find_arrival(root, data)
    assert found.span == FoundSpan(10, 2, f"{data}/span-10-version-2")
    assert found.is_new
    end(place, "job-2", 10, version=2)
    assert find_arrival(root, data).decided_by == "job-2"


def test_with_a_marker_a_span_counts_once_its_upload_has_ended(place: str) -> None:
    data = deliver(place, "span-1", "span-2")
    assert find_arrival(f"{place}/root", data, marker=True).span is None
    put(f"{data}/span-1/_SUCCESS", "")
    assert find_arrival(f"{place}/root", data, marker=True).span == FoundSpan(1, 1, f"{data}/span-1")
    put(f"{data}/span-2/_SUCCESS", "")
    assert find_arrival(f"{place}/root", data, marker=True).span == FoundSpan(2, 1, f"{data}/span-2")


def test_a_run_that_ended_by_an_accident_has_not_decided(place: str) -> None:
    data = deliver(place, "span-4")
    end(place, "job-1", 4, rule=BASELINE_CHANGED)
    assert find_arrival(f"{place}/root", data).is_new


def test_a_run_that_was_given_up_has_not_decided(place: str) -> None:
    data = deliver(place, "span-4")
    end(place, "job-1", 4)
    put(f"{place}/root/runs/job-1/abandoned.json")
    assert find_arrival(f"{place}/root", data).is_new


def test_the_registry_remembers_what_no_run_directory_does(place: str) -> None:
    root = f"{place}/root"
    decision = dataclasses.replace(recorded_decision(), run_id="job-3", span=6, span_version=2)
    put(f"{root}/registry/decisions/0123456789abcdef.json", entry_json(decision, f"{root}/registry"))
    put(f"{root}/registry/decisions/torn.json", "{")
    assert [decided_by(root, 6, 2), decided_by(root, 6, 1), decided_by(root, 7, 2)] == ["job-3", None, None]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format": 99}', "\x00", '{"verdict": "BLOCKED"}'])
def test_a_result_that_makes_no_sense_says_nothing(place: str, text: str) -> None:
    data = deliver(place, "span-1")
    put(f"{place}/root/runs/job-1/result.json", text)
    assert find_arrival(f"{place}/root", data).is_new


def test_what_only_looks_like_a_span_is_none(place: str) -> None:
    data = deliver(place, "span-1", "golden", "span-x", "old-span-9", "span-9-version-", "span-٣")
    put(f"{data}/span-7", "a file")
    assert newest_span(data, files_of(data)) == FoundSpan(1, 1, f"{data}/span-1")


def test_two_directories_that_are_the_same_span_are_named(place: str) -> None:
    with pytest.raises(DataError, match="span-03 and span-3 are the same span"):
        find_arrival(f"{place}/root", deliver(place, "span-3", "span-03"))


def test_a_directory_that_is_not_there_is_named(place: str) -> None:
    with pytest.raises(DataError, match="no such directory"):
        find_arrival(f"{place}/root", f"{place}/nowhere")


def test_a_bucket_that_is_not_there_is_named(gcs: Bucket) -> None:
    with pytest.raises(StateError, match="gs://no-such-bucket"):
        find_arrival(gcs.uri("root"), "gs://no-such-bucket-here/spans")


def test_it_costs_a_few_requests_however_much_there_is(gcs: Bucket) -> None:
    place = gcs.uri("project")
    data = deliver(place, *(f"span-{number}" for number in range(1, 31)))
    for number in range(1, 31):
        end(place, f"job-{number}", number)
    gcs.forget()
    assert find_arrival(f"{place}/root", data).decided_by == "job-30"
    asked = [request for request in gcs.requests if "images" in str(request)]
    assert asked == []
    assert len(gcs.requests) <= 7 + 3 * 32


@pytest.mark.parametrize("as_json", [False, True])
def test_the_command_says_it_by_its_exit_code(place: str, capsys: pytest.CaptureFixture[str], as_json: bool) -> None:
    data = deliver(place, "span-1")
    given = ["new-span", "--root", f"{place}/root", "--data", data, *(["--json"] if as_json else [])]
    assert main(given) == 0
    new = capsys.readouterr().out
    end(place, "job-1", 1)
    assert main(given) == 3
    old = capsys.readouterr().out
    if as_json:
        assert json.loads(new) == {
            "new": True,
            "span": 1,
            "version": 1,
            "directory": f"{data}/span-1",
            "decided_by": None,
        }
        assert json.loads(old)["decided_by"] == "job-1"
    else:
        assert new == f"span 1: {data}/span-1 is new\n"
        assert old == f"span 1: {data}/span-1; run job-1 has decided on it\n"
    assert main([*given, "--marker"]) == 3


def test_the_command_refuses_other_stores(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["new-span", "--root", "s3://b/r", "--data", "d"]) == 2
    error = capsys.readouterr().err
    assert "s3://b/r" in error
    assert error.count("\n") == 1


def test_it_starts_nothing_heavy(tmp_path: Path) -> None:
    data = deliver(str(tmp_path), "span-1")
    code = (
        "import sys\nfrom ratchet.pipeline.cli.main import main\n"
        f"code = main(['new-span', '--root', {str(tmp_path)!r}, '--data', {data!r}])\n"
        "slow = [n for n in ('tensorflow', 'tfx', 'google.cloud.storage', 'pandas') if n in sys.modules]\n"
        "sys.exit(str(slow) if slow else code)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
