"""Questions to ML Metadata that only tests ask."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any


def _store(database: Path) -> Any:
    from ml_metadata.metadata_store.metadata_store import MetadataStore
    from tfx.orchestration.metadata import sqlite_metadata_connection_config

    return MetadataStore(sqlite_metadata_connection_config(str(database)))


def count_executions(database: Path) -> Counter[str]:
    """How often each step was executed, over all runs."""
    store = _store(database)
    contexts = [context for e in store.get_executions() for context in store.get_contexts_by_execution(e.id)]
    return Counter(context.name.split(".", 1)[1] for context in contexts if context.type == "node")


def latest_blessed_model(database: Path) -> str:
    """URI of the model that TFX's own resolver takes for the latest blessed one."""
    from tfx.dsl.input_resolution.strategies.latest_blessed_model_strategy import LatestBlessedModelStrategy
    from tfx.types import standard_artifacts

    store = _store(database)

    def artifacts(artifact_type: Any) -> list[Any]:
        found = []
        for proto in store.get_artifacts_by_type(artifact_type.TYPE_NAME):
            artifact = artifact_type()
            artifact.set_mlmd_artifact(proto)
            found.append(artifact)
        return found

    resolved = LatestBlessedModelStrategy().resolve_artifacts(
        store,
        {
            "model": artifacts(standard_artifacts.Model),
            "blessing": artifacts(standard_artifacts.ModelBlessing),
        },
    )
    assert resolved is not None
    return resolved["model"][0].uri
