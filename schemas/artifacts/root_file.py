"""`ratchet.json`: what a pipeline root says of itself, so that commands need not be told.

Name and model are what a root *is*, from its first served model on; the other settings are those of its newest run.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import Annotated, Any

from pydantic import AfterValidator

from ratchet.schemas.base.persisted import PersistedFormat, Values, renamed

ROOT_FILE = "ratchet.json"
ARTIFACTS = "artifacts"
PIPELINE_NAME = "[a-z][a-z0-9-]{0,62}"
# Settings that have another name since a format; a root that remembers the old one goes on.
_RENAMED_IN_2 = {
    "evaluator": {"duplicate_bits": "max_hamming_distance"},
    "data_gate": {"duplicate_bits": "max_hamming_distance", "noticeable": "minimum_effect"},
    "data_gate.labels": {"misread": "box_format"},
}

_HAMMING = "max_hamming_distance"


def _checked_name(name: str) -> str:
    if not re.fullmatch(PIPELINE_NAME, name):
        raise ValueError("is no name of a pipeline")
    return name


def _inside(artifacts: str) -> str:
    if not artifacts or PurePath(artifacts).is_absolute() or ".." in PurePath(artifacts).parts:
        raise ValueError("is no directory inside of the root")
    return artifacts


@dataclass(frozen=True)
class RootFile:
    """What stands in it.

    Attributes:
        name: of the pipeline.
        settings: as the configuration gave them, nested, without defaults;
            `ratchet.pipeline.root.root_settings` says which.
        config: the configuration they came from, for messages.
        path: the absolute place of the root when this was written; empty if it is not known.
        artifacts: where TFX writes, relative to the root.
        left_out: settings that were given and are secrets, such as `notify.urls[0]`.
    """

    name: Annotated[str, AfterValidator(_checked_name)]
    settings: Mapping[str, Any]
    config: str = ""
    path: str = ""
    artifacts: Annotated[str, AfterValidator(_inside)] = ARTIFACTS
    left_out: tuple[str, ...] = ()


def _with_new_names(values: Values) -> Values:
    settings = values["settings"]
    for group, names in _RENAMED_IN_2.items():
        settings = _renamed_in(settings, group.split("."), names)
    return {**values, "settings": settings}


def _with_one_definition_of_copies(values: Values) -> Values:
    """Gate and evaluator had a limit each, which had to be kept in step; where they were not, the wider one stays."""
    settings = values["settings"]
    limits = []
    for group in ("data_gate", "evaluator"):
        inside = settings.get(group)
        if isinstance(inside, dict) and _HAMMING in inside:
            limits.append(inside[_HAMMING])
            settings = {**settings, group: {key: value for key, value in inside.items() if key != _HAMMING}}
    if not limits:
        return values
    data = settings.get("data") or {}
    return {**values, "settings": {**settings, "data": {**data, "copies": {_HAMMING: max(limits)}}}}


def _renamed_in(settings: Any, group: list[str], names: Mapping[str, str]) -> Any:
    if not isinstance(settings, dict):
        return settings
    if not group:
        return renamed(**names)(settings)
    inside = {group[0]: _renamed_in(settings[group[0]], group[1:], names)} if group[0] in settings else {}
    return {**settings, **inside}


def _with_beam_group(values: Values) -> Values:
    """Beam's options were a list of their own."""
    settings = {key: value for key, value in values["settings"].items() if key != "beam_args"}
    if values["settings"].get("beam_args"):
        settings["beam"] = {"args": values["settings"]["beam_args"]}
    return {**values, "settings": settings}


ROOT_FILE_FORMAT = PersistedFormat(
    RootFile,
    "the file of a pipeline root",
    4,
    "`ratchet doctor --repair` makes it anew from the registry",
    {1: _with_new_names, 2: _with_one_definition_of_copies, 3: _with_beam_group},
)
