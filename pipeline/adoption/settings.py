"""Which pipeline an adopted model is served by: a root that is there, or a new one that gets its name now."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from ratchet.pipeline.config.pipeline_settings import load_settings
from ratchet.pipeline.root.places import uri_of
from ratchet.pipeline.root.rebuild import read_root
from ratchet.pipeline.root.root_settings import Configuration, Remembered, configure_run, has_settings
from ratchet.schemas.artifacts.root_file import PIPELINE_NAME
from ratchet.schemas.base.errors import InputError
from ratchet.schemas.base.visible import visible_line


def adoption_settings(root: Path, name: str | None, config: str | None, overrides: Sequence[str]) -> Configuration:
    """The settings by which a golden set is read and measured, and what the root is to keep of them.

    A root without settings remembers its name alone, so that the first run proposes the others from its data.

    Args:
        root: pipeline root, which need not be there.
        name: of the pipeline; None: that of the root or of the configuration.
        config: a YAML file or one of ours; None: what the root has.
        overrides: `a.b=value` texts, applied on top.

    Raises:
        InputError: the name is none or disagrees with the root's, or a setting cannot be used.
        StateError: the root's file is damaged.
    """
    if name is not None and not re.fullmatch(PIPELINE_NAME, name):
        raise InputError(
            f"--name {visible_line(name)}: not a name of a pipeline: a lower-case letter, then up to 62 lower-case "
            "letters, digits and hyphens"
        )
    if config is not None or has_settings(root):
        return configure_run(root, config, [*overrides, *([f"name={name}"] if name else [])])
    there = read_root(root)
    if there is not None and name not in (None, there.name):
        raise InputError(f"--name {name}: {uri_of(root)} belongs to the pipeline {there.name!r}; leave --name out")
    own = there.name if there else name
    settings = load_settings({"name": own} if own else {}, overrides)
    return Configuration(settings, Remembered({"name": settings.name}, ""))
