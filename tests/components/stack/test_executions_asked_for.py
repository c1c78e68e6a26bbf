"""What TFX asks ML Metadata for the inputs of a step is asked for one run, not for all that a pipeline ever had."""

# pyright: reportAttributeAccessIssue=false
# (protobuf's classes are made when their module is imported)

from __future__ import annotations

from pathlib import Path
from typing import Any
from unittest import mock

import pytest

pytestmark = pytest.mark.tensorflow
RUNS = 30


@pytest.fixture
def store(tmp_path: Path) -> Any:
    """A store with some runs of one pipeline, each of two steps."""
    from ml_metadata.metadata_store.metadata_store import MetadataStore
    from ml_metadata.proto import metadata_store_pb2 as mlmd

    config = mlmd.ConnectionConfig()
    config.sqlite.filename_uri = str(tmp_path / "metadata.sqlite")
    config.sqlite.connection_mode = 3  # make it
    store = MetadataStore(config)
    step = store.put_execution_type(mlmd.ExecutionType(name="step"))

    def context(kind: str, name: str) -> int:
        type_id = store.put_context_type(mlmd.ContextType(name=kind))
        return store.put_contexts([mlmd.Context(type_id=type_id, name=name)])[0]

    pipeline, nodes = context("pipeline", "p"), [context("node", name) for name in ("p.A", "p.B")]
    for number in range(RUNS):
        run = context("pipeline_run", f"run {number}")
        for node in nodes:
            [made] = store.put_executions([mlmd.Execution(type_id=step)])
            links = [mlmd.Association(execution_id=made, context_id=one) for one in (pipeline, run, node)]
            store.put_attributions_and_associations([], links)
    return store


def contexts(store: Any, *names: tuple[str, str]) -> list[Any]:
    return [store.get_context_by_type_and_name(kind, name) for kind, name in names]


QUESTIONS = (
    (("pipeline", "p"), ("pipeline_run", "run 7"), ("node", "p.B")),
    (("pipeline", "p"), ("node", "p.A")),
    (("pipeline", "p"),),
    (),
)


@pytest.mark.parametrize("names", QUESTIONS)
def test_the_same_executions_are_found_with_one_question(store: Any, names: tuple[tuple[str, str], ...]) -> None:
    from ml_metadata.metadata_store.metadata_store import MetadataStore
    from tfx.orchestration.portable.input_resolution import channel_resolver

    from ratchet.components.stack.tfx_runs import _executions_asked_for

    if names and not has_filters(store):
        pytest.skip("this ML Metadata has no filters")
    asked = contexts(store, *names)
    known = {one.id for one in channel_resolver._get_executions_by_all_contexts(store, asked)}
    whole = channel_resolver._get_executions_by_all_contexts
    with _executions_asked_for(), mock.patch.object(MetadataStore, "get_executions_by_context") as all_of_one:
        found = channel_resolver._get_executions_by_all_contexts(store, asked)
    assert {one.id for one in found} == known
    assert not all_of_one.called
    assert channel_resolver._get_executions_by_all_contexts is whole


def has_filters(store: Any) -> bool:
    from ml_metadata.errors import UnimplementedError
    from ml_metadata.metadata_store.metadata_store import ListOptions

    try:
        store.get_executions(list_options=ListOptions(filter_query="id = 1"))
    except UnimplementedError:
        return False
    return True


@pytest.mark.parametrize("names", QUESTIONS)
def test_an_ml_metadata_without_filters_is_asked_for_the_run(
    store: Any, names: tuple[tuple[str, str], ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """ML Metadata 1.21, of the newest stack: nothing is asked that grows with the runs where one of them is meant."""
    from types import SimpleNamespace

    from ml_metadata.errors import UnimplementedError
    from ml_metadata.metadata_store.metadata_store import MetadataStore
    from tfx.orchestration.portable.input_resolution import channel_resolver
    from tfx.orchestration.portable.mlmd import execution_lib

    from ratchet.components.stack.tfx_runs import _executions_asked_for

    def refuse(*_: Any, **__: Any) -> None:
        raise UnimplementedError("filter_query is not supported - ZetaSQL dependency removed")

    asked = contexts(store, *names)
    known = {one.id for one in channel_resolver._get_executions_by_all_contexts(store, asked)}
    monkeypatch.setattr(MetadataStore, "get_executions", refuse)
    fetched = mock.Mock(side_effect=store.get_executions_by_context)
    monkeypatch.setattr(store, "get_executions_by_context", fetched)
    handle: Any = SimpleNamespace(store=store)
    with _executions_asked_for():
        for found in (
            channel_resolver._get_executions_by_all_contexts(store, asked),
            execution_lib.get_executions_associated_with_all_contexts(handle, iter(asked)),
        ):
            assert {one.id for one in found} == known
    if any(kind == "pipeline_run" for kind, _ in names):
        [run] = [one.id for one in asked if one.type == "pipeline_run"]
        assert {call.args for call in fetched.call_args_list} == {(run,)}
