"""A root on gs:// with one served model, and others that are to be served; also for processes of their own."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from ratchet.components.object_store import objects
from ratchet.components.object_store.trees import tree_digest
from ratchet.components.registry.object_storage import ObjectStorage
from ratchet.components.registry.publication import BaselineChangedError, Publication, publish, settle, staged_model
from ratchet.components.registry.registry import Registry
from ratchet.schemas.artifacts.overrides import Override, OverrideKind
from ratchet.schemas.artifacts.registry_entries import ServedModel
from tests.builders import recorded_decision

NOW_S = 1_000_000
FILES = ("saved_model.pb", "variables/variables.data", "variables/variables.index", "assets/labels.txt")


class GcsWorld:
    """A root; its first model is there after `begin`."""

    def __init__(self, root: str) -> None:
        self.root = root
        self.storage = ObjectStorage(f"{root}/registry", f"{root}/serving/m")
        self.registry = Registry(self.storage)

    def begin(self) -> GcsWorld:
        """With one served model."""
        self.publish(self.candidate("old"))
        return self

    def candidate(self, weights: str, override: bool = False) -> Publication:
        """A model that is to be served over what is served now."""
        source = f"{self.root}/artifacts/{weights}"
        if not objects.list_below(source):
            for name in FILES:
                objects.write(f"{source}/{name}", f"{weights} {name}".encode())
        over = self.registry.pointer().served_as
        model = ServedModel("", "", tree_digest(source), 1, "golden", 0.5, "PUSHED", f"run of {weights}", "2030", True)
        if override:
            kind, old = OverrideKind.APPROVED, over and over[0]
            made = Override(kind, "2030", "anna", "why", model.run_id, "", old, model.digest, "golden", "2031-01-01")
            return Publication(model, source, over, override=made)
        decision = recorded_decision(run_id=model.run_id, evaluation=f"{self.root}/artifacts/e/{weights}")
        return Publication(model, source, over, decision=decision)

    def publish(self, publication: Publication, now_s: int = NOW_S) -> ServedModel:
        """Serves it."""
        with staged_model(self.registry, publication.source, publication.model.digest) as staged:
            return publish(self.registry, publication, staged, now_s)

    def names(self) -> list[str]:
        """All that is below the serving directory, as TensorFlow Serving's poller lists it."""
        return objects.children(self.storage.serving_directory)

    def visible(self) -> list[str]:
        """The weights of every version that TensorFlow Serving can load, each of a whole model."""
        found = []
        for version in self.registry.versions_on_disk():
            there = {each.name: each.uri for each in objects.list_below(f"{self.storage.serving_directory}/{version}")}
            assert sorted(there) == sorted(FILES), (version, sorted(there))
            weights = {self.text(uri).removesuffix(f" {name}") for name, uri in there.items()}
            assert len(weights) == 1, (version, weights)
            found += weights
        return found

    def text(self, uri: str) -> str:
        """Of an object."""
        found = objects.read(uri)
        assert found is not None
        return found.data.decode()


def change_again_and_again(root: str, writer: str, times: int) -> list[str]:
    """Publishes so many models; what came of each: `served`, `changed`, or an error that must not be."""
    world, outcomes = GcsWorld(root), []
    for number in range(times):
        try:
            settle(world.registry)
            if number % 5 == 0:
                world.registry.served()
                world.registry.history()
            world.publish(world.candidate(f"{writer}-{number}", override=number % 3 == 0))
            outcomes.append("served")
        except BaselineChangedError:
            outcomes.append("changed")
        except Exception as error:  # whatever it is: it is the result
            outcomes.append(f"{type(error).__name__}: {error}")
    return outcomes


def in_process(environment: dict[str, str], queue: Any, function: Callable[..., Any], *args: Any) -> None:
    """What a process of its own does."""
    os.environ.update(environment)
    queue.put(function(*args))


def publish_one(environment: dict[str, str], root: str, weights: str) -> None:
    """What a process that is killed does."""
    os.environ.update(environment)
    world = GcsWorld(root)
    world.publish(world.candidate(weights))
