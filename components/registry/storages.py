"""The storage of a root, wherever it lies."""

from __future__ import annotations

from ratchet.components.object_store.uri import check_supported, is_uri
from ratchet.components.registry.object_storage import ObjectStorage
from ratchet.components.registry.storage import DiskStorage, Storage


def storage_of(registry_directory: str, serving_directory: str) -> Storage:
    """What reads and writes registry and served models.

    Args:
        registry_directory: a directory of this machine or a URI.
        serving_directory: likewise, and of the same kind.

    Raises:
        InputError: one of them is a URI that cannot be used here.
        StateError: they are of different kinds.
    """
    if not is_uri(registry_directory):
        return DiskStorage(registry_directory, serving_directory)
    check_supported(registry_directory, "the registry")
    check_supported(serving_directory, "the directory of the served models")
    return ObjectStorage(registry_directory, serving_directory)
