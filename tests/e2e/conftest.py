"""One pipeline root in which the runs that the tests look at happen, in the order in which a user would see them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from pipeline.config import load_config
from pipeline.demo.digits import DigitsOptions, write_digits
from pipeline.local import RunError, run
from pipeline.preflight import RunRequest
from pipeline.result import RunResult

# Small enough for two cores: what is learned is little, but learned it is.
SMALL = (
    "training.bootstrap.steps=200",
    "training.retrain.min_steps=80",
    "training.retrain.max_steps=160",
    "data_gate.min_examples=100",
    "evaluator.resamples=200",
)


@dataclass
class World:
    """Data and pipeline root of the end-to-end tests."""

    directory: Path
    results: dict[int, RunResult] = field(default_factory=dict)

    @property
    def root(self) -> Path:
        return self.directory / "root"

    @property
    def data(self) -> Path:
        return self.directory / "data"

    def span(self, number: int, images: int, **knobs: float | str) -> None:
        write_digits(str(self.data / f"span-{number}"), DigitsOptions(span=number, images=images, **knobs))  # pyright: ignore[reportArgumentType]

    def run(self, span: int, *overrides: str, bootstrap: bool = False) -> RunResult:
        settings = load_config("digits", [*SMALL, *overrides])
        request = RunRequest(settings, self.data, self.data / "golden", span, self.root, bootstrap)
        self.results[span] = run(request)
        return self.results[span]


@dataclass(frozen=True)
class Runs:
    """What happened, by story."""

    world: World
    first: RunResult
    crash: str
    good: RunResult
    bad_labels: RunResult
    dark: RunResult


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Runs:
    world = World(tmp_path_factory.mktemp("e2e"))
    write_digits(str(world.data / "golden"), DigitsOptions(golden=True, images=60))
    world.span(1, 400)
    world.span(2, 800)
    world.span(3, 300, labels="loose:0.25")
    world.span(4, 300, lighting=0.33)
    first = world.run(1, bootstrap=True)
    crash = _crashed(lambda: world.run(2))
    good = world.run(2)
    bad_labels = world.run(3, "data_gate.mode=observe")
    dark = world.run(4)
    return Runs(world, first, crash, good, bad_labels, dark)


def _crashed(attempt: Callable[[], RunResult]) -> str:
    """Runs with a Trainer that crashes; returns the message."""
    from components.trainer import loop  # TFX reloads run_fn, which takes `train` from here

    with pytest.MonkeyPatch.context() as patch:

        def crash(*_: object) -> None:
            raise OSError("disk full")

        patch.setattr(loop, "train", crash)
        with pytest.raises(RunError) as caught:
            attempt()
    return str(caught.value)
