"""The labels `stable` and `canary` of TensorFlow Serving follow what is served, where its model config uses them.

They say which version clients get that ask for a label, and are written once a publication is complete. So whatever is
wrong with the file is told, and keeps nothing out of service: docs/shadow.md.
"""

from __future__ import annotations

import enum
import os
from collections.abc import Mapping
from pathlib import Path

from ratchet.components.registry.model_config import CANARY, STABLE, VersionLabels, read_labels, with_labels
from ratchet.components.registry.registry import Registry
from ratchet.schemas.artifacts.decisions import Reason
from ratchet.schemas.artifacts.publication import SERVING_LABELS
from ratchet.schemas.base.errors import InputError, RatchetError
from ratchet.schemas.base.files import reason_of, refuse_irregular, write_durably
from ratchet.schemas.base.visible import visible_line

_MOST_BYTES = 1 << 20  # of a model config; there is one entry a model in it


class Act(enum.Enum):
    """What changed what is served."""

    PUSH = "push"  # by the pipeline: to the canary first, where there is one
    PERSON = "person"  # an approval or rollback: who decides by hand wants no part of the traffic elsewhere
    PROMOTION = "promotion"


def wanted_labels(found: VersionLabels, served: int, act: Act) -> dict[str, int]:
    """What the labels of the file are to name, as far as an act moves them.

    >>> wanted_labels(VersionLabels({"stable": 7, "canary": 8}), 9, Act.PUSH)
    {'canary': 9}
    >>> wanted_labels(VersionLabels({"stable": 7}), 9, Act.PUSH)
    {'stable': 9}
    """
    first = CANARY if CANARY in found.labels else STABLE
    moved = {Act.PUSH: (first,), Act.PERSON: (STABLE, CANARY), Act.PROMOTION: (STABLE,)}[act]
    return {label: served for label in moved if label in found.labels}


def read_config(file: str) -> str:
    """The text of a model config.

    Raises:
        InputError: it cannot be read, or is no text.
    """
    try:
        refuse_irregular(file)
        if os.path.getsize(file) > _MOST_BYTES:
            raise InputError(
                f"{file}: larger than {_MOST_BYTES:,} bytes, so it is no model config; correct serving.model_config"
            )
        # As bytes, so that line ends stay as they are.
        return Path(file).read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{file}: cannot be read ({reason_of(error)}); correct it or serving.model_config") from error


def label_served(file: str, model: str, registry: Registry, act: Act) -> Reason:
    """Lets the labels follow what is served now.

    Args:
        file: the model config.
        model: its name there.
        registry: of the root.
        act: what was done.

    Returns:
        A rule that passed, with a warning where the labels do not follow.
    """
    expected = f"the version labels of {model} in {visible_line(file)} follow what is served"
    try:
        with registry.exclusive():
            found, actual = _written(file, model, registry, act)
    except (OSError, RatchetError) as error:
        return Reason(SERVING_LABELS, expected, f"nothing was written: {reason_of(error)}", passed=True, warning=True)
    unloaded = _not_loaded(found, registry)
    return Reason(SERVING_LABELS, expected, f"{actual}{unloaded}", passed=True, warning=bool(unloaded))


def labelled_versions(file: str, model: str) -> frozenset[str] | None:
    """The versions that a model config names for a model, whatever their labels; None where that cannot be read."""
    try:
        found = read_labels(read_config(file), file, model)
    except InputError:
        return None
    return frozenset(str(version) for version in (*found.labels.values(), *(found.specific or ())))


def _written(file: str, model: str, registry: Registry, act: Act) -> tuple[VersionLabels, str]:
    """The labels as they are then, and what was done."""
    text = read_config(file)
    found = read_labels(text, file, model)
    # Not the version that was just published: another process may have published since.
    served = registry.pointer().served
    if served is None or not found.labels:
        return found, "the file uses no version_labels for it" if served else "nothing is served"
    wanted = wanted_labels(found, int(served.version), act)
    if not wanted:
        return found, f"its labels are {', '.join(map(visible_line, found.labels))}; only stable and canary are written"
    changed = with_labels(text, file, model, wanted)
    if changed != text:
        _replace(file, changed)
    became = "was written" if changed != text else "was left as it is"
    return read_labels(changed, file, model), f"{_moved(found, wanted)}; the file {became}"


def _moved(found: VersionLabels, wanted: Mapping[str, int]) -> str:
    before = found.labels
    moved = [
        f"{label} is {version} already" if before[label] == version else f"{label} {before[label]} -> {version}"
        for label, version in wanted.items()
    ]
    stays = found.labels.get(STABLE)
    if STABLE in wanted or stays is None or stays in wanted.values():
        return ", ".join(moved)
    return f"{', '.join(moved)}; stable stays at {stays} until `ratchet promote`"


def _replace(file: str, text: str) -> None:
    """Writes the file that a link leads to, and keeps who may read it."""
    target = os.path.realpath(file)
    mode = os.stat(target).st_mode
    write_durably(target, text.encode())
    os.chmod(target, mode & 0o7777)


def _not_loaded(found: VersionLabels, registry: Registry) -> str:
    """What to do about labels that name a version which the server does not load; empty where it loads them."""
    if found.newest is None:
        return ""
    loaded = {int(version) for version in registry.versions_on_disk()[-found.newest :]}
    lost = [
        f"{label} ({found.labels[label]})"
        for label in (STABLE, CANARY)
        if label in found.labels and found.labels[label] not in loaded
    ]
    if not lost:
        return ""
    return (
        f"; the server loads only the newest {found.newest}, so that it knows no {' and no '.join(lost)}: name the "
        "versions in model_version_policy { specific { ... } }"
    )
