"""The first step of a job: what is wrong or needless is known before anything is read or trained."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from ratchet.components.registry.lease import release_lease
from ratchet.kubeflow.step.begin import Begun, JobRequest, begin
from ratchet.kubeflow.step.job_lease import holder_of
from ratchet.pipeline.config.pipeline_settings import load_settings
from ratchet.schemas.artifacts.decisions import Verdict
from ratchet.schemas.artifacts.root_file import ROOT_FILE_FORMAT
from ratchet.schemas.artifacts.run_files import RUN_RECORD_FORMAT
from ratchet.schemas.artifacts.run_result import RUN_RESULT_FORMAT
from ratchet.schemas.base.errors import DataError, InputError, StateError
from ratchet.schemas.data.tfdv_schema import DEFAULT_SCHEMA_FILE
from tests.builders import coco, coco_annotation, write_span
from tests.pipeline.roots import add_run, serve


@pytest.fixture
def places(tmp_path: Path) -> Path:
    write_span(tmp_path / "golden")
    write_span(tmp_path / "data" / "span-1")
    return tmp_path


def ask(places: Path, run_id: str = "job-1", bootstrap: bool = True, span: int = 0, **settings: Any) -> JobRequest:
    root = places / "root"
    return JobRequest(
        run_id=run_id,
        root=str(root),
        registry=f"{root}/registry",
        serving=f"{root}/serving/digits",
        data=str(places / "data"),
        golden=str(places / "golden"),
        span=span,
        bootstrap=bootstrap,
        schema_file=str(DEFAULT_SCHEMA_FILE),
        settings=load_settings({"name": "digits", **settings}, ()),
    )


def decided(places: Path, request: JobRequest, verdict: Verdict) -> Begun:
    """Begins a run, which then ends."""
    begun = begin(request)
    root = places / "root"
    release_lease(str(root), holder_of(request.run_id))
    record = (root / "runs" / request.run_id / "request.json").read_text()
    (root / "runs" / request.run_id / "request.json").unlink()
    (root / "runs" / request.run_id).rmdir()
    add_run(root, request.run_id, verdict, 1)
    (root / "runs" / request.run_id / "request.json").write_text(record)
    return begun


def test_the_newest_span_is_taken_and_what_was_asked_for_is_written_down(places: Path) -> None:
    write_span(places / "data" / "span-2")
    begun = begin(ask(places))
    assert (begun.new, begun.span.number, begun.span.version) == (True, 2, 1)
    assert begun.span.directory == str(places / "data" / "span-2")
    record = RUN_RECORD_FORMAT.read((places / "root" / "runs" / "job-1" / "request.json").read_text(), "r")
    assert (record.span, record.baseline, record.asked["bootstrap"]) == (2, None, True)


def test_the_root_says_what_it_is_and_keeps_what_it_has_said(places: Path) -> None:
    begin(ask(places))
    file = places / "root" / "ratchet.json"
    said = ROOT_FILE_FORMAT.read(file.read_text(), "ratchet.json")
    assert (said.name, said.path) == ("digits", str(places / "root"))
    before = file.read_text()
    begin(ask(places, data={"eval_fraction": 0.3}))
    assert file.read_text() == before


def test_a_secret_does_not_get_into_the_root(places: Path) -> None:
    begin(ask(places, notify={"urls": ["https://hooks.example.org/secret"]}))
    assert "hooks.example.org" not in (places / "root" / "ratchet.json").read_text()


def test_an_older_span_can_be_asked_for(places: Path) -> None:
    write_span(places / "data" / "span-2")
    assert begin(ask(places, span=1)).span.number == 1


def test_what_was_decided_is_not_decided_again(places: Path) -> None:
    serve(places / "root", "100", "job-0", 1)
    assert decided(places, ask(places, bootstrap=False), Verdict.BLOCKED).new
    again = begin(ask(places, "job-2", bootstrap=False))
    assert not again.new
    result = RUN_RESULT_FORMAT.read((places / "root" / "runs" / "job-2" / "result.json").read_text(), "r")
    assert (result.verdict, result.run_id) == (Verdict.NOTHING_NEW, "job-2")
    assert "run job-1" in result.first_reason


@pytest.mark.parametrize("changed", ["labels", "golden", "settings", "span"])
def test_whatever_is_new_makes_a_run(places: Path, changed: str) -> None:
    serve(places / "root", "100", "job-0", 1)
    decided(places, ask(places, bootstrap=False), Verdict.BLOCKED)
    other = coco(annotations=[coco_annotation(1, 1)])
    settings: dict[str, Any] = {}
    if changed == "labels":
        (places / "data" / "span-1" / "annotations.json").write_text(json.dumps(other))
    elif changed == "golden":
        (places / "golden" / "annotations.json").write_text(json.dumps(other))
    elif changed == "settings":
        settings = {"training": {"seed": 7}}
    else:
        write_span(places / "data" / "span-2", other)
    assert begin(ask(places, "job-2", bootstrap=False, **settings)).new


def test_on_what_machines_it_runs_is_no_news(places: Path) -> None:
    serve(places / "root", "100", "job-0", 1)
    decided(places, ask(places, bootstrap=False), Verdict.BLOCKED)
    assert not begin(ask(places, "job-2", bootstrap=False, kubeflow={"retries": 5})).new


def test_while_another_run_holds_the_root_none_begins(places: Path) -> None:
    begin(ask(places))
    with pytest.raises(StateError, match=r"job job-1 .* is retraining"):
        begin(ask(places, "job-2"))
    assert begin(ask(places)).new  # the same one is tried again


def test_without_a_served_model_a_first_one_has_to_be_wanted(places: Path) -> None:
    with pytest.raises(InputError, match="no model is served yet"):
        begin(ask(places, bootstrap=False))


def test_where_one_is_served_no_first_one_can_be_wanted(places: Path) -> None:
    serve(places / "root", "100", "job-0", 1)
    with pytest.raises(InputError, match="version 100 is served already"):
        begin(ask(places))


def test_a_span_that_is_still_being_uploaded_is_not_there_yet(places: Path) -> None:
    write_span(places / "data" / "span-2")
    (places / "data" / "span-1" / "_SUCCESS").touch()
    marked = {"marker": "_SUCCESS"}
    assert begin(ask(places, data=marked)).span.number == 1
    with pytest.raises(DataError, match=r"span-2: no _SUCCESS; write it"):
        begin(ask(places, span=2, data=marked))
    (places / "data" / "span-2" / "_SUCCESS").touch()
    assert begin(ask(places, data=marked)).span.number == 2


@pytest.mark.parametrize("place", ["root", "registry", "serving"])
def test_a_missing_right_is_told_before_anything_else(places: Path, place: str) -> None:
    (places / "blocked").write_text("a file where a directory should be")
    request = dataclasses.replace(ask(places), **{place: str(places / "blocked" / "x")})
    with pytest.raises(StateError, match=r"blocked/x: cannot be written .*storage.objectAdmin"):
        begin(request)
