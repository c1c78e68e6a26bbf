"""The compiled pipeline: strictly valid, made of containers only, and the one that was reviewed."""

from __future__ import annotations

import itertools
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from ratchet.components.stack.mlmd_server import PASSWORD_VARIABLE
from ratchet.kubeflow.compile import SUFFIXES, main
from tests.kubeflow.update_golden import ARGUMENTS, GOLDEN

pytestmark = pytest.mark.tensorflow


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    directory = tmp_path_factory.mktemp("compiled")
    files = {target: directory / f"pipeline{suffix}" for target, suffix in SUFFIXES.items()}
    for target, file in files.items():
        assert main([*ARGUMENTS, "--target", target, "--out", str(file)]) == 0
    return files


def tasks_of(file: Path) -> dict[str, Any]:
    """All but the exit handler."""
    return spec_of(file)["components"]["tfx-dag"]["dag"]["tasks"]


def spec_of(file: Path) -> dict[str, Any]:
    document = yaml.safe_load(file.read_text(encoding="utf-8"))  # JSON is YAML
    return document.get("pipelineSpec", document)


@pytest.mark.parametrize("target", sorted(SUFFIXES))
def test_it_parses_strictly_as_kubeflows_protos(compiled: dict[str, Path], target: str) -> None:
    from google.protobuf import json_format
    from kfp.pipeline_spec import pipeline_spec_pb2

    pb: Any = pipeline_spec_pb2
    document = yaml.safe_load(compiled[target].read_text(encoding="utf-8"))
    if target == "vertex":
        json_format.ParseDict(document, pb.PipelineJob(), ignore_unknown_fields=False)
    spec = json_format.ParseDict(spec_of(compiled[target]), pb.PipelineSpec(), ignore_unknown_fields=False)
    deployment = json_format.MessageToDict(spec.deployment_spec)
    json_format.ParseDict(deployment, pb.PipelineDeploymentConfig(), ignore_unknown_fields=False)
    assert spec.schema_version == "2.1.0"
    assert set(spec.root.dag.tasks) == {"tfx-dag", "RunEnd"}
    assert len(spec.components["tfx-dag"].dag.tasks) == 14


@pytest.mark.parametrize("target", sorted(SUFFIXES))
def test_every_step_is_a_container_since_kubeflow_has_no_resolvers(compiled: dict[str, Path], target: str) -> None:
    executors = spec_of(compiled[target])["deploymentSpec"]["executors"]
    kinds = {name: sorted(executor) for name, executor in executors.items()}
    # ImportSchemaGen and all others run in the image; an importer or a resolver would not.
    assert {kind for value in kinds.values() for kind in value} == {"container"}


@pytest.mark.parametrize("target", sorted(SUFFIXES))
def test_training_and_all_after_it_hang_on_the_data_gate(compiled: dict[str, Path], target: str) -> None:
    tasks = tasks_of(compiled[target])
    conditions = {name: task["triggerPolicy"]["condition"] for name, task in tasks.items() if "triggerPolicy" in task}
    guarded = {name for name, condition in conditions.items() if "metadata['passed'] == 1" in condition}
    assert guarded == {"DetectorTrainer", "MapEvaluator", "Diagnosis", "Pusher", "Review"}
    rejecting = {name for name, condition in conditions.items() if "metadata['passed'] == 0" in condition}
    assert rejecting == {"RejectionDiagnosis", "RejectionReview"}
    for name, condition in conditions.items():
        # The condition reads an input that the task really has, and that is not an ordinary input as well.
        artifacts = tasks[name]["inputs"]["artifacts"]
        assert ("_DataGate.passage" in condition) == ("_DataGate.passage" in artifacts) == (name in guarded | rejecting)
        assert "passage" not in artifacts


@pytest.mark.parametrize("target", sorted(SUFFIXES))
def test_everything_but_the_first_look_hangs_on_there_being_something_new(
    compiled: dict[str, Path], target: str
) -> None:
    tasks = tasks_of(compiled[target])
    free = {
        name
        for name, task in tasks.items()
        if "_RunStart.passage'].artifacts[0].metadata['new'] == 1"
        not in task.get("triggerPolicy", {}).get("condition", "")
    }
    assert free == {"RunStart"}


@pytest.mark.parametrize("target", sorted(SUFFIXES))
def test_the_exit_handler_runs_however_the_rest_ended(compiled: dict[str, Path], target: str) -> None:
    last = spec_of(compiled[target])["root"]["dag"]["tasks"]["RunEnd"]
    assert last["triggerPolicy"] == {"strategy": "ALL_UPSTREAM_TASKS_COMPLETED"}
    assert last["dependentTasks"] == ["tfx-dag"]
    assert last["inputs"]["parameters"]["final_status"] == {"taskFinalStatus": {"producerTask": "tfx-dag"}}


def test_what_differs_from_run_to_run_is_a_parameter_of_the_job(compiled: dict[str, Path]) -> None:
    taken = {
        (name, key, given["componentInputParameter"])
        for name, task in tasks_of(compiled["vertex"]).items()
        for key, given in task["inputs"]["parameters"].items()
        if "componentInputParameter" in given
    }
    start = {("RunStart", key, key) for key in ("data", "golden", "span", "bootstrap", "accept_new_golden")}
    assert taken == start | {
        ("DetectionExampleGen", "directory", "data"),
        ("DetectionExampleGen", "span", "span"),
        ("GoldenExampleGen", "directory", "golden"),
        ("BaselineReader", "bootstrap", "bootstrap"),
        ("DataGate", "accept_new_golden", "accept_new_golden"),
        ("MapEvaluator", "accept_new_golden", "accept_new_golden"),
    }


@pytest.mark.parametrize(
    ("option", "place", "why"),
    [
        ("--root", "s3://bucket/root", "of object stores, TensorFlow and Beam here open gs:// alone"),
        (
            "--root",
            "minio://bucket/root",
            "of object stores, TensorFlow and Beam here open gs:// alone",
        ),
        ("--root", "/mnt/nfs/root", "each step runs in a container of its own"),
        ("--root", "gs://Bad_Bucket/x", "is no name of a bucket"),
        ("--data", "gs://bucket//x", "has an empty part"),
        ("--set", "data.schema=/x/y.pbtxt", "each step runs in a container of its own"),
        ("--data", "spans", "each step runs in a container of its own"),
        (
            "--golden",
            "hdfs://namenode/golden",
            "of object stores, TensorFlow and Beam here open gs:// alone",
        ),
    ],
)
def test_a_place_that_no_container_can_reach_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], option: str, place: str, why: str
) -> None:
    assert main([*ARGUMENTS, option, place, "--target", "vertex", "--out", str(tmp_path / "p.json")]) == 2
    said = capsys.readouterr().err
    assert place.partition("=")[2] or place in said
    assert why in said
    assert said.count("\n") == 1
    assert not (tmp_path / "p.json").exists()


def test_a_secret_does_not_get_into_the_job(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    secret = "notify.urls=[https://hooks.example.org/secret]"
    assert main([*ARGUMENTS, "--set", secret, "--target", "vertex", "--out", str(tmp_path / "p.json")]) == 2
    assert "notify.urls[0]: would stand in the compiled job" in capsys.readouterr().err


def test_ml_metadata_on_a_server_is_said_to_be_without_effect_and_its_password_is_in_no_job(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(PASSWORD_VARIABLE, "secret-word")
    job = tmp_path / "p.json"
    given = [*ARGUMENTS, "--target", "vertex", "--out", str(job), "--set"]
    assert main([*given, "metadata.url=postgresql://ada:secret-word@db/mlmd"]) == 2
    assert "secret-word" not in capsys.readouterr().err
    assert main([*given, "metadata.url=postgresql://ada@db/mlmd"]) == 0
    assert "metadata.url is without effect in a job" in capsys.readouterr().err
    assert "secret-word" not in job.read_text()


@pytest.mark.parametrize("target", sorted(SUFFIXES))
def test_nothing_but_the_page_waits_for_the_diagnosis(compiled: dict[str, Path], target: str) -> None:
    tasks = tasks_of(compiled[target])
    waiting = {name: set(task.get("dependentTasks", ())) for name, task in tasks.items()}
    assert {name for name, tasks in waiting.items() if "Diagnosis" in tasks} == {"Review"}
    assert {name for name, tasks in waiting.items() if "RejectionDiagnosis" in tasks} == {"RejectionReview"}
    assert "Pusher" not in waiting["Diagnosis"]


@pytest.mark.parametrize("target", sorted(SUFFIXES))
def test_it_is_the_reviewed_one(compiled: dict[str, Path], target: str) -> None:
    golden = GOLDEN / f"pipeline{SUFFIXES[target]}"
    assert without_versions(compiled[target].read_text()) == without_versions(golden.read_text()), (
        "the compiled pipeline changed; if that was meant, run 'make kubeflow-golden' and review the difference"
    )


def without_versions(text: str) -> Any:
    """A compiled pipeline without what names the stack that compiled it, or is a default that the other lacks."""
    document = yaml.safe_load(text)
    spec = document.get("pipelineSpec", document)
    spec.pop("sdkVersion")
    for label in ("tfx_version", "tfx_py_version"):
        document.get("labels", {}).pop(label, None)
    for task in spec["components"]["tfx-dag"]["dag"]["tasks"].values():
        for given in task.get("inputs", {}).get("parameters", {}).values():
            value = given.get("runtimeValue", {})
            value.update({kind: re.sub(r'"_slice_sqls": null, ', "", str(text)) for kind, text in value.items()})
    return document


def test_executors_can_be_imported_without_the_slow_top_of_tfx(compiled: dict[str, Path]) -> None:
    executors = spec_of(compiled["vertex"])["deploymentSpec"]["executors"]
    paths = [argument for e in executors.values() for argument in _class_paths(e["container"]["args"])]
    ours = sorted({path for path in paths if path.startswith("ratchet.")})
    assert len(ours) == 11
    code = (
        "import importlib, json, sys\n"
        f"for path in {ours!r}:\n"
        "    module, name = path.rsplit('.', 1)\n"
        "    getattr(importlib.import_module(module), name)\n"
        "print(json.dumps('tfx.v1' in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout.splitlines()[-1]) is False


def _class_paths(arguments: list[str]) -> list[str]:
    return [after for before, after in itertools.pairwise(arguments) if before == "--executor_class_path"]


@pytest.mark.parametrize("is_there", [True, False])
def test_a_trainer_of_ones_own_has_to_be_in_the_image(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, is_there: bool
) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "compiled_trainer.py").write_text("def run_fn(fn_args):\n    pass\n" if is_there else "")
    out, own = tmp_path / "pipeline.json", "training.run_fn=compiled_trainer.run_fn"
    code = main([*ARGUMENTS, "--target", "vertex", "--out", str(out), "--set", own])
    said = capsys.readouterr().err
    assert code == (0 if is_there else 2)
    assert ("has to be in the image" in said) is is_there
    assert ("has no function 'run_fn'" in said) is not is_there
    if is_there:
        assert "ratchet.components.trainer.own.run.run_fn" in out.read_text()


def test_a_wrong_ending_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*ARGUMENTS, "--target", "kfp", "--out", str(tmp_path / "p.json")]) == 2
    assert "ends in .yaml" in capsys.readouterr().err


def test_without_a_configuration_nothing_is_compiled_for_digits(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = [*ARGUMENTS[ARGUMENTS.index("--root") :], "--target", "vertex", "--out", str(tmp_path / "p.json")]
    assert main(given) == 2
    assert "--config is missing; give a YAML file" in capsys.readouterr().err
    assert not (tmp_path / "p.json").exists()
