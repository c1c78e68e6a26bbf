"""Which settings a command takes: those of a configuration, or those that the pipeline root remembers."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ratchet.components.object_store.files import files_of
from ratchet.components.trainer.model.experiments import with_experiment
from ratchet.pipeline.config.pipeline_settings import PipelineSettings, load_settings, preset_names, read_config
from ratchet.pipeline.root import OWN_SETTINGS_FILE
from ratchet.pipeline.root.own_settings import OWN_SETTINGS, is_own_settings, own_settings
from ratchet.pipeline.root.places import home_of, is_remote, named, uri_of
from ratchet.pipeline.root.rebuild import Difference, has_lineage, model_difference, read_root
from ratchet.pipeline.root.root_file import read_file, write_file
from ratchet.pipeline.root.roots import near_roots, registry_of
from ratchet.schemas.artifacts.adoption import Adoption
from ratchet.schemas.artifacts.origin import origin_of
from ratchet.schemas.artifacts.root_file import ARTIFACTS, RootFile
from ratchet.schemas.base.errors import ANOTHER_LINEAGE, ConfigError, StateError
from ratchet.schemas.base.settings import with_overrides

_REFERENCE = re.compile(r"env:[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True)
class Remembered:
    """What a root is to keep of a configuration.

    Attributes:
        settings: as it gave them, without secrets; name and model with `--set` on top, for they are what the root is.
        config: its name or path.
        left_out: the secrets that it gave, such as `notify.urls[0]`.
    """

    settings: Mapping[str, Any]
    config: str
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True)
class Configuration:
    """What a run is told, and what is kept of it.

    Attributes:
        settings: with `--set` on top.
        remembered: for `record_root`.
        told: what a person should know of where they come from, in a line; empty: nothing that was not asked for.
    """

    settings: PipelineSettings
    remembered: Remembered
    told: str = ""


def configure_run(root: Path, config: str | None, overrides: Sequence[str]) -> Configuration:
    """The settings of a run.

    Args:
        root: pipeline root, which need not be there.
        config: a YAML file or the name of one of ours; None: the root's own file (`own_settings.py`), where its runs
            had no other, else what the root remembers.
        overrides: `a.b=value` texts, applied on top.

    Raises:
        ConfigError: a setting is unknown or impossible, name or model disagree with the root's, or there are none.
        StateError: the root's file is damaged.
    """
    there = read_root(root)
    if config is None:
        config = _own(root, there)
    if config is None and there is None:
        raise ConfigError(
            f"--config is missing, and {uri_of(root)} has no settings yet; give --config FILE, or one of ours: "
            f"{preset_names()} (digits is for the demo's images, mobile for photographs on a few cores); "
            f"`ratchet config propose --data DIR` writes one that fits a data set{near_roots()}"
        )
    if config is None and there is not None:
        _check_left_out(there, overrides, root)
    made = _configured(root, there, config, overrides)
    told = (_told(root, there, config), _forgotten(made, root))
    return dataclasses.replace(made, told="; ".join(filter(None, told)))


def remembered_settings(root: Path) -> PipelineSettings | None:
    """The settings that a root remembers of its newest run; None of one without a file.

    Args:
        root: pipeline root.

    Raises:
        ConfigError: they are of another version.
        StateError: the file is damaged.
    """
    there = read_file(root)
    return None if there is None else load_settings({**there.settings, "name": there.name}, ())


def has_settings(root: Path) -> bool:
    """Whether a run of a root needs no configuration: it has its own file, or remembers one."""
    there = read_root(root)
    return own_settings(root) is not None or (there is not None and not has_only_name(there))


def has_only_name(there: RootFile | Remembered) -> bool:
    """Whether a root says nothing of itself but its name, as after an adoption: its first run says the rest."""
    return not there.config and set(there.settings) <= {"name"}


def configure_check(root: Path, config: str | None, overrides: Sequence[str]) -> PipelineSettings:
    """The settings of `ratchet check`: as those of a run, and the defaults where there are none."""
    there = read_root(root)
    if config is None:
        config = _own(root, there)
    if config is None and there is None:
        return load_settings({}, overrides)
    return _configured(root, there, config, overrides).settings


def record_root(root: Path, remembered: Remembered) -> RootFile:
    """Makes a root remember a configuration; the file is written only if that changes it.

    Args:
        root: it has to be there, and locked.
        remembered: of the run that starts.

    Returns:
        What the root says of itself now.

    Raises:
        ConfigError: the root got another name or model since the configuration was read.
        StateError: the root's file is damaged.
        OSError: it cannot be written.
    """
    there = read_root(root)
    if there is not None and has_lineage(root):
        _check_agreement(remembered.settings, there, root, _source(root, remembered.config), ())
    new = RootFile(
        name=str(remembered.settings["name"]),
        settings=remembered.settings,
        config=remembered.config,
        path=home_of(root),
        artifacts=there.artifacts if there else ARTIFACTS,
        left_out=remembered.left_out,
    )
    if read_file(root) != new:
        write_file(root, new)
    return new


def _own(root: Path, there: RootFile | None) -> str | None:
    """The root's own file as a configuration, unless the newest run was given another one."""
    file = own_settings(root)
    if file is None:
        return None
    takes_it = there is not None and (there.config == OWN_SETTINGS or has_only_name(there))
    return str(file) if read_file(root) is None or takes_it else None


def _told(root: Path, there: RootFile | None, config: str | None) -> str:
    name = named(root, root / OWN_SETTINGS_FILE)
    if config is not None:
        return f"settings are those of {name}" if is_own_settings(root, config) else ""
    if there is not None and there.config == OWN_SETTINGS:
        return f"{name} is gone: settings are those that it had in the newest run"
    if there is not None and own_settings(root) is not None:
        origin = f", which was given --config {there.config}" if there.config else ""
        way = f"fetch {name}, and give it as --config FILE" if is_remote(root) else f"give --config {name}"
        return f"settings are those of the newest run{origin}; for those of {name} {way}"
    return ""


def _forgotten(made: Configuration, root: Path) -> str:
    """That the model config is this run's alone, where the commands that publish later would need it."""
    file, serving = made.settings.serving.model_config, made.remembered.settings.get("serving")
    if file is None or (isinstance(serving, Mapping) and serving.get("model_config") == file):
        return ""
    return (
        "serving.model_config of --set is not remembered: approve, rollback, promote and prune will not know of it; "
        f"write it into {named(root, root / OWN_SETTINGS_FILE)}, or the file of --config"
    )


def _configured(root: Path, there: RootFile | None, config: str | None, overrides: Sequence[str]) -> Configuration:
    is_fixed = there is not None and has_lineage(root)
    given = _given(root, there, is_fixed, config)
    source = config or f"settings of {root}"
    given = dataclasses.replace(given, settings=with_experiment(given.settings, source))
    try:
        whole = with_experiment(with_overrides(given.settings, overrides), "--set" if overrides else source)
    except ConfigError as error:
        if not is_fixed or config is not None or "model" not in given.settings:
            raise
        raise ConfigError(f"{error}; what is not of --set is the model of {root}: {ANOTHER_LINEAGE}") from error
    try:
        settings = load_settings(given.settings, overrides, source)
    except ConfigError:
        if config is None:
            _check_known(given.settings, root)
        raise
    whole["name"] = settings.name
    if there is not None and is_fixed:
        _check_agreement(whole, there, root, _source(root, given.config), overrides)
    kept, left_out = without_secrets({**given.settings, "name": whole["name"], "model": whole.get("model", {})})
    return Configuration(settings, Remembered(kept, given.config, given.left_out or left_out))


def _given(root: Path, there: RootFile | None, is_fixed: bool, config: str | None) -> Remembered:
    """The plain values to begin with: the configuration's, or those of the root."""
    if config is not None:
        own = is_own_settings(root, config)
        # What a configuration does not say, it does not contradict.
        identity = {"name": there.name, **_model(there.settings)} if there and is_fixed else {}
        return Remembered({**identity, **read_config(config)}, OWN_SETTINGS if own else config)
    if there is None:
        return Remembered({}, "")
    return Remembered({**there.settings, "name": there.name}, there.config, there.left_out)


def _model(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {"model": settings["model"]} if "model" in settings else {}


def _check_known(values: Mapping[str, Any], root: Path) -> None:
    """Whether it is what the root remembers that cannot be read, and not what was given on top."""
    try:
        load_settings(values, (), f"settings of {root}")
    except ConfigError as error:
        raise ConfigError(
            f"{error}; they were remembered by another version of Ratchet: give --config FILE with settings that this "
            "one knows, which take their place"
        ) from error


def _check_agreement(
    whole: Mapping[str, Any], there: RootFile, root: Path, source: str, overrides: Sequence[str]
) -> None:
    if whole["name"] != there.name:
        said = _said("name", source, overrides)
        raise ConfigError(
            f"{said}: name = {whole['name']!r}, but {root} belongs to the pipeline {there.name!r}; change the name to "
            f"{there.name!r}{_or_leave_out(said)} to go on with it, or correct --root if it is not the root "
            "that was meant"
        )
    # Not where it was derived, and the model does not tell; of a trainer of the user's own `model:` says nothing.
    known = "model" in there.settings and not any(map(_is_own_trained, (whole, there.settings)))
    difference = known and model_difference(whole.get("model", {}), there.settings["model"], f"settings of {root}")
    if difference and not _fits_served(whole.get("model", {}), root, there.name):
        raise ConfigError(_contradiction(difference, root, _said(difference.key, source, overrides)))


def _fits_served(model: Mapping[str, Any], root: Path, name: str) -> bool:
    """Whether a model can be trained although the newest run had another: nothing of that one may be served.

    So it is after an adoption, until a model that was trained here is.
    """
    try:
        served = registry_of(root, name).pointer().served
        if served is None:
            return False
        origin = origin_of(served.path, files_of(served.path))
        if isinstance(origin, Adoption):
            return True
        return not origin.trainer and model_difference(model, origin.model, served.path) is None
    except (ConfigError, StateError, OSError):
        return False


def _is_own_trained(settings: Mapping[str, Any]) -> bool:
    training = settings.get("training")
    return isinstance(training, Mapping) and training.get("run_fn") is not None


def _contradiction(difference: Difference, root: Path, said: str) -> str:
    key, wanted, has = difference.key, json.dumps(difference.wanted), json.dumps(difference.there)
    return (
        f"{said}: {key} = {wanted}, but the model of {root} has {has}, and retraining starts from its weights; "
        f"change it to {has}{_or_leave_out(said)} to go on with that model; {ANOTHER_LINEAGE}"
    )


def _source(root: Path, config: str) -> str:
    """What gave the settings that are not `--set`'s, for messages."""
    return named(root, root / OWN_SETTINGS_FILE) if config == OWN_SETTINGS else f"--config {config}"


def _said(key: str, source: str, overrides: Sequence[str]) -> str:
    """What gave a setting."""
    given = [override.partition("=")[0].strip() for override in overrides]
    return "--set" if any(f"{key}.".startswith(f"{name}.") for name in given) else source


def _or_leave_out(said: str) -> str:
    return f", or leave {said} out" if said.startswith("--") else ""


def _check_left_out(there: RootFile, overrides: Sequence[str], root: Path) -> None:
    """A run that tells fewer people than was asked for must not do so silently."""
    if there.left_out and not any(override.strip().startswith("notify") for override in overrides):
        raise ConfigError(
            f"{there.left_out[0]}: {root} does not keep URLs, which are secrets; give --config {there.config}, or "
            "export it and write env:NAME in the configuration"
        )


def without_secrets(settings: Mapping[str, Any]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Settings without URLs that are more than the name of an environment variable, and which those were."""
    settings = json.loads(json.dumps(settings))  # as it will be read again
    urls = settings.get("notify", {}).get("urls", [])
    kept = [url for url in urls if _REFERENCE.fullmatch(url)]
    if len(kept) == len(urls):
        return dict(settings), ()
    left_out = tuple(f"notify.urls[{i}]" for i, url in enumerate(urls) if not _REFERENCE.fullmatch(url))
    return {**settings, "notify": {**settings["notify"], "urls": kept}}, left_out
