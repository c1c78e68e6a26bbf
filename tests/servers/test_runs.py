"""Runs through TFX's own runner whose ML Metadata is on a server: two at once, and no trace of secrets."""

# pyright: reportAttributeAccessIssue=false
# (protobuf's classes are made when their module is imported)

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from ml_metadata.proto import metadata_store_pb2 as mlmd

from ratchet.components.stack.mlmd_client import open_client
from ratchet.components.stack.mlmd_server import POSTGRESQL, Server
from ratchet.pipeline.doctor.told import read_told
from ratchet.pipeline.root.metadata_store import store_of
from ratchet.pipeline.root.ml_metadata import connection_to, open_store, read_run, server_at, sqlite_at
from tests.builders import write_span
from tests.nightly import by_night
from tests.servers.private import PASSWORD, PrivateServer

pytestmark = pytest.mark.tensorflow
SPAN = 1
RUN = "span-1-same-1"  # as two roots with the same data and settings have it
STEPS = ["GoldenExampleGen", "BaselineReader", "ImportSchemaGen"]
# A run of its first steps, as `ratchet run` does it; when all is imported it waits, to begin with the other.
RUNNER = """
import sys
from pathlib import Path
from ratchet.pipeline.config.pipeline_settings import load_settings
from ratchet.pipeline.run import runner
from ratchet.pipeline.root.claim import take_store
from ratchet.pipeline.terminal.console import output_to
root, data, url, run_id, steps = sys.argv[1:]
settings = load_settings({"name": "digits", "metadata": {"url": url}}, ())
Path(root).mkdir(exist_ok=True)
print("ready", flush=True)
sys.stdin.readline()
with output_to(Path(root, "log.txt")):
    take_store(Path(root), settings.metadata.server)
    compiled = runner.compile_run(settings, root, data, f"{data}/golden", 1, True, run_id, "", "content")
    nodes = [one for one in compiled.pipeline.ir.nodes if one.pipeline_node.node_info.id in steps.split(",")]
    del compiled.pipeline.ir.nodes[:]
    compiled.pipeline.ir.nodes.extend(nodes)
    runner.execute(compiled)
print(sorted(runner.results(compiled, run_id)), flush=True)
"""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    data = tmp_path_factory.mktemp("data")
    write_span(data / "golden")
    return data


def started(root: Path, data: Path, server: Server, run_id: str = RUN) -> subprocess.Popen[str]:
    """A runner that has imported everything, and waits for a line."""
    command = [sys.executable, "-c", RUNNER, str(root), str(data), server.url, run_id, ",".join(STEPS)]
    with open(f"{root}.stderr", "w") as noise:  # a pipe that nobody reads yet could hold the runner up
        # A command that another test gave in this process has told the client to be quiet.
        loud = {name: value for name, value in os.environ.items() if name != "GLOG_minloglevel"}
        pipe = subprocess.PIPE
        process = subprocess.Popen(command, text=True, stdin=pipe, stdout=pipe, stderr=noise, env=loud)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def test_two_runners_at_once_on_one_database_are_both_right(tmp_path: Path, data: Path, own: PrivateServer) -> None:
    """The first steps of runs of the same name, in a database without tables."""
    server = own.database("together")
    roots = [tmp_path / "one", tmp_path / "two"]
    runners = [started(root, data, server) for root in roots]
    for runner in runners:
        assert runner.stdin is not None
        runner.stdin.write("go\n")
        runner.stdin.flush()
    ended = [runner.communicate() for runner in runners]
    logs = [file.read_text()[-2000:] for root in roots for file in (root / "log.txt", Path(f"{root}.stderr"))]
    assert [out for out, _ in ended] == [f"{sorted(STEPS)}\n"] * 2, (ended, logs)
    for root in roots:
        steps = read_run(connection_to(root), store_of(root).run_name(RUN))
        assert all(step.done for step in steps.values())
        places = [uri for step in steps.values() for uri in step.outputs.values()]
        assert len(places) == len(STEPS)
        assert all(uri.startswith(f"{root}/artifacts/") and Path(uri).is_dir() for uri in places)
        assert read_told(root, root).problem is None
    assert store_of(roots[0]).owner != store_of(roots[1]).owner
    numbers = [execution.id for execution in open_store(roots[0]).get_executions()]
    assert len(set(numbers)) == 2 * len(STEPS)
    written = [file.read_bytes() for root in roots for file in root.rglob("*") if file.is_file()]
    secrets = (PASSWORD.encode(), PASSWORD.encode("unicode_escape"), b"Geheim")
    assert len(written) > 10
    assert not any(secret in content for content in written for secret in secrets)
    if own.kind == POSTGRESQL:
        assert any(b"Connecting to database" in content for content in written)  # so what the client says was looked at


@by_night
def test_the_resolver_finds_executions_in_all_contexts_on_every_store(tmp_path: Path, store: Server | None) -> None:
    """What is asked by a query, of which the server gives a page at a time, is what TFX finds by fetching all."""
    from tfx.orchestration.portable.input_resolution import channel_resolver

    from ratchet.components.stack.tfx_runs import _executions_in_all

    client = open_client(sqlite_at(tmp_path) if store is None else server_at(store))
    step = client.put_execution_type(mlmd.ExecutionType(name="Step"))
    node = client.put_context_type(mlmd.ContextType(name="node"))
    contexts = [mlmd.Context(type_id=node, name=name) for name in ("all", "some", "others")]
    for context, number in zip(contexts, client.put_contexts(contexts), strict=True):
        context.id = number
    made = [mlmd.Execution(type_id=step) for _ in range(250)]  # more than a page
    for execution in made:
        execution.custom_properties["asked"].string_value = '{"a": "\\"b\\""}'
    numbers = client.put_executions(made)
    members = {0: numbers, 1: numbers[::3], 2: numbers[1::3]}
    pairs = [(number, contexts[place].id) for place, there in members.items() for number in there]
    client.put_attributions_and_associations(
        [], [mlmd.Association(execution_id=number, context_id=context) for number, context in pairs]
    )
    for asked, expected in (((0,), 250), ((0, 1), 84), ((1, 0), 84), ((1, 2), 0)):
        wanted = [contexts[place] for place in asked]
        found = _executions_in_all(client, wanted)
        assert len(found) == expected
        theirs = channel_resolver._get_executions_by_all_contexts(client, wanted)
        assert found == sorted(theirs, key=lambda execution: execution.id)
