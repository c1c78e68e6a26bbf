"""The plan of a training from a configuration of any toolkit that is known; what it is, its content says."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ratchet.components.toolkits.mmdetection import is_mmdetection, read_mmdetection
from ratchet.components.toolkits.python_config import is_python, parse_python_config
from ratchet.components.toolkits.ratchet_plans import is_ratchet, is_record, plan_of_record, read_ratchet
from ratchet.components.toolkits.settings_tree import plain_tree
from ratchet.components.toolkits.text_files import read_text_of
from ratchet.components.toolkits.tf_models import is_tf_models, read_tf_models
from ratchet.components.toolkits.tf_object_detection import read_tf_object_detection
from ratchet.components.toolkits.ultralytics import read_ultralytics
from ratchet.schemas.artifacts.training_record import RECORD_FILE, TRAINING_RECORD_FORMAT, TrainingRecord
from ratchet.schemas.base.checked_json import load_json
from ratchet.schemas.base.errors import InputError, RatchetError
from ratchet.schemas.base.files import reason_of
from ratchet.schemas.base.formatting import listed
from ratchet.schemas.base.visible import visible_line
from ratchet.schemas.data.training_plan import TrainingPlan

KNOWN = (
    "a pipeline.config (TF Object Detection API), params.yaml (tf-models), args.yaml (Ultralytics), dumped config "
    "(MMDetection), a configuration or training record of Ratchet"
)
_MOST_BYTES = 2_000_000  # of text whose parser is slow
_MOST_BYTES_OF_JSON = 50_000_000
_MOST_CHARACTERS = 200_000  # of YAML and Python, whose parsers take seconds for more; dumps have some 30,000
_NAMES = ("pipeline.config", "params.yaml", "args.yaml", "opt.yaml", "training_record.json")
_ENDINGS = (".py", ".config")
# A message begins in a way in which no YAML does; with a colon before the brace, only if it is not YAML.
_MESSAGE = re.compile(
    r"^[ \t]*(?:model|train_config|train_input_reader|eval_config|eval_input_reader)\s{0,99}[{<]", re.M
)
_PYTHON_TAG = re.compile(r"(^|[\s\[,])!!python/(?:tuple|list|dict|str|unicode|int|float|bool|none)(?=\s)")  # of dumps
_MESSAGE_OR_YAML = re.compile(r"^[ \t]*[A-Za-z_]\w*[ \t]*:?[ \t]*[{<]", re.M)


def read_plan(path: Path) -> TrainingPlan:
    """How a model was trained, as a configuration says it.

    Args:
        path: a file, whatever its name; a directory with one of them; or a SavedModel that Ratchet trained.

    Raises:
        InputError: it cannot be read, or is no configuration that is known; with the place and what to give.
    """
    file = configuration_in(Path(path))
    return plan_of_text(_text_of(file), visible_line(str(file)))


def read_record(path: Path) -> TrainingRecord | None:
    """The training record of a model that Ratchet trained; None where it is another configuration.

    Args:
        path: as of `read_plan`.

    Raises:
        InputError: it cannot be read, or is a record that is damaged or of a newer version.
    """
    file = configuration_in(Path(path))
    if file.suffix.lower() != ".json":
        return None
    text, source = _text_of(file), visible_line(str(file))
    values = load_json(text.encode("utf-8", "surrogatepass"), source)
    return _record(text, source) if isinstance(values, Mapping) and is_record(values) else None


def plan_of_text(text: str, source: str) -> TrainingPlan:
    """`read_plan` of a file's text.

    Raises:
        InputError: see there.
    """
    text = text.removeprefix("\ufeff")
    if not text.strip():
        raise InputError(f"{source}: the file is empty; give {KNOWN}")
    if _MESSAGE.search(text):
        return read_tf_object_detection(text, source)
    if source.lower().endswith(".json"):
        return _of_values(load_json(text.encode("utf-8", "surrogatepass"), source), text, source)
    if is_python(text):
        _refuse_long(text, source)
        return _of_python(parse_python_config(text, source), source)
    return _of_yaml(text, source)


def _of_yaml(text: str, source: str) -> TrainingPlan:
    from ratchet.schemas.base.yaml_checks import YAML_ERRORS, load_yaml  # PyYAML takes longer than all the rest

    if text.lstrip().startswith("{"):  # JSON by another name; a flow mapping of YAML is tried after it
        try:
            return _of_values(load_json(text.encode("utf-8", "surrogatepass"), source), text, source)
        except InputError as error:
            if "broken JSON" not in str(error):
                raise
    _refuse_long(text, source)
    try:
        values = load_yaml(_PYTHON_TAG.sub(r"\1", text))
    except YAML_ERRORS as error:
        if _MESSAGE_OR_YAML.search(text):
            return read_tf_object_detection(text, source)
        raise InputError(f"{source}: {_reason(error)}; give {KNOWN}") from error
    return _of_values(values, text, source)


def _refuse_long(text: str, source: str) -> None:
    if len(text) > _MOST_CHARACTERS:
        raise InputError(
            f"{source}: longer than {_MOST_CHARACTERS:,} characters, which no configuration is; give {KNOWN}"
        )


def _of_python(values: Mapping[str, Any], source: str) -> TrainingPlan:
    if not is_mmdetection(values):
        names = listed([visible_line(str(name))[:40] for name in values], 5) or "nothing"
        raise InputError(
            f"{source}: a Python file that assigns {names}, which no toolkit that is known has; give {KNOWN}"
        )
    return read_mmdetection(plain_tree(values, source), source)


def _of_values(values: Any, text: str, source: str) -> TrainingPlan:
    if not isinstance(values, Mapping):
        raise InputError(f"{source}: holds no settings by name; give {KNOWN}")
    values = plain_tree(values, source)
    if is_record(values):
        return _of_record(text, source)
    if is_tf_models(values):
        return read_tf_models(values, source)
    if is_ratchet(values):
        return read_ratchet(values, source)
    if "lr0" in values or ("imgsz" in values and "epochs" in values) or isinstance(values.get("hyp"), Mapping):
        return read_ultralytics(values, source)
    if is_mmdetection(values):
        return read_mmdetection(values, source)
    if "names" in values and ("train" in values or "val" in values):
        raise InputError(f"{source}: describes a data set, not a training; give the args.yaml beside its weights")
    if any(isinstance(value, Mapping) and key in ("model", "train_config") for key, value in values.items()):
        return read_tf_object_detection(text, source)  # `model: {` on one line is YAML as well
    keys = listed([visible_line(str(key))[:40] for key in values], 5)
    raise InputError(f"{source}: the settings {keys} are those of no toolkit that is known; give {KNOWN}")


def _of_record(text: str, source: str) -> TrainingPlan:
    return plan_of_record(_record(text, source), source)


def _record(text: str, source: str) -> TrainingRecord:
    try:
        return TRAINING_RECORD_FORMAT.read(text.encode("utf-8", "surrogatepass"), source)
    except RatchetError as error:
        raise InputError(str(error)) from error


def _reason(error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    place = f"line {mark.line + 1}: " if mark is not None else ""
    problem = getattr(error, "problem", None) or str(error) or type(error).__name__
    return f"{place}not YAML that could be read ({visible_line(str(problem).strip()[:120])})"


def configuration_in(path: Path) -> Path:
    """The file that `read_plan` reads.

    Args:
        path: as there.

    Raises:
        InputError: a directory holds none, or several.
    """
    if not os.path.isdir(path):
        return path
    record = path / RECORD_FILE
    if record.is_file():
        return record
    try:
        names = sorted(os.listdir(path))
    except OSError as error:
        raise InputError(f"{visible_line(str(path))}: cannot be read: {reason_of(error)}") from error
    found = [name for name in names if name in _NAMES or name.endswith(_ENDINGS)]
    if len(found) == 1:
        return path / found[0]
    shown = visible_line(str(path))
    if found:
        several = listed([visible_line(name) for name in found], 5)
        raise InputError(f"{shown}: holds {len(found)} configurations ({several}); give the one that was trained with")
    raise InputError(f"{shown}: holds no configuration by a usual name; give the file itself: {KNOWN}")


def _text_of(file: Path) -> str:
    most = _MOST_BYTES_OF_JSON if file.suffix.lower() == ".json" else _MOST_BYTES
    return read_text_of(file, most, "configuration", KNOWN)
