"""Two commands `ratchet run` at once on one database, from the first step to the page: both right, nothing shared."""

from __future__ import annotations

import base64
import itertools
import json
import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

import pytest

from ratchet.components.stack.mlmd_server import MYSQL, POSTGRESQL, Server
from ratchet.pipeline.doctor.told import read_told
from ratchet.pipeline.root.metadata_store import store_of
from tests.kills.tiny import BOOTSTRAP, PUSH, Story, Tiny
from tests.nightly import by_night
from tests.servers.private import PASSWORD, PrivateServer

pytestmark = [pytest.mark.tensorflow, by_night]
_READ_AND_WRITTEN = """
SELECT run.name, Artifact.uri FROM Event JOIN Artifact ON Artifact.id = Event.artifact_id
JOIN Association ON Association.execution_id = Event.execution_id JOIN Context AS run ON run.id = Association.context_id
JOIN Type ON Type.id = run.type_id WHERE Type.name = 'pipeline_run'
"""
_TWICE = "SELECT name FROM Type GROUP BY name, type_kind HAVING count(*) > 1"


def both_run(world: Tiny, roots: list[Path], server: Server, story: Story) -> list[dict[str, object]]:
    """The results of a story in both roots; what they print is kept."""
    commands = [[*world.command(story, root), "--set", f"metadata.url={server.url}"] for root in roots]
    running = []
    for root, command in zip(roots, commands, strict=True):
        with open(f"{root}.out", "a") as out, open(f"{root}.err", "a") as noise:
            running.append(subprocess.Popen([sys.executable, "-m", "ratchet", *command], stdout=out, stderr=noise))
    assert [one.wait() for one in running] == [story.exit_code] * 2, [Path(f"{root}.err").read_text() for root in roots]
    return [json.loads(Path(f"{root}.out").read_text().splitlines()[-1]) for root in roots]


def spellings(secret: str) -> set[bytes]:
    """How it could stand in a file."""
    plain = secret.encode()
    texts = {repr(secret)[1:-1], json.dumps(secret)[1:-1], quote(secret), base64.b64encode(plain).decode()}
    return {plain, secret.encode("latin-1"), plain[:6], *(text.encode() for text in texts)}


@pytest.mark.parametrize("own", [POSTGRESQL, MYSQL], indirect=True)
def test_two_commands_at_once_decide_right_and_share_nothing(tmp_path: Path, own: PrivateServer) -> None:
    world, server = Tiny(tmp_path / "world"), own.database("whole")
    world.make_data()
    roots = [tmp_path / "one", tmp_path / "two"]
    for story in (BOOTSTRAP, PUSH):
        first, second = both_run(world, roots, server, story)
        assert first["verdict"] == second["verdict"] == story.verdict
        assert (first["run_id"], first["map"]) == (second["run_id"], second["map"])  # the same name, and as good
    owners = [store_of(root).owner for root in roots]
    with own.admin(server.database) as run:
        touched = run(_READ_AND_WRITTEN)
        assert run(_TWICE) == []
    for root, owner in zip(roots, owners, strict=True):
        uris = [uri for name, uri in touched if name.endswith(f"@{owner}")]
        assert len(uris) > 20
        assert all(uri.startswith(f"{root}/artifacts/") for uri in uris)
        assert [made.is_blessed for made in read_told(root, root).runs] == [True, True]
        assert len(list((root / "serving" / "tiny").iterdir())) == 2
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert {"log.txt", "review.html", "ratchet.json", "metadata.json"} <= {path.name for path in written}
    found = itertools.product(written, spellings(os.environ["RATCHET_METADATA_PASSWORD"]))
    assert os.environ["RATCHET_METADATA_PASSWORD"] == PASSWORD
    assert [path for path, spelling in found if spelling in path.read_bytes()] == []
