"""A storage event starts a run on a span that is new, once; with a real Cloud Storage and fakes of both runners."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ratchet.components.object_store.files import write_text
from ratchet.components.services.rest import ServiceError, sender
from ratchet.kubeflow.arrival import handler, run_name, span_of, trigger_of
from ratchet.schemas.artifacts.decisions import Verdict
from ratchet.schemas.artifacts.run_result import RUN_RESULT_FORMAT, RunResult
from ratchet.schemas.base.errors import InputError
from tests.components.services.http_fake import RefusedError
from tests.gcs.fixtures import Bucket
from tests.kubeflow.services.compiled import spec, write_json, write_yaml

DATA = "gs://bucket/project/spans"
JOB = r"projects/p/locations/l/pipelineJobs/"


class CloudEvent:
    """What functions_framework hands over."""

    def __init__(self, data: dict[str, Any]) -> None:
        self.data = data


def event(name: str, bucket: str = "bucket", generation: str = "17") -> dict[str, Any]:
    return {"bucket": bucket, "name": name, "generation": generation, "metageneration": "1", "size": "0"}


@pytest.mark.parametrize(
    ("name", "awaited", "found"),
    [
        ("project/spans/span-7/_SUCCESS", "_SUCCESS", (7, 1, "span-7")),
        ("project/spans/span-2026-11-28/_SUCCESS", "_SUCCESS", (20261128, 1, "span-2026-11-28")),
        ("project/spans/span-7/SHA256SUMS", "SHA256SUMS", (7, 1, "span-7")),
        ("project/spans/span-7-version-2/_SUCCESS", "_SUCCESS", (7, 2, "span-7-version-2")),
        ("project/spans/span-7/annotations.json", "annotations.json", (7, 1, "span-7")),
        ("project/spans/span-7/annotations.json", "_SUCCESS", None),
        ("project/spans/span-7/_SUCCESS", "annotations.json", None),
        ("project/spans/span-7/images/_SUCCESS", "_SUCCESS", None),
        ("project/spans/golden/_SUCCESS", "_SUCCESS", None),
        ("other/spans/span-7/_SUCCESS", "_SUCCESS", None),
        ("project/spans/_SUCCESS", "_SUCCESS", None),
        ("_SUCCESS", "_SUCCESS", None),
    ],
)
def test_an_event_is_of_a_span_or_of_nothing(name: str, awaited: str, found: tuple[int, int, str] | None) -> None:
    assert span_of(event(name), DATA, awaited) == (found and (*found[:2], f"{DATA}/{found[2]}"))
    assert span_of(event(name, bucket="another"), DATA, awaited) is None


def test_a_span_at_the_top_of_a_bucket_is_one() -> None:
    assert span_of(event("span-7/_SUCCESS"), "gs://bucket", "_SUCCESS") == (7, 1, "gs://bucket/span-7")


@pytest.mark.parametrize("wrong", [{}, {"bucket": "b"}, {"bucket": 1, "name": "x"}])
def test_what_is_no_storage_event_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=r"object\.v1\.finalized"):
        span_of(wrong, DATA, "_SUCCESS")


def test_the_name_of_a_run_fits_vertex_whatever_the_pipeline_is_called() -> None:
    from ratchet.kubeflow.vertex_api import checked_job_id

    for pipeline in ("Digits", "d" * 200, "é"):
        assert checked_job_id(run_name(pipeline, 10**18, 10**6, "1" * 16))
    assert run_name("d", 7, 1, "17") == run_name("d", 7, 1, "17") != run_name("d", 7, 1, "18")


def settings(gcs: Bucket, file: Path, **more: str) -> dict[str, str]:
    place = {"RATCHET_PROJECT": "p", "RATCHET_LOCATION": "l"} if file.suffix == ".json" else {}
    common = {"RATCHET_PIPELINE": str(file), "RATCHET_ROOT": gcs.uri("root"), "RATCHET_DATA": gcs.uri("spans")}
    return {**common, **place, "RATCHET_PIPELINE_ROOT": gcs.uri("root/artifacts"), **more}


def of(gcs: Bucket, span: str, generation: str = "17") -> CloudEvent:
    write_text(gcs.uri(f"spans/{span}/_SUCCESS"), "")
    return CloudEvent(event(f"spans/{span}/_SUCCESS", gcs.name, generation))


def decide(gcs: Bucket, span: int) -> None:
    result = RunResult.untrained(Verdict.DATA_REJECTED, (), "page", "job-1", span, {})
    write_text(gcs.uri("root/runs/job-1/result.json"), RUN_RESULT_FORMAT.write(result))


@pytest.mark.tensorflow
def test_a_span_starts_one_job_on_vertex_however_often_it_is_told(gcs: Bucket, tmp_path: Path) -> None:
    from tests.kubeflow.services.vertex_fake import vertex_ai

    with vertex_ai() as (running, held):
        environment = settings(gcs, write_json(tmp_path), RATCHET_ENDPOINT=running.url, RATCHET_SERVICE_ACCOUNT="sa@p")
        on_event = handler(environment, sender(dict))
        assert "is started" in on_event(of(gcs, "span-7"))
        assert "is there already" in on_event(of(gcs, "span-7"))
        [job] = held.jobs.values()
        assert (int(job.runtime_config.parameter_values["span"].number_value), job.service_account) == (7, "sa@p")
        assert job.runtime_config.gcs_output_directory == gcs.uri("root/artifacts")
        assert dict(job.labels)["ratchet-span"] == "7"
        assert "no _SUCCESS of a span" in on_event(CloudEvent(event("spans/golden/_SUCCESS", gcs.name)))
        decide(gcs, 8)
        assert on_event(of(gcs, "span-8")) == "span 8: run job-1 has decided on it"
        assert len(held.jobs) == 1
        assert "is started" in on_event(of(gcs, "span-7", generation="18"))  # uploaded anew, and undecided


@pytest.mark.tensorflow
def test_a_span_starts_one_run_on_kubeflow_however_often_it_is_told(gcs: Bucket, tmp_path: Path) -> None:
    from tests.kubeflow.services.kfp_fake import kubeflow

    with kubeflow() as (running, held):
        on_event = handler(settings(gcs, write_yaml(tmp_path), RATCHET_HOST=running.url), sender(dict))
        assert "is started" in on_event(of(gcs, "span-7"))
        assert "is there already" in on_event(of(gcs, "span-7"))
        [run] = held.held["runs"]
        assert run["runtime_config"] == {"parameters": {"span": 7}, "pipeline_root": gcs.uri("root/artifacts")}
        run["state"] = "FAILED"
        assert "is started" in on_event(of(gcs, "span-7"))


@pytest.mark.tensorflow
def test_what_the_runner_did_not_take_is_an_error_so_that_the_event_comes_again(gcs: Bucket, tmp_path: Path) -> None:
    from tests.kubeflow.services.kfp_fake import kubeflow

    with kubeflow() as (running, held):
        on_event = handler(settings(gcs, write_yaml(tmp_path), RATCHET_HOST=running.url), sender(dict))
        running.fail["POST"] = RefusedError(503, "busy")
        with pytest.raises(ServiceError, match="503 busy"):
            on_event(of(gcs, "span-7"))
        running.fail.clear()
        assert "is started" in on_event(of(gcs, "span-7"))
        assert len(held.held["runs"]) == 1


def without_span(file: Path) -> None:
    import json

    made = spec()
    del made["root"]["inputDefinitions"]
    file.write_text(json.dumps({"pipelineSpec": made, "runtimeConfig": {"gcsOutputDirectory": "gs://bucket/x"}}))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda given: given.pop("RATCHET_ROOT"), "RATCHET_ROOT is not set"),
        (lambda given: given.update(RATCHET_DATA="s3://b/x"), "s3://b/x"),
        (lambda given: given.update(RATCHET_DATA="spans"), "gs://BUCKET"),
        (lambda given: given.update(RATCHET_MARKER="maybe"), "RATCHET_MARKER is 'maybe'"),
        (lambda given: given.pop("RATCHET_PROJECT"), "RATCHET_PROJECT and RATCHET_LOCATION"),
        (lambda given: given.update(RATCHET_PIPELINE="nowhere.json"), "cannot be read"),
        (lambda given: without_span(Path(given["RATCHET_PIPELINE"])), "span: .* has no such parameter"),
    ],
)
def test_a_function_that_cannot_work_does_not_start(
    tmp_path: Path, change: Callable[[dict[str, str]], Any], said: str
) -> None:
    given = {"RATCHET_PIPELINE": str(write_json(tmp_path)), "RATCHET_ROOT": "gs://bucket/root", "RATCHET_DATA": DATA}
    given |= {"RATCHET_PROJECT": "p", "RATCHET_LOCATION": "l"}
    assert trigger_of(given).awaited == "_SUCCESS"
    change(given)
    with pytest.raises(InputError, match=said):
        handler(given)


def never(*_: Any, **__: Any) -> Any:
    raise AssertionError("nothing is to be sent")


def test_a_span_that_lists_files_which_are_not_there_starts_nothing(gcs: Bucket, tmp_path: Path) -> None:
    on_event = handler(settings(gcs, write_json(tmp_path)), never)
    write_text(gcs.uri("spans/span-2026-11-28/SHA256SUMS"), f"{'0' * 64}  images/a.jpg\n")
    write_text(gcs.uri("spans/span-2026-11-28/_SUCCESS"), "")
    assert on_event(of(gcs, "span-2026-11-28")) == (
        "span 20261128 is not whole yet: SHA256SUMS lists 1 file, of which 1 is not there yet: 'images/a.jpg'; "
        "upload _SUCCESS last"
    )


def test_a_span_called_after_a_day_that_there_is_not_starts_nothing(gcs: Bucket, tmp_path: Path) -> None:
    on_event = handler(settings(gcs, write_json(tmp_path)), never)
    assert on_event(of(gcs, "span-2026-02-30")).startswith("span-2026-02-30: there is no day 2026-02-30")
