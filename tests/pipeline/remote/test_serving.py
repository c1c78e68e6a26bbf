"""`approve` and `rollback` on a root in Cloud Storage: the words of a local root, one publication, two at once."""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

pytest.importorskip("ml_metadata")

from ratchet.components.object_store import objects
from ratchet.pipeline.root.roots import registry_at
from ratchet.pipeline.root.working_copy import WorkingCopy
from ratchet.pipeline.serving.rollback import RollbackRequest, rollback
from ratchet.schemas.base.errors import InputError
from tests.gcs.fixtures import Bucket
from tests.pipeline.remote.conftest import Twins
from tests.pipeline.served_root import ServedRoot, blocked_root

Make = Callable[[Path], Twins]
SIGNED = ("--by", "Ada", "--reason", "the new camera")
EXPIRES = str(datetime.date.today() + datetime.timedelta(days=30))


@pytest.fixture
def world(tmp_path: Path) -> ServedRoot:
    return blocked_root(tmp_path / "root")


def plain(text: str) -> str:
    """Without the numbers of versions that are moments."""
    return re.sub(r"\d{10}", "MOMENT", text)


def served(uri: str) -> str:
    """The weights that TensorFlow Serving would load: of the highest number that is whole."""
    names = [one.name for one in objects.list_below(f"{uri}/serving/digits") if one.name.endswith("/saved_model.pb")]
    highest = max(int(name.split("/")[0]) for name in names if name.split("/")[0].isdigit())
    found = objects.read(f"{uri}/serving/digits/{highest}/variables/data")
    assert found is not None
    return found.data.decode()


def test_an_approval_serves_the_blocked_candidate(world: ServedRoot, twins: Make) -> None:
    both = twins(world.root)
    local, remote = both.ask("approve", "bad", *SIGNED, "--expires", EXPIRES)
    assert remote[0] == local[0] == 0
    assert plain(remote[1]) == plain(local[1])
    assert served(both.uri) == world.served_weights() == "bad"
    assert "approved by Ada" in both.of(both.uri, "status")[1]
    again = both.of(both.uri, "approve", "bad", *SIGNED, "--expires", EXPIRES)
    assert again[:2] == (0, remote[1])


@pytest.mark.parametrize(
    "command",
    [
        ("approve", "good", *SIGNED, "--expires", EXPIRES),
        ("approve", "nobody", *SIGNED, "--expires", EXPIRES),
        ("approve", "bad", *SIGNED, "--expires", "2001-01-01"),
        ("rollback", "--to", "77", *SIGNED),
        ("rollback", "--to", "200", *SIGNED),
    ],
)
def test_what_is_refused_is_refused_in_the_same_words(world: ServedRoot, twins: Make, command: tuple[str, ...]) -> None:
    code, _, err = twins(world.root).agree(*command)
    assert code == 2
    assert err.count("\n") == 1


def test_a_rollback_serves_the_version_before(world: ServedRoot, twins: Make) -> None:
    both = twins(world.root)
    local, remote = both.ask("rollback", *SIGNED)
    assert remote[0] == local[0] == 0
    assert plain(remote[1]) == plain(local[1])
    assert served(both.uri) == "first"
    assert "ROLLED_BACK" in both.of(both.uri, "history")[1]


def test_of_two_at_once_one_wins_and_the_other_one_hears_of_it(world: ServedRoot, twins: Make, gcs: Bucket) -> None:
    both = twins(world.root)
    root = WorkingCopy.of(both.uri)
    root.refresh()
    gcs.server.latency_s = 0.02
    now = datetime.datetime.now(datetime.timezone.utc)

    def back(by: str) -> str:
        try:
            return rollback(RollbackRequest(root.directory, by, "at once", "100"), now).by
        except InputError as error:
            return str(error)

    with ThreadPoolExecutor(2) as pool:
        said = list(pool.map(back, ["Ada", "Ben"]))
    won = [one for one in said if one in ("Ada", "Ben")]
    assert len(won) == 1, said
    assert len(registry_at(root.directory).overrides()) == 1
    assert served(both.uri) == "first"


def test_a_damaged_candidate_is_not_served(world: ServedRoot, twins: Make) -> None:
    (world.candidate("bad") / "variables" / "data").write_text("altered")
    both = twins(world.root)
    code, _, err = both.agree("approve", "bad", *SIGNED, "--expires", EXPIRES)
    assert code == 2
    assert "is not the" in err
    assert served(both.uri) == "good"
