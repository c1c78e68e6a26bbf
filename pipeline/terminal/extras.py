"""What is installed beside the light half, and what to say where it is not: the extras of setup.py."""

from __future__ import annotations

import importlib.metadata
from enum import Enum

from ratchet.schemas.base.errors import InputError

_MODULES = {  # what each extra brings, by the top of its import name
    "pipeline": (
        *("tfx", "tensorflow", "tf_keras", "official", "apache_beam", "ml_metadata", "sklearn", "pandas"),
        *("tensorflow_data_validation", "tensorflow_metadata", "tensorflow_model_analysis", "tensorflow_serving"),
    ),
    "kubeflow": ("kfp",),
    "bench": ("matplotlib",),
    "stores": ("psycopg", "pymysql"),
    "gcs": ("google", "google.cloud", "google.cloud.storage", "google_crc32c"),
}
_EXTRA_OF = {module: extra for extra, modules in _MODULES.items() for module in modules}


class Extra(Enum):
    """An extra that whole commands need: its name in setup.py, and the distribution that shows that it is there."""

    PIPELINE = ("pipeline", "tfx")
    KUBEFLOW = ("kubeflow", "kfp")
    GCS = ("gcs", "google-cloud-storage")


def require(extra: Extra, what: str) -> None:
    """Ends a command before it does anything, if what it works with is not installed.

    Args:
        extra: what it needs.
        what: the command, for the message.

    Raises:
        InputError: the extra is not installed.
    """
    name, distribution = extra.value
    if not installed(extra):
        raise InputError(f"{what} needs {distribution}, {_how_to_install(name)}")


def installed(extra: Extra) -> bool:
    """Whether an extra is there; nothing of it is imported."""
    try:
        importlib.metadata.distribution(extra.value[1])
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def missing_extra(error: BaseException) -> str | None:
    """What to say of a module that an extra would have brought; None for any other error."""
    if not isinstance(error, ModuleNotFoundError):
        return None
    extra = _EXTRA_OF.get(error.name or "")
    return f"this needs {error.name}, {_how_to_install(extra)}" if extra else None


def _how_to_install(extra: str) -> str:
    if extra in ("gcs", "stores"):
        way = f"pip install 'ratchet-detector[{extra}]'"
        return f"which the extra [{extra}] brings and the light install leaves out: {way}"
    return (
        f"which the extra [{extra}] brings and the light install leaves out; `make .venv/ready` in a checkout installs "
        "it, and docs/install.md has the other ways"
    )
