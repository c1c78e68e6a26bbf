"""Whoever looks into the serving directory at any moment sees whole models only.

    python -m tests.kills.poller [--publications N] [--bytes]

One process publishes: pushes, approvals and rollbacks by the product's own functions. Another one lists the directory
without a pause and, the moment it sees a version, loads it with TensorFlow and asks it (with `--bytes`: reads all its
files). Prints what it saw, and exits with 1 if a version did not load or was not as it was measured.
"""

from __future__ import annotations

import argparse
import datetime
import multiprocessing
import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

from ratchet.components.registry.publication import Publication, decision_key, publish
from ratchet.pipeline.serving.approve import ApproveRequest, approve
from ratchet.pipeline.serving.rollback import RollbackRequest, rollback
from ratchet.schemas.artifacts.decisions import Verdict
from ratchet.schemas.artifacts.registry_entries import RecordedDecision, ServedModel, is_version
from ratchet.schemas.base.files import LOCAL_FILES
from ratchet.schemas.base.model_digest import model_digest
from tests.pipeline.served_root import ServedRoot

_CYCLE = ("push", "push", "approve", "rollback")
_SCALE = 3.0  # what a model answers, per 1.0 asked


@dataclass(frozen=True)
class Watched:
    """What a process saw that looked without a pause.

    Attributes:
        digests: of each version, at the moment it was seen.
        failures: what was wrong, a sentence each.
        looks: how often it looked.
    """

    digests: dict[str, str]
    failures: tuple[str, ...]
    looks: int


class Watcher:
    """A process that looks into a serving directory until it is told to stop.

    Args:
        serving: the directory.
        loads: whether TensorFlow loads what it sees.
    """

    def __init__(self, serving: Path, loads: bool) -> None:
        context = multiprocessing.get_context("spawn")
        self._connection, other = context.Pipe()
        self._process = context.Process(target=_watch, args=(str(serving), loads, other))
        self._process.start()
        other.close()
        assert self._connection.recv() == "ready"

    def stop(self) -> Watched:
        """What it saw, up to one look after now."""
        self._connection.send("stop")
        watched = self._connection.recv()
        self._process.join()
        return watched


def _watch(serving: str, loads: bool, connection: Connection) -> None:
    check: Callable[[str], None] = _loader() if loads else _has_all_files
    digests: dict[str, str] = {}
    failures: list[str] = []
    looks = 0
    connection.send("ready")
    while True:
        last = connection.poll()  # asked before the look, so that one whole look comes after the word
        for version in filter(is_version, os.listdir(serving)):
            if version in digests:
                continue
            path = os.path.join(serving, version)
            try:
                check(path)
                digests[version] = model_digest(path, LOCAL_FILES)
            except Exception as error:  # whatever it is, a server would have met it
                digests[version] = ""
                failures.append(f"version {version}: {type(error).__name__}: {error}")
        looks += 1
        if last:
            connection.send(Watched(digests, tuple(failures), looks))
            return


def _has_all_files(path: str) -> None:
    for name in ("saved_model.pb", os.path.join("variables", "data")):
        if not os.path.getsize(os.path.join(path, name)):
            raise ValueError(f"{name} is empty")


def _loader() -> Callable[[str], None]:
    import tensorflow as tf

    def load(path: str) -> None:
        found = float(tf.saved_model.load(path).signatures["serving_default"](tf.constant(2.0))["answer"])
        if found != 2.0 * _SCALE:
            raise ValueError(f"it answers {found}")

    return load


class PublishingRoot(ServedRoot):
    """A root whose models come into service by the product's own publication.

    Args:
        root: where; made.
        save: writes the SavedModel of a run into a directory; None: two files.
    """

    def __init__(self, root: Path, save: Callable[[Path, str], None] | None = None) -> None:
        super().__init__(root)
        self._save = save

    def _train(self, directory: Path, run_id: str) -> None:
        (self._save or super()._train)(directory, run_id)

    def _key(self, made: RecordedDecision) -> str:
        return decision_key(made)

    def _push(self, made: RecordedDecision, mean_ap: float) -> None:
        digest, moment = str(made.model_digest), made.decided_at
        model = ServedModel(
            "", "", digest, made.span, made.golden_digest, mean_ap, made.verdict, made.run_id, moment, True
        )
        source = f"{made.model}/Format-Serving"
        staged = self.registry.storage.stage(source, digest)
        publication = Publication(model, source, self.registry.pointer().served_as, decision=made)
        publish(self.registry, publication, staged, int(_now().timestamp()))


def publish_many(world: PublishingRoot, count: int) -> None:
    """Pushes, approves and rolls back, in turn."""
    world.run("run 0", Verdict.BOOTSTRAPPED)
    for number in range(1, count):
        kind, run_id = _CYCLE[number % len(_CYCLE)], f"run {number}"
        if kind == "push":
            world.run(run_id, Verdict.PUSHED)
        elif kind == "approve":
            world.run(run_id, Verdict.BLOCKED)
            day = (_now().date() + datetime.timedelta(days=30)).isoformat()
            approve(ApproveRequest(run_id, world.root, "Ada", "it is better at night", day), _now())
        else:
            rollback(RollbackRequest(world.root, "Ada", f"number {number} is worse"), _now())


def wrong_of(world: PublishingRoot, watched: Watched, count: int) -> list[str]:
    """What a watcher saw that it should not have seen, or did not see."""
    recorded = {model.version: model.digest for model in world.registry.versions()}
    wrong = list(watched.failures)
    wrong += [
        f"version {version}: other bytes"
        for version, found in watched.digests.items()
        if found != recorded.get(version)
    ]
    if len(recorded) != count or set(recorded) != set(watched.digests):
        wrong.append(f"{count} publications, {len(recorded)} entries, {len(watched.digests)} versions seen")
    return wrong


def save_model(directory: Path, run_id: str) -> None:
    """A SavedModel that TensorFlow made."""
    import tensorflow as tf

    class Scale(tf.Module):
        def __init__(self) -> None:
            super().__init__()
            self.factor = tf.Variable(tf.constant(_SCALE))
            self.made_by = tf.Variable(tf.constant(run_id))  # other bytes for each run

        @tf.function(input_signature=[tf.TensorSpec([], tf.float32)])
        def answer(self, asked: tf.Tensor) -> dict[str, tf.Tensor]:
            return {"answer": asked * self.factor}

    model = Scale()
    tf.saved_model.save(model, str(directory), signatures={"serving_default": model.answer})


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.timezone.utc)


def main(arguments: Sequence[str]) -> int:
    """Publishes and watches."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--publications", type=int, default=200)
    parser.add_argument("--bytes", action="store_true")
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as directory:
        world = PublishingRoot(Path(directory, "root"), None if given.bytes else save_model)
        watcher = Watcher(world.serving, loads=not given.bytes)
        publish_many(world, given.publications)
        watched = watcher.stop()
        wrong = wrong_of(world, watched, given.publications)
    print(f"{given.publications} publications, {len(watched.digests)} versions seen in {watched.looks} looks")
    print("\n".join(wrong) if wrong else "each version was whole the moment it was seen")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
