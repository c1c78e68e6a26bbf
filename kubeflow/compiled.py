"""A compiled pipeline as it is submitted: which runner it is for, what it can be told, and what it says of itself.

`.json` is a PipelineJob for Vertex AI, `.yaml` a PipelineSpec for Kubeflow Pipelines, maybe with a second document, the
platform's (tolerations, secrets): `python -m ratchet.kubeflow.compile` writes both.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from ratchet.components.example_gen.span_names import span_number
from ratchet.components.object_store.uri import check_supported, is_uri
from ratchet.schemas.base.errors import InputError
from ratchet.schemas.base.files import read_regular, reason_of
from ratchet.schemas.base.visible import visible_line
from ratchet.schemas.base.yaml_checks import YAML_ERRORS, load_yaml

_AGAIN = "compile it again with `python -m ratchet.kubeflow.compile`"
_SCHEMA = "2.1.0"
_SEPARATOR = re.compile(r"^---[ \t]*$", re.MULTILINE)
_YES_NO = {"true": True, "false": False}
_FLAGS = ("bootstrap", "accept_new_golden")  # TFX has no parameters that are true or false: they are 0 and 1
_PLACES = ("data", "golden")
_KINDS = {
    "NUMBER_INTEGER": "a whole number",
    "NUMBER_DOUBLE": "a number",
    "STRING": "a text",
    "BOOLEAN": "true or false",
    "LIST": "a JSON list",
    "STRUCT": "a JSON object",
}


class Target(Enum):
    """The runner that a pipeline was compiled for."""

    KFP = "kfp"
    VERTEX = "vertex"


@dataclass(frozen=True)
class Compiled:
    """A compiled pipeline.

    Attributes:
        source: the file, for messages.
        target: what it was compiled for.
        name: of the pipeline.
        spec: the PipelineSpec, with caching off for every task.
        platform: Kubernetes' part of it; None without one.
        display_name: of the job; the pipeline's name where the file gives none.
        labels: of the job.
        root: the pipeline root that the file names; None: it names none, as those for Kubeflow Pipelines.
    """

    source: str
    target: Target
    name: str
    spec: Mapping[str, Any]
    platform: Mapping[str, Any] | None
    display_name: str
    labels: Mapping[str, str]
    root: str | None

    @property
    def parameters(self) -> dict[str, str]:
        """What a run can be told: kinds of Kubeflow, by name."""
        declared = _at(self.spec, "root", "inputDefinitions", "parameters")
        return {name: str(_at(declared, name).get("parameterType", "STRING")) for name in declared}


def read_compiled(path: Path) -> Compiled:
    """Reads a compiled pipeline.

    Args:
        path: ends in .json (Vertex AI) or .yaml (Kubeflow Pipelines).

    Raises:
        InputError: it cannot be read, or is none.
    """
    shown = visible_line(str(path))
    if path.suffix not in (".json", ".yaml", ".yml"):
        raise InputError(f"--pipeline {shown}: ends neither in .json (Vertex AI) nor in .yaml (Kubeflow); {_AGAIN}")
    try:
        text = read_regular(path)
    except (OSError, ValueError) as error:
        raise InputError(f"--pipeline {shown}: cannot be read: {reason_of(error)}; {_AGAIN}") from error
    return _of_vertex(shown, text) if path.suffix == ".json" else _of_kubeflow(shown, text)


def parameter_values(compiled: Compiled, given: Sequence[str]) -> dict[str, Any]:
    """The parameters of a run, in their types.

    Args:
        compiled: the pipeline.
        given: `name=value` texts.

    Raises:
        InputError: one has no `=`, is given twice, is unknown to the pipeline, or is of another type.
    """
    values: dict[str, Any] = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals:
            raise InputError(f"--parameter {visible_line(text)}: expected name=value, for example --parameter span=7")
        if name in values:
            raise InputError(f"--parameter {visible_line(name)}: is given twice; keep one")
        values[name] = _typed(compiled, name, value)
    return values


def pipeline_root(compiled: Compiled, given: str | None) -> str:
    """Where a run writes: what was given, or what the file names; always said to the service.

    Raises:
        InputError: neither is there, or it is no place on Cloud Storage.
    """
    root = given or compiled.root
    if root is None:
        raise InputError(
            "--pipeline-root is needed: without one open-source Kubeflow writes to minio://, which neither TensorFlow "
            "nor Beam can open here; give --pipeline-root gs://BUCKET/PATH"
        )
    check_supported(root, "the pipeline root")
    return root.rstrip("/")


def without_caching(spec: Mapping[str, Any]) -> dict[str, Any]:
    """A PipelineSpec in which no task takes what an earlier run has left, whatever its compiler and the server say.

    A served baseline or a new span is nothing that a cache's key knows of.
    """
    made = copy.deepcopy(dict(spec))
    for dag in (made.get("root"), *_at(made, "components").values()):
        for task in _at(dag, "dag", "tasks").values():
            if isinstance(task, dict):
                task["cachingOptions"] = {"enableCache": False}
    return made


def _of_vertex(source: str, text: str) -> Compiled:
    try:
        job = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"--pipeline {source}: not JSON, or nested without end; {_AGAIN}") from error
    spec = _at(job, "pipelineSpec")
    name = _checked_name(source, spec, Target.VERTEX)
    labels = {str(key): str(value) for key, value in _at(job, "labels").items()}
    root = _at(job, "runtimeConfig").get("gcsOutputDirectory") or spec.get("defaultPipelineRoot")
    display_name = job.get("displayName")
    return Compiled(
        source,
        Target.VERTEX,
        name,
        without_caching(spec),
        None,
        display_name if isinstance(display_name, str) and display_name else name,
        labels,
        root if isinstance(root, str) else None,
    )


def _of_kubeflow(source: str, text: str) -> Compiled:
    try:
        documents = [load_yaml(part) for part in _SEPARATOR.split(text) if part.strip()]
    except YAML_ERRORS as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(f"--pipeline {source}: not the YAML of a pipeline ({reason}); {_AGAIN}") from error
    first, platform = (*documents, None, None)[:2]
    spec, name = _at(first), _checked_name(source, first, Target.KFP)
    root = spec.get("defaultPipelineRoot")
    return Compiled(
        source,
        Target.KFP,
        name,
        without_caching(spec),
        platform if isinstance(platform, dict) else None,
        name,
        {},
        root if isinstance(root, str) else None,
    )


def _checked_name(source: str, spec: Any, target: Target) -> str:
    """The pipeline's name, in a file that is one."""
    name, schema = _at(spec, "pipelineInfo").get("name"), _at(spec).get("schemaVersion")
    if not isinstance(name, str) or not name or not _at(spec, "root", "dag", "tasks"):
        kind = "PipelineJob for Vertex AI" if target is Target.VERTEX else "PipelineSpec for Kubeflow Pipelines"
        raise InputError(f"--pipeline {source}: no {kind}, for it has no pipelineInfo.name or no tasks; {_AGAIN}")
    if schema != _SCHEMA:
        raise InputError(f"--pipeline {source}: schemaVersion is {schema!r}, expected {_SCHEMA!r}; {_AGAIN}")
    return name


def _at(value: Any, *keys: str) -> dict[str, Any]:
    """The mapping below some keys; an empty one where there is none."""
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}


def _typed(compiled: Compiled, name: str, text: str) -> Any:
    known = compiled.parameters
    if name not in known:
        which = f"it takes {_listed(known)}" if known else f"it takes none: {_AGAIN}"
        raise InputError(f"--parameter {visible_line(name)}: {compiled.source} has no such parameter; {which}")
    kind = known[name]
    _check_place(name, text)
    try:
        value = span_number(text) if _is_day(name, kind, text) else _value(name, kind, text)
        if name == "span" and isinstance(value, int) and value < 0:
            raise ValueError("negative")
        return value
    except (ValueError, RecursionError) as error:
        wanted = "true or false" if name in _FLAGS else _KINDS.get(kind, kind)
        raise InputError(f"--parameter {name}={visible_line(text)[:80]}: expected {wanted}") from error


def _is_day(name: str, kind: str, text: str) -> bool:
    return name == "span" and kind == "NUMBER_INTEGER" and text[:4].isdecimal() and text[4:5] == "-"


def _check_place(name: str, text: str) -> None:
    """Whether containers can reach what a run is told of: the same that the compiler asks of the defaults."""
    if name not in _PLACES:
        return
    if not is_uri(text):
        raise InputError(
            f"--parameter {name}={visible_line(text)[:80]}: each step runs in a container of its own, which sees no "
            f"directory of another machine; give --parameter {name}=gs://BUCKET/PATH"
        )
    check_supported(text, f"--parameter {name}")


def _value(name: str, kind: str, text: str) -> Any:
    """The value of a text; ValueError if it is of another kind."""
    if kind == "STRING":
        if name in _FLAGS and text not in _YES_NO:
            raise ValueError(text)
        return text
    if kind == "BOOLEAN":
        return _flag(text)
    if kind == "NUMBER_INTEGER":
        return int(_flag(text)) if name in _FLAGS else _whole(text)
    value = json.loads(text)
    wanted: dict[str, type | tuple[type, ...]] = {"NUMBER_DOUBLE": (int, float), "LIST": list, "STRUCT": dict}
    if not isinstance(value, wanted.get(kind, object)) or isinstance(value, bool) or value != value:
        raise ValueError(text)
    return value


def _flag(text: str) -> bool:
    if text not in _YES_NO:
        raise ValueError(text)
    return _YES_NO[text]


def _whole(text: str) -> int:
    if not re.fullmatch(r"-?[0-9]{1,18}", text, re.ASCII):
        raise ValueError(text)
    return int(text)


def _listed(known: Mapping[str, str]) -> str:
    return ", ".join(f"{name} ({_KINDS.get(kind, kind)})" for name, kind in sorted(known.items()))
