"""What a root is, derived from what it serves: for roots without `ratchet.json`, and for one that was damaged."""

from __future__ import annotations

import contextlib
import dataclasses
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from ratchet.components.object_store.files import files_of
from ratchet.components.registry.entry_files import parse_value
from ratchet.components.registry.entry_index import EntryIndex, Value
from ratchet.components.registry.registry import VERSIONS
from ratchet.components.registry.storages import storage_of
from ratchet.components.stack import mlmd_tables
from ratchet.pipeline.root.places import Place, part_of, uri_of
from ratchet.pipeline.root.root_file import read_file
from ratchet.schemas.artifacts.registry_entries import POINTER_FILE, ServedModel
from ratchet.schemas.artifacts.root_file import RootFile
from ratchet.schemas.artifacts.training_record import POST_PROCESSING, NumericsRecord, TrainingRecord
from ratchet.schemas.base.errors import ConfigError, RatchetError, StateError
from ratchet.schemas.base.files import read_regular

_ARTIFACTS = "/artifacts/"


class Difference(NamedTuple):
    """One setting with two values."""

    key: str
    wanted: Any
    there: Any


def read_root(root: Path) -> RootFile | None:
    """What a root says of itself, or what its models say where it says nothing; None for a fresh one.

    Args:
        root: pipeline root, which need not be there.

    Raises:
        StateError: `ratchet.json` is torn or of a newer version.
    """
    return read_file(root) or _derived(root)


def rebuild(root: Path) -> RootFile:
    """Derives `ratchet.json` from registry and serving directory, and writes nothing.

    Settings that no model tells, such as the limits of the gates, are those of the configuration that comes along
    under the root's name, if its model is the one that is served; else the defaults.

    Args:
        root: pipeline root.

    Raises:
        StateError: nothing in it tells a name.
    """
    derived = _derived(root)
    if derived is None:
        raise StateError(
            f"{root}: neither registry/versions nor serving/ tells the pipeline's name; restore one of them from a "
            "backup"
        )
    return derived


def has_lineage(root: Path) -> bool:
    """Whether a model was ever served from a root, by the registry or by what lies in its serving directories."""
    return (
        (part_of(root, "registry") / POINTER_FILE).exists() or bool(_versions(root)) or bool(_served_directories(root))
    )


def derived_name(root: Path) -> str | None:
    """The name of a root's pipeline by what it serves, or by ML Metadata; None where nothing tells."""
    newest = _newest(root)
    return Path(newest.path).parent.name if newest else next(_names(root), None)


def model_difference(wanted: Mapping[str, Any], there: Mapping[str, Any], source: str = "model") -> Difference | None:
    """The first setting in which the weights of two models differ; None if they agree, as `auto` does with everything.

    Args:
        wanted: settings under `model:`; what is left out has its default.
        there: those of the model that is there.
        source: what to call `there` in messages.

    Raises:
        ConfigError: one of the two cannot be read by this version.
    """
    from ratchet.components.trainer.model.model_settings import ModelSettings, recorded_model
    from ratchet.schemas.base import settings

    def plain(model: ModelSettings) -> Any:
        values = json.loads(settings.to_json(model))
        return {name: value for name, value in values.items() if name not in POST_PROCESSING}

    asked, built = settings.load(ModelSettings, wanted, "--config"), recorded_model(there, source)
    return _difference(plain(asked), plain(built), "model")


def _difference(wanted: Any, there: Any, key: str) -> Difference | None:
    from ratchet.components.trainer.model.model_settings import AUTO

    if AUTO in (wanted, there):
        return None
    if isinstance(wanted, Mapping) and isinstance(there, Mapping):
        below = (_difference(wanted.get(name), there.get(name), f"{key}.{name}") for name in {**wanted, **there})
        return next(filter(None, below), None)
    return None if wanted == there else Difference(key, wanted, there)


def _derived(root: Path) -> RootFile | None:
    name, newest = derived_name(root), _newest(root)
    if name is None:
        return None
    settings, config = settings_of(name, _record(root, name, newest))
    return RootFile(name=name, settings=settings, config=config, path=_written_at(root, newest))


def _newest(root: Path) -> ServedModel | None:
    """The served version of the highest number; torn entries are passed over, for this is how one is mended."""
    for name, value in sorted(_versions(root).items(), key=lambda entry: _number(entry[0]), reverse=True):
        with contextlib.suppress(RatchetError):
            return parse_value(value, name, ServedModel, uri_of(root))
    return None


def _written_at(root: Path, newest: ServedModel | None) -> str:
    """Where the root was when its artifacts were written; empty where nothing tells.

    ML Metadata has absolute places, ROOT/artifacts/..., as entries of the first format had: ROOT/serving/NAME/VERSION.
    """
    uri = mlmd_tables.uri_with(root / "metadata.sqlite", _ARTIFACTS)
    if uri:
        return uri.partition(_ARTIFACTS)[0]
    parents = Path(newest.path).parents if newest else ()
    return str(parents[2]) if len(parents) > 2 and parents[2].is_absolute() else ""


def _versions(root: Path) -> dict[str, Value]:
    """The entries of versions, by name, whatever they hold; none where they cannot be read."""
    place = uri_of(root)
    with contextlib.suppress(RatchetError, OSError):
        found = EntryIndex(storage_of(f"{place}/registry", f"{place}/serving"), VERSIONS).all()
        return {name: value for name, value in found.items() if name.removesuffix(".json").isdecimal()}
    return {}


def _number(name: str) -> int:
    return int(name.removesuffix(".json"))


def _names(root: Path) -> Iterator[str]:
    """Of the directories of `serving/`, those that hold a version first."""
    yield from (directory.parent.name for directory in _served_directories(root))
    yield from sorted(path.name for path in part_of(root, "serving").glob("*") if path.is_dir())
    yield from mlmd_tables.pipeline_names(root / "metadata.sqlite")  # where nothing was ever served


def _served_directories(root: Path) -> list[Place]:
    found = [path for path in part_of(root, "serving").glob("*/*") if path.name.isdecimal() and path.is_dir()]
    return sorted(found, key=str)


def _record(root: Path, name: str, newest: ServedModel | None) -> TrainingRecord | None:
    """What the newest model says of its training, also where the registry has lost it."""
    from ratchet.schemas.artifacts.origin import record_of

    on_disk = [path.name for path in _served_directories(root) if path.parent.name == name]
    version = newest.version if newest else max(on_disk, key=int, default=None)
    with contextlib.suppress(RatchetError, OSError):
        place = f"{uri_of(root)}/serving/{name}/{version}"
        return (version and record_of(place, files_of(place))) or None
    return None


def settings_of(name: str, record: TrainingRecord | None) -> tuple[Mapping[str, Any], str]:
    """The settings of a pipeline, as far as its model tells them, and where they come from.

    Args:
        name: of the pipeline.
        record: of the model's training; None where there is none.
    """
    from ratchet.pipeline.config.pipeline_settings import CONFIG_DIRECTORY
    from ratchet.schemas.base.settings import parse_yaml

    if record is not None and record.trainer:
        return {"name": name, "training": {"run_fn": record.trainer, **_options(record)}}, "the served model"
    for file in sorted(CONFIG_DIRECTORY.glob("*.yaml")):
        values = parse_yaml(read_regular(file), str(file))
        if values.get("name") == name and (record is None or _agree(values.get("model", {}), record.model)):
            return {**values, **_with_post_processing(values.get("model", {}), record)}, file.stem
    return ({"name": name, **_trained(record)}, "the served model") if record else ({"name": name}, "")


def _with_post_processing(model: Mapping[str, Any], record: TrainingRecord | None) -> dict[str, Any]:
    """The model's group with what a record says otherwise, which is no other model; empty where nothing differs."""
    from ratchet.components.trainer.model.model_settings import ModelSettings

    defaults = ModelSettings()
    recorded = {name: record.model[name] for name in POST_PROCESSING if record and name in record.model}
    other = {name: value for name, value in recorded.items() if value != model.get(name, getattr(defaults, name))}
    return {"model": {**model, **other}} if other else {}


def _agree(wanted: Mapping[str, Any], there: Mapping[str, Any]) -> bool:
    with contextlib.suppress(ConfigError):  # of a version with other settings
        return model_difference(wanted, there) is None
    return False


def _numerics(numerics: NumericsRecord) -> dict[str, Any]:
    values = dataclasses.asdict(numerics)
    return {name: value for name, value in values.items() if value is not None}


def _options(record: TrainingRecord) -> dict[str, Any]:
    """`training.options` as a trainer of one's own was told them."""
    told, start = record.plan.settings if record.plan else {}, "training.options."
    options: dict[str, Any] = {}
    for key, value in told.items():
        if key.startswith(start):
            with contextlib.suppress(ValueError, RecursionError):  # a record of somebody else's making
                options[key.removeprefix(start)] = json.loads(value)
    return {"options": options} if options else {}


def _trained(record: TrainingRecord) -> dict[str, Any]:
    training: dict[str, Any] = {
        "batch_size": record.batch_size,
        "clip_norm": record.clip_norm,
        "average": record.average,
        **_numerics(record.numerics),
        "bootstrap": {"peak_learning_rate": record.learning_rate.bootstrap_peak},
    }
    if record.mode == "retrain":
        continual = record.continual
        training["retrain"] = {
            "learning_rate_fraction": record.learning_rate.peak / record.learning_rate.bootstrap_peak,
            "l2_sp": continual.l2_sp,
            "batch_norm": continual.batch_norm,
            "freeze_backbone": continual.freeze_backbone,
            # Without earlier spans nothing was replayed, whatever was wanted.
            **({"replay": continual.replay} if len(record.data) > 1 else {}),
        }
    model = json.loads(json.dumps(record.model))
    return {"model": model, "training": training, "augmentation": record.augmentation}
