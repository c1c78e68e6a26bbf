"""The commands of `ratchet.kubeflow`: quick to start, and JSON alone on standard output where that is asked for."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ratchet.kubeflow import schedule, submit
from tests.kubeflow.services.compiled import write_json
from tests.test_architecture import HEAVY, ROOT

VERTEX = ("--project", "my-project", "--location", "europe-west4")


@pytest.mark.parametrize("module", ["compile", "submit", "schedule", "vertex_model"])
@pytest.mark.parametrize("given", [["--help"], ["--version"]])
def test_help_and_version_import_nothing_that_takes_long(module: str, given: list[str]) -> None:
    slow = sorted({*HEAVY, "numpy", "pydantic", "kfp"})
    code = (
        f"import sys\nfrom ratchet.kubeflow.{module} import main\n"
        f"try:\n    main({given!r})\nexcept SystemExit as end:\n    assert end.code == 0\n"
        f"sys.exit(str([name for name in {slow!r} if name in sys.modules] or ''))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stderr.strip() == ""
    assert done.stdout.startswith("ratchet 0." if given == ["--version"] else "usage: python -m ratchet.kubeflow.")


def told(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    [line] = capsys.readouterr().out.splitlines()
    return json.loads(line)


def test_a_dry_run_as_json_is_one_object_with_the_requests(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pipeline = str(write_json(tmp_path))
    assert submit.main(["--pipeline", pipeline, *VERTEX, "--dry-run"]) == 0
    plain = json.loads(capsys.readouterr().out)
    assert submit.main(["--pipeline", pipeline, *VERTEX, "--dry-run", "--json", "--job-id", "one"]) == 0
    found = told(capsys)
    assert found["dry_run"] is True
    assert [call["method"] for call in found["requests"]] == [call["method"] for call in plain] == ["POST"]
    given = ["create", "--pipeline", pipeline, "--name", "nightly", "--cron", "0 3 * * *", *VERTEX]
    assert schedule.main([*given, "--dry-run", "--json"]) == 0
    assert told(capsys)["requests"][-1]["body"]["displayName"] == "nightly"


def test_without_an_action_the_help_is_printed_and_that_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert schedule.main([]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("usage: python -m ratchet.kubeflow.schedule ")
    assert err.splitlines()[-1] == (
        "ratchet.kubeflow.schedule: no command was given; one of create, pause, resume, delete, list"
    )


def test_a_misspelled_option_is_told_with_what_was_meant(capsys: pytest.CaptureFixture[str]) -> None:
    assert submit.main(["--pipelin", "x", "--paramter", "span=7"]) == 2
    assert "has no option --paramter; did you mean '--parameter'?" in capsys.readouterr().err
    assert schedule.main(["puase"]) == 2
    assert "has no command 'puase'; did you mean 'pause'?" in capsys.readouterr().err
