"""The outputs of a step of TFX, as they are before it writes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ratchet.components.object_store.emptying import empty

if TYPE_CHECKING:
    from tfx.types import Artifact


def empty_outputs(output_dict: Mapping[str, Sequence[Artifact]]) -> None:
    """Deletes what an earlier try of the step has left in the directories of its outputs.

    TFX gives a step that is tried again by Kubeflow or Vertex the same directories.
    """
    for artifacts in output_dict.values():
        for artifact in artifacts:
            if artifact.uri:
                empty(artifact.uri)
