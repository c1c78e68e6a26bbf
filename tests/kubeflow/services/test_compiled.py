"""What is read of a compiled pipeline, and what is refused before anything is sent; no service is asked."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ratchet.kubeflow import schedule, submit
from ratchet.kubeflow.compiled import Target, parameter_values, pipeline_root, read_compiled
from ratchet.kubeflow.cron import checked_cron, checked_time, with_seconds
from ratchet.schemas.base.errors import InputError
from tests.kubeflow.services.compiled import spec, write_json, write_yaml

PLACE = ("--project", "p", "--location", "europe-west4")


def test_the_ending_says_which_runner_it_is_for(tmp_path: Path) -> None:
    vertex, kfp = read_compiled(write_json(tmp_path)), read_compiled(write_yaml(tmp_path, platform=True))
    assert (vertex.target, vertex.root, vertex.platform) == (Target.VERTEX, "gs://bucket/ratchet/artifacts", None)
    assert (kfp.target, kfp.root, list(kfp.platform or ())) == (Target.KFP, None, ["platforms"])
    assert vertex.spec == kfp.spec
    assert vertex.name == kfp.name == "digits"


def test_no_task_is_cached_whatever_was_compiled(tmp_path: Path) -> None:
    read = read_compiled(write_json(tmp_path)).spec
    tasks = [*read["root"]["dag"]["tasks"].values(), *read["components"]["inner"]["dag"]["tasks"].values()]
    assert [task["cachingOptions"] for task in tasks] == [{"enableCache": False}] * 3
    assert spec()["root"]["dag"]["tasks"]["A"]["cachingOptions"] == {"enableCache": True}


@pytest.mark.parametrize(
    ("given", "value"),
    [
        ("span=7", 7),
        ("span=2026-11-28", 20261128),
        ("bootstrap=true", 1),
        ("bootstrap=false", 0),
        ("accept_new_golden=true", "true"),
        ("data=gs://bucket/a=b", "gs://bucket/a=b"),
        ("share=0.25", 0.25),
        ("quiet=true", True),
        ('names=["a"]', ["a"]),
    ],
)
def test_a_parameter_has_the_type_that_the_pipeline_declares(tmp_path: Path, given: str, value: Any) -> None:
    [[name, got]] = parameter_values(read_compiled(write_json(tmp_path)), [given]).items()
    assert name == given.partition("=")[0]
    assert type(got) is type(value)
    assert got == value


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["span=seven"], "span=seven: expected a whole number"),
        (["span=-1"], "expected a whole number"),
        (["span=2026-02-30"], "expected a whole number"),
        (["data="], "data=: each step runs in a container of its own"),
        (["data=/mnt/x"], "sees no directory of another machine"),
        (["data=s3://x/y"], "TensorFlow and Beam here open gs:// alone"),
        (["data=gs:/b/x"], "has to begin with gs://"),
        (["span=7.0"], "expected a whole number"),
        (["span=true"], "expected a whole number"),
        (["span=" + "9" * 40], "expected a whole number"),
        (["span=٣"], "expected a whole number"),
        (["bootstrap=yes"], "bootstrap=yes: expected true or false"),
        (["accept_new_golden=maybe"], "expected true or false"),
        (["share=NaN"], "expected a number"),
        (["share=true"], "expected a number"),
        (["names={}"], "expected a JSON list"),
        (["names=" + "[" * 100_000], "expected a JSON list"),
        (["span"], "expected name=value"),
        (["span=1", "span=2"], "given twice"),
        (["spam=1"], "no such parameter; it takes accept_new_golden (a text), bootstrap (a whole number), "),
    ],
)
def test_a_parameter_that_cannot_be_is_named_with_what_can(tmp_path: Path, given: list[str], said: str) -> None:
    with pytest.raises(InputError) as error:
        parameter_values(read_compiled(write_json(tmp_path)), given)
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_the_root_is_said_always(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    vertex, kfp = read_compiled(write_json(tmp_path)), read_compiled(write_yaml(tmp_path))
    assert pipeline_root(vertex, None) == "gs://bucket/ratchet/artifacts"
    assert pipeline_root(vertex, "gs://other/x/") == "gs://other/x"
    with pytest.raises(InputError, match="minio://, which neither TensorFlow nor Beam"):
        pipeline_root(kfp, None)
    for root in ("minio://mlpipeline/v2", "s3://b/x", "relative", "gs:/b/x"):
        with pytest.raises(InputError, match="gs://BUCKET"):
            pipeline_root(kfp, root)
    assert submit.main(["--pipeline", str(write_yaml(tmp_path)), "--host", "http://h", "--dry-run"]) == 2
    assert "--pipeline-root is needed" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("p.json", b"", "not JSON"),
        ("p.json", b"[1]", "no PipelineJob"),
        ("p.json", b"{}", "no PipelineJob"),
        ("p.json", b"[" * 100_000, "nested without end"),
        ("p.json", b"\xff\xfe", "cannot be read"),
        ("p.json", json.dumps({"pipelineSpec": {**spec(), "schemaVersion": "2.0.0"}}).encode(), "schemaVersion"),
        ("p.json", json.dumps({"pipelineSpec": {**spec(), "root": {"dag": {"tasks": []}}}}).encode(), "no tasks"),
        ("p.yaml", b"a: [", "not the YAML"),
        ("p.yaml", b"\x00", "not the YAML"),
        ("p.yaml", b"- 1", "no PipelineSpec"),
        ("p.yaml", b"", "no PipelineSpec"),
        ("p.yaml", b"a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\n" * 1, "no PipelineSpec"),
        ("p.txt", b"{}", "ends neither in .json"),
    ],
)
@pytest.mark.parametrize("command", ["submit", "schedule"])
def test_what_is_no_pipeline_is_refused_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, content: bytes, said: str, command: str
) -> None:
    (tmp_path / name).write_bytes(content)
    given = ["--pipeline", str(tmp_path / name), "--dry-run"]
    if command == "schedule":
        given = ["create", "--name", "n", "--cron", "0 3 * * *", *given]
    assert (submit if command == "submit" else schedule).main(given) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    ("kind", "given", "said"),
    [
        ("json", [], "--project is needed"),
        ("json", ["--project", "p"], "--location is needed"),
        ("json", ["--project", "p", "--location", "a/b"], "letters, digits"),
        ("json", [*PLACE, "--namespace", "n"], "--namespace: Vertex AI has no such thing"),
        ("json", [*PLACE, "--job-id", "7"], "--job-id '7': a small letter"),
        ("json", [*PLACE, "--label", "Team=x"], "--label Team=x: small letters"),
        ("json", [*PLACE, "--label", "team"], "expected KEY=VALUE"),
        ("json", [*PLACE, "--endpoint", "ftp://x"], "--endpoint 'ftp://x': not an address"),
        ("json", [*PLACE, "--failure-policy", "never"], "invalid choice"),
        ("yaml", ["--network", "n"], "--network: Kubeflow Pipelines has no such thing"),
        ("yaml", ["--host", "kubeflow"], "--host 'kubeflow': not an address"),
        ("yaml", ["--host", "http://x:y"], "not an address"),
        ("yaml", ["--spam"], "--spam"),
    ],
)
def test_what_cannot_be_submitted_is_refused_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, kind: str, given: list[str],
    said: str,
) -> None:  # fmt: skip
    monkeypatch.delenv("GOOGLE_CLOUD_PROJECT", raising=False)
    file = (write_json if kind == "json" else write_yaml)(tmp_path)
    root = ["--pipeline-root", "gs://bucket/x"]
    assert submit.main(["--pipeline", str(file), *root, *given, "--dry-run"]) == 2
    captured = capsys.readouterr()
    assert said in captured.err
    assert captured.err.count("\n") == 1
    assert captured.out == ""


@pytest.mark.parametrize(
    ("kind", "given", "said"),
    [
        ("yaml", ["--time-zone", "Europe/Prague"], "CRON_SCHEDULE_TIMEZONE"),
        ("yaml", ["--time-zone", "Mars/Olympus"], "no time zone known here"),
        ("yaml", ["--start-time", "tomorrow"], "--start-time 'tomorrow': no moment"),
        ("yaml", ["--start-time", "2027-01-15T03:00:00"], "no moment"),
        ("yaml", ["--start-time", "2027-01-15T03:00:00Z", "--end-time", "2027-01-15T04:00:00+01:00"], "is not after"),
        ("json", ["--cluster-time-zone", "UTC"], "Vertex AI has no such thing"),
        ("json", ["--experiment", "e"], "a schedule of Vertex AI has none"),
        ("json", ["--cron", "0 0 3 * * *"], "has 6 fields"),
    ],
)
def test_a_schedule_that_could_not_be_meant_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str, given: list[str], said: str
) -> None:
    file = (write_json if kind == "json" else write_yaml)(tmp_path)
    where = [*PLACE] if kind == "json" else []
    common = [
        "create",
        "--pipeline",
        str(file),
        "--name",
        "n",
        "--cron",
        "0 3 * * *",
        "--pipeline-root",
        "gs://bucket/x",
    ]
    assert schedule.main([*common, *where, *given, "--dry-run"]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


def test_kubeflows_controller_may_be_in_the_zone_that_is_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    zones = ["--time-zone", "Europe/Prague", "--cluster-time-zone", "Europe/Prague"]
    common = ["create", "--pipeline", str(write_yaml(tmp_path)), "--name", "n", "--cron", "0 3 * * *", "--dry-run"]
    assert schedule.main([*common, "--pipeline-root", "gs://bucket/x", *zones]) == 0
    assert json.loads(capsys.readouterr().out)[-1]["body"]["trigger"] == {"cron_schedule": {"cron": "0 0 3 * * *"}}


@pytest.mark.parametrize(
    "cron", ["0 3 * * *", "*/15 0-6,18-23 1,15 jan-mar mon", "5 4 * * 7", "0 0 ? * *".replace("?", "*")]
)
def test_a_cron_of_five_fields_is_taken(cron: str) -> None:
    assert checked_cron(f" {cron} ") == cron


@pytest.mark.parametrize(
    "cron", ["", "* * * *", "60 * * * *", "0 24 * * *", "0 0 0 * *", "0 0 * 13 *", "5-1 * * * *", "*/0 * * * *",
             "@daily", "0 3 * * mond", "0 3 * * 8", "TZ=UTC 0 3 * * *", "0 3 * * *,", "٣ 3 * * *"],
)  # fmt: skip
def test_what_is_no_cron_is_refused(cron: str) -> None:
    with pytest.raises(InputError, match="--cron"):
        checked_cron(cron)


def test_sunday_is_0_on_kubeflow() -> None:
    assert [with_seconds(f"0 3 * * {days}").split()[-1] for days in ("5-7", "0-7", "1,7")] == ["5-6,0", "*", "1,0"]
    with pytest.raises(InputError, match="Sunday"):
        with_seconds("0 3 * * 1-7/2")


def test_a_moment_is_in_utc() -> None:
    assert checked_time("--start-time", None) is None
    assert checked_time("--start-time", "2027-06-01T03:00:00+02:00") == "2027-06-01T01:00:00Z"
