"""A runner of compiled jobs: what Vertex AI and Kubeflow Pipelines do with a PipelineJob, on one machine.

It walks the graph, gives every task its ExecutorInput, evaluates conditions, caches where it is told to, tries again as
often as the job says, and calls the exit handler however the rest ended. A task is the container's own command line, in
a process of its own that was forked from one that has imported TensorFlow.

What it does not show: machines, images, service accounts, and a real runner's own mistakes.
"""

from __future__ import annotations

import dataclasses
import hashlib
import importlib
import json
import multiprocessing
import os
import re
import signal
import sys
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ENTRY = ["python", "-m", "ratchet.kubeflow.run_step"]
DAG = "tfx-dag"
_ARTIFACT = re.compile(r"inputs\.artifacts\['([^']+)'\]\.artifacts\[0\]\.metadata\['([^']+)'\]")
_PROJECT = "123456789012"
_PARTS = (
    ENTRY[2],
    "ratchet.kubeflow.step.components",
    "ratchet.components.trainer.run_fn",
    "ratchet.pipeline.pipeline",
    "ratchet.pipeline.run.runner",
)

SUCCEEDED, FAILED, SKIPPED, NOT_TRIGGERED, CACHED = "SUCCEEDED", "FAILED", "SKIPPED", "NOT_TRIGGERED", "CACHED"


@dataclass(frozen=True)
class Ask:
    """A job to run.

    Attributes:
        job: the compiled file.
        name: of the job; the same again goes on where it was left.
        parameters: what whoever starts it says.
        replaced: texts in the job that are others here, such as places in the image.
        stop_before: a task that is not started, nor any other afterwards; the exit handler neither.
        kill: a task that is killed once, as soon as a file is there that matches the pattern.
        enable_caching: as submitters may ask: every task may be taken from the cache.
    """

    job: str
    name: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    replaced: Mapping[str, str] = field(default_factory=dict)
    stop_before: str | None = None
    kill: tuple[str, str] | None = None
    enable_caching: bool = False


@dataclass(frozen=True)
class Call:
    """A function that is called in a process of its own, beside the jobs.

    Attributes:
        module: that has it.
        function: takes words and returns an exit code.
        arguments: the words.
        environment: variables of that process.
        log: file of what it prints.
    """

    module: str
    function: str
    arguments: Sequence[str]
    environment: Mapping[str, str]
    log: str


@dataclass
class JobState:
    """How far a job came.

    Attributes:
        states: of its tasks.
        attempts: how often each was started.
        outputs: artifacts of each, by output key.
        logs: file of what each has printed.
    """

    states: dict[str, str] = field(default_factory=dict)
    attempts: dict[str, int] = field(default_factory=dict)
    outputs: dict[str, dict[str, list[dict[str, Any]]]] = field(default_factory=dict)
    logs: dict[str, str] = field(default_factory=dict)


class Emulator:
    """Runs jobs; what it needs is imported once, in a process of its own.

    Args:
        directory: for logs.
        environment: variables of the containers.
    """

    def __init__(self, directory: Path, environment: Mapping[str, str] | None = None) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, other = context.Pipe()
        self._process = context.Process(target=_serve, args=(other, str(directory), dict(environment or {})))
        self._process.start()

    def run(self, ask: Ask) -> JobState:
        """Runs a job to its end, or goes on with it."""
        return self._answer(ask)

    def call(self, call: Call) -> None:
        """Calls a function to its end, which has to be a good one."""
        code = self._answer(call)
        assert code == 0, Path(call.log).read_text()[-3000:]

    def _answer(self, asked: Ask | Call) -> Any:
        self._pipe.send(asked)
        answer = self._pipe.recv()
        if isinstance(answer, str):
            raise AssertionError(answer)
        return answer

    def close(self) -> None:
        """Ends the process."""
        self._pipe.send(None)
        self._process.join()


def _serve(pipe: Any, directory: str, environment: dict[str, str]) -> None:
    os.environ.update(environment)
    for module in _PARTS:
        __import__(module)
    jobs: dict[str, _Job] = {}
    cache: dict[str, dict[str, Any]] = {}
    while (ask := pipe.recv()) is not None:
        try:
            if isinstance(ask, Call):
                pipe.send(_called(ask))
                continue
            if ask.name not in jobs:
                jobs[ask.name] = _Job(ask, Path(directory), cache)
            pipe.send(jobs[ask.name].go_on(ask))
        except Exception:  # whatever it is, the test that asked has to hear of it
            pipe.send(traceback.format_exc())


class _Job:
    def __init__(self, ask: Ask, directory: Path, cache: dict[str, dict[str, Any]]) -> None:
        text = Path(ask.job).read_text()
        for before, after in ask.replaced.items():
            text = text.replace(before, after)
        self.document = json.loads(text)
        self.spec = self.document["pipelineSpec"]
        self.directory = directory / ask.name
        self.directory.mkdir(parents=True)
        self.cache = cache
        self.state = JobState()
        self.ask = ask

    def go_on(self, ask: Ask) -> JobState:
        self.ask = ask
        root = self.spec["root"]["dag"]["tasks"]
        parameters = self._parameters()
        tasks = self.spec["components"][DAG]["dag"]["tasks"]
        if self._walk(tasks, parameters):
            for name in [name for name in root if name != DAG]:
                self._start(name, root[name], parameters)
        return dataclasses.replace(self.state)

    def _parameters(self) -> dict[str, Any]:
        """The job's parameters, checked as a runner does."""
        definitions = self.spec["root"]["inputDefinitions"]["parameters"]
        unknown = set(self.ask.parameters) - set(definitions)
        assert not unknown, f"no such parameters: {sorted(unknown)}"
        kinds = {"NUMBER_INTEGER": int, "BOOLEAN": bool, "STRING": str}
        values = {name: self.ask.parameters.get(name, one["defaultValue"]) for name, one in definitions.items()}
        for name, value in values.items():
            assert type(value) is kinds[definitions[name]["parameterType"]], (name, value)
        return values

    def _walk(self, tasks: Mapping[str, Any], parameters: Mapping[str, Any]) -> bool:
        """Whether all of it was walked through."""
        handed_on = self.spec["root"]["dag"]["tasks"][DAG]["inputs"]["parameters"]
        inner = {name: parameters[given["componentInputParameter"]] for name, given in handed_on.items()}
        waiting = [name for name in tasks if name not in self.state.states]
        while waiting:
            name = next(n for n in waiting if not set(tasks[n].get("dependentTasks", [])) & set(waiting))
            if name == self.ask.stop_before:
                return False
            waiting.remove(name)
            self._start(name, tasks[name], inner)
        return True

    def _start(self, name: str, task: Mapping[str, Any], parameters: Mapping[str, Any]) -> None:
        before = [self.state.states.get(other) for other in task.get("dependentTasks", []) if other != DAG]
        if any(state not in (SUCCEEDED, CACHED) for state in before):
            self.state.states[name] = NOT_TRIGGERED
            return
        inputs = self._inputs(task, parameters, name)
        condition = task.get("triggerPolicy", {}).get("condition")
        if condition and not _holds(condition, inputs["artifacts"]):
            self.state.states[name] = SKIPPED
            return
        component = self.spec["components"][task["componentRef"]["name"]]
        container = self.spec["deploymentSpec"]["executors"][component["executorLabel"]]["container"]
        caches = self.ask.enable_caching or task.get("cachingOptions", {}).get("enableCache", False)
        key = _cache_key(container, inputs)
        if caches and key in self.cache:
            self.state.states[name], self.state.outputs[name] = CACHED, self.cache[key]
            return
        request = self._request(name, component, inputs)
        for attempt in range(1 + int(task.get("retryPolicy", {}).get("maxRetryCount", 0))):
            self.state.attempts[name] = attempt + 1
            code = self._execute(name, container, request, attempt)
            if code == 0:
                break
        self.state.states[name] = SUCCEEDED if code == 0 else FAILED
        if code == 0:
            self.state.outputs[name] = self.cache[key] = _answered(request)

    def _inputs(self, task: Mapping[str, Any], parameters: Mapping[str, Any], name: str) -> dict[str, Any]:
        values, artifacts = {}, {}
        for key, given in task.get("inputs", {}).get("parameters", {}).items():
            values[key] = self._value(given, parameters, name)
        for key, given in task.get("inputs", {}).get("artifacts", {}).items():
            source = given["taskOutputArtifact"]
            artifacts[key] = self.state.outputs[source["producerTask"]][source["outputArtifactKey"]]
        return {"values": values, "artifacts": artifacts}

    def _value(self, given: Mapping[str, Any], parameters: Mapping[str, Any], name: str) -> Any:
        if "componentInputParameter" in given:
            return parameters[given["componentInputParameter"]]
        if "taskFinalStatus" in given:
            failed = FAILED in self.state.states.values()
            status = {"state": "FAILED" if failed else "SUCCEEDED", "pipelineJobResourceName": self._resource}
            return {**status, "error": {"message": "a task failed"}} if failed else status
        constant = given["runtimeValue"]["constant"]
        # As Kubeflow does it: the whole value, or it stays.
        told = {
            "{{$.pipeline_job_resource_name}}": self._resource,
            "{{$.pipeline_job_uuid}}": str(_number(self.ask.name)),
            "{{$.pipeline_task_uuid}}": str(_number(f"{self.ask.name}/{name}")),
        }
        return told.get(constant, constant) if isinstance(constant, str) else constant

    @property
    def _resource(self) -> str:
        return f"projects/{_PROJECT}/locations/europe-west4/pipelineJobs/{self.ask.name}"

    def _request(self, name: str, component: Mapping[str, Any], inputs: Mapping[str, Any]) -> dict[str, Any]:
        root = self.document["runtimeConfig"]["gcsOutputDirectory"]
        base = f"{root}/{_PROJECT}/{self.ask.name}/{name}_{_number(f'{self.ask.name}/{name}')}"
        definitions = component.get("outputDefinitions", {}).get("artifacts", {})
        outputs = {
            key: {
                "artifacts": [
                    {"name": f"{self._resource}/{name}/{key}", "type": one["artifactType"], "uri": f"{base}/{key}"}
                ]
            }
            for key, one in definitions.items()
        }
        return {
            "inputs": {
                "parameterValues": inputs["values"],
                "artifacts": {key: {"artifacts": each} for key, each in inputs["artifacts"].items()},
            },
            "outputs": {"artifacts": outputs, "outputFile": f"{base}/executor_output.json"},
        }

    def _execute(self, name: str, container: Mapping[str, Any], request: Mapping[str, Any], attempt: int) -> int:
        assert container["command"] == ENTRY
        arguments = [json.dumps(request) if text == "{{$}}" else text for text in container["args"]]
        log = self.directory / f"{name}-{attempt + 1}.log"
        self.state.logs[name] = str(log)
        child = os.fork()
        if child == 0:
            given = {one["name"]: one["value"] for one in container.get("env", [])}
            _contained(log, given, sys.modules[ENTRY[2]].main, arguments)
        kill = self.ask.kill
        if kill and kill[0] == name and attempt == 0:
            return _killed(child, kill[1])
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _called(call: Call) -> int:
    child = os.fork()
    if child == 0:
        function = getattr(importlib.import_module(call.module), call.function)
        _contained(Path(call.log), call.environment, function, call.arguments)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _contained(
    log: Path, environment: Mapping[str, str], function: Callable[[Sequence[str]], int], arguments: Sequence[str]
) -> None:
    """In the forked process, which ends here."""
    code = 1
    try:
        descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(descriptor, 1)
        os.dup2(descriptor, 2)
        os.environ.update(environment)
        code = function(arguments)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _killed(child: int, pattern: str) -> int:
    """Kills a process as soon as a file is there."""
    from ratchet.components.object_store.files import files_of

    base, _, rest = pattern.partition("*")
    files = files_of(base)
    while True:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            raise AssertionError(f"it ended by itself ({status}) before there was a {pattern}")
        if any(name.endswith(rest) for _, _, names in files.walk(base) for name in names):
            os.kill(child, signal.SIGKILL)
            return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        time.sleep(0.02)


def _holds(condition: str, artifacts: Mapping[str, Any]) -> bool:
    """The one form of CEL that TFX's conditions have: comparisons of artifacts' metadata with numbers."""
    values = _ARTIFACT.sub(lambda found: repr(artifacts[found[1]][0]["metadata"][found[2]]), condition)
    terms = [term.strip(" ()") for term in values.split("&&")]
    parts = [re.fullmatch(r"([0-9.]+) == ([0-9.]+)", term) for term in terms]
    assert all(parts), condition
    return all(float(part[1]) == float(part[2]) for part in parts if part)


def _cache_key(container: Mapping[str, Any], inputs: Mapping[str, Any]) -> str:
    """As Kubeflow's: image, command line, parameters, names of input artifacts."""
    names = {key: [one["name"] for one in each] for key, each in inputs["artifacts"].items()}
    parts = [container["image"], container["command"], container["args"], inputs["values"], names]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _answered(request: Mapping[str, Any]) -> dict[str, list[dict[str, Any]]]:
    from ratchet.components.object_store.files import read_text

    answer = json.loads(read_text(request["outputs"]["outputFile"])).get("artifacts", {})
    found = {}
    for key, each in request["outputs"]["artifacts"].items():
        [artifact] = each["artifacts"]
        said = answer.get(key, {}).get("artifacts", [{}])[0]
        found[key] = [{**artifact, "uri": said.get("uri", artifact["uri"]), "metadata": said.get("metadata", {})}]
    return found


def _number(text: str) -> int:
    return int(hashlib.sha256(text.encode()).hexdigest()[:12], 16)
