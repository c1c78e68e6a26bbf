"""Where two descriptions of a model differ."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from components.trainer.model.model_settings import AUTO, ModelSettings, recorded_model
from schemas.base import settings as settings_io


class Difference(NamedTuple):
    """One setting with two values."""

    key: str
    wanted: Any
    there: Any


def model_difference(wanted: Mapping[str, Any], there: Mapping[str, Any], source: str = "model") -> Difference | None:
    """The first setting in which two models differ; None if they agree, as `auto` does with everything.

    Args:
        wanted: settings under `model:`; what is left out has its default.
        there: those of the model that is there.
        source: what to call `there` in messages.

    Raises:
        ConfigError: one of the two cannot be read by this version.
    """
    asked, built = settings_io.load(ModelSettings, wanted, "--config"), recorded_model(there, source)
    return _difference(_plain(asked), _plain(built), "model")


def _plain(model: ModelSettings) -> Any:
    return json.loads(settings_io.to_json(model))


def _difference(wanted: Any, there: Any, key: str) -> Difference | None:
    if AUTO in (wanted, there):
        return None
    if isinstance(wanted, Mapping) and isinstance(there, Mapping):
        below = (_difference(wanted.get(name), there.get(name), f"{key}.{name}") for name in {**wanted, **there})
        return next(filter(None, below), None)
    return None if wanted == there else Difference(key, wanted, there)
