"""Several runners that find a database without tables at the same moment."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from ratchet.pipeline.root.metadata_store import store_of
from tests.servers.private import PrivateServer

_ROUNDS, _RUNNERS = 3, 3
_TAKES = """
import sys
from pathlib import Path
from ml_metadata.proto import metadata_store_pb2 as mlmd
from ratchet.components.stack.mlmd_server import Server
from ratchet.pipeline.root.claim import take_store
from ratchet.pipeline.root.ml_metadata import open_store
root, *urls = sys.argv[1:]
for url in urls:
    print("ready", flush=True)
    sys.stdin.readline()
    place = Path(root, url.rpartition("/")[2])
    place.mkdir(parents=True)
    take_store(place, Server.parse(url))
    store = open_store(place)
    print("ready", flush=True)
    sys.stdin.readline()
    for number in range(8):
        store.put_artifact_type(mlmd.ArtifactType(name=f"Type{number}"))
"""
_OF_A_NAME = "SELECT name FROM Type GROUP BY name, type_kind HAVING count(*) > 1"


def test_all_of_them_get_their_place_and_make_one_type_of_a_name(tmp_path: Path, own: PrivateServer) -> None:
    servers = [own.database(f"empty{number}") for number in range(_ROUNDS)]
    roots = [tmp_path / str(number) for number in range(_RUNNERS)]
    commands = [[sys.executable, "-c", _TAKES, str(root), *(server.url for server in servers)] for root in roots]
    pipe = subprocess.PIPE
    runners = [subprocess.Popen(one, text=True, stdin=pipe, stdout=pipe, stderr=pipe) for one in commands]
    for _ in range(2 * _ROUNDS):  # a place, and then types
        for runner in runners:
            assert runner.stdout is not None
            assert runner.stdout.readline() == "ready\n", runner.communicate()[1][-2000:]
        for runner in runners:
            assert runner.stdin is not None
            runner.stdin.write("go\n")
            runner.stdin.flush()
    ended = [runner.communicate()[1] for runner in runners]
    assert [runner.returncode for runner in runners] == [0] * _RUNNERS, ended
    for server in servers:
        assert len({store_of(root / server.database).owner for root in roots}) == _RUNNERS
        with own.admin(server.database) as run:
            assert run(_OF_A_NAME) == []
            assert len(run("SELECT name FROM Type WHERE name LIKE 'Type%'")) == 8
