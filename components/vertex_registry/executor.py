"""Reads what was pushed, registers it in Vertex AI, and writes what the Pusher wrote with what came of that."""

from __future__ import annotations

from typing import Any

from tfx import types
from tfx.dsl.components.base import base_executor
from tfx.dsl.io import fileio
from tfx.types import artifact_utils

from ratchet.components.object_store.files import read_text, write_text
from ratchet.components.object_store.uri import is_gs
from ratchet.components.services.rest import sender
from ratchet.components.services.tokens import google_default
from ratchet.components.vertex_registry.register import Vertex
from ratchet.components.vertex_registry.settings import VertexRegistrySettings
from ratchet.components.vertex_registry.step import with_registration
from ratchet.schemas.artifacts.publication import PUBLICATION_FILE, PUBLICATION_FORMAT
from ratchet.schemas.base.progress import LOGGER
from ratchet.schemas.base.settings import from_json

Artifacts = dict[str, list[types.Artifact]]


class Executor(base_executor.BaseExecutor):
    """Succeeds whatever Vertex AI says: the model is served by then."""

    def Do(self, input_dict: Artifacts, output_dict: Artifacts, exec_properties: dict[str, Any]) -> None:
        """See the base class."""
        pushed = f"{artifact_utils.get_single_uri(input_dict['pushed_model'])}/{PUBLICATION_FILE}"
        publication = PUBLICATION_FORMAT.read(read_text(pushed), pushed)
        settings = from_json(VertexRegistrySettings, exec_properties["settings"])
        vertex = Vertex(settings, exec_properties["pipeline"], sender(google_default()))
        result = with_registration(
            publication, vertex, exec_properties["registry_directory"], exec_properties["serving_directory"]
        )
        for reason in result.told[len(publication.told) :]:
            if reason.warning:
                LOGGER.warning("%s", reason.sentence)
        output = artifact_utils.get_single_instance(output_dict["registration"])
        if not is_gs(output.uri):
            fileio.makedirs(output.uri)
        write_text(f"{output.uri}/{PUBLICATION_FILE}", PUBLICATION_FORMAT.write(result))
