"""Registry and served models where TFX's file functions reach them: gs:// and the like.

Without preconditions of the object store two writers at the same moment are not told apart: the token is compared,
and then the file is written. Everything else holds.
"""

from __future__ import annotations

import contextlib
import os
import uuid
from contextlib import AbstractContextManager

from tfx.dsl.io import fileio
from tfx.utils import io_utils

from ratchet.components.registry.storage import STAGED, Content, Token, check_copied, check_token, content_of
from ratchet.schemas.base.errors import StateError
from ratchet.schemas.base.model_digest import is_intact, model_digest

_MODEL_FILE = "saved_model.pb"  # without it TensorFlow Serving does not see a version, so it is copied last


class RemoteStorage:
    """See `Storage`.

    Args:
        registry_directory: a URI.
        serving_directory: a URI.
    """

    def __init__(self, registry_directory: str, serving_directory: str) -> None:
        self.root = os.path.dirname(registry_directory)
        self.registry_directory = registry_directory
        self.serving_directory = serving_directory

    def exclusive(self, wait_s: float = 0.0) -> AbstractContextManager[None]:
        """See `Storage`."""
        return contextlib.nullcontext()

    def read(self, name: str) -> Content | None:
        """See `Storage`."""
        path = f"{self.registry_directory}/{name}"
        if not fileio.exists(path):
            return None
        with fileio.open(path, "rb") as file:
            return content_of(file.read())

    def write(self, name: str, text: str, token: str | Token = Token.ANY) -> None:
        """See `Storage`."""
        check_token(self, name, token)
        path = f"{self.registry_directory}/{name}"
        fileio.makedirs(os.path.dirname(path))
        with fileio.open(path, "w") as file:  # an object appears whole when it is closed
            file.write(text)

    def names(self, directory: str = "") -> list[str]:
        """See `Storage`."""
        return _names(f"{self.registry_directory}/{directory}".rstrip("/"))

    def served(self) -> list[str]:
        """See `Storage`."""
        return _names(self.serving_directory)

    def holds(self, name: str, digest: str) -> bool:
        """See `Storage`."""
        return is_intact(f"{self.serving_directory}/{name}", digest, fileio)

    def stage(self, source: str, digest: str) -> str:
        """See `Storage`."""
        name = f"{STAGED}{uuid.uuid4().hex}"
        staged = f"{self.serving_directory}/{name}"
        io_utils.copy_dir(source, staged)
        try:
            check_copied(source, model_digest(staged, fileio), digest)
        except StateError:
            fileio.rmtree(staged)
            raise
        return name

    def publish(self, staged: str, version: str) -> None:
        """See `Storage`; an object store has no directories that could be renamed."""
        source, target = f"{self.serving_directory}/{staged}", f"{self.serving_directory}/{version}"
        io_utils.copy_dir(source, target, deny_regex_patterns=[_MODEL_FILE.replace(".", r"\.")])
        fileio.copy(f"{source}/{_MODEL_FILE}", f"{target}/{_MODEL_FILE}", overwrite=True)
        fileio.rmtree(source)

    def set_aside(self, name: str) -> None:
        """See `Storage`."""
        self.publish(name, f"set-aside-{name}-{uuid.uuid4().hex[:8]}")

    def orphans(self) -> list[str]:
        """See `Storage`; whether the process that staged it is alive cannot be asked."""
        return []

    def remove(self, staged: str) -> None:
        """See `Storage`."""
        fileio.rmtree(f"{self.serving_directory}/{staged}")


def _names(directory: str) -> list[str]:
    if not fileio.exists(directory):
        return []
    return sorted(str(name).strip("/") for name in fileio.listdir(directory))
