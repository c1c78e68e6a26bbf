"""One pipeline root in which the runs that the tests look at happen, in the order in which a user would see them."""

from __future__ import annotations

import contextlib
import datetime
import io
import json
import platform
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from PIL import Image

from ratchet.components.registry.registry import Registry
from ratchet.components.registry.storage import DiskStorage
from ratchet.pipeline.cli.main import main
from ratchet.pipeline.config.pipeline_settings import load_config
from ratchet.pipeline.demo.digits import DigitsOptions, write_digits
from ratchet.pipeline.run.local import RunError, run
from ratchet.pipeline.run.preflight import RunRequest
from ratchet.schemas.artifacts.registry_entries import ServedModel
from ratchet.schemas.artifacts.run_result import RunResult
from ratchet.schemas.base.errors import StateError
from tests.e2e.cache import cached, digest_of
from tests.e2e.metadata import latest_blessed_model

REPOSITORY = Path(__file__).resolve().parents[2]
DEPENDED_ON = (
    "schemas",
    "components",
    "pipeline",
    "tests/e2e/conftest.py",
    "tests/e2e/metadata.py",
    "tests/e2e/cache.py",
    "requirements/lock-tfx1.16.txt",
    "requirements/lock-tfx1.21.txt",
)

# Small enough for two cores: what is learned is little, but learned it is.
SMALL = (
    "training.bootstrap.steps=250",
    "training.retrain.min_steps=80",
    "training.retrain.max_steps=160",
    "training.validation.rounds=3",
    "evaluator.resamples=200",
)

# Of a retraining that is looked at for something else than what it learned.
A_FEW_STEPS = ("training.retrain.min_steps=8", "training.retrain.max_steps=8")


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

    def plant(self, golden_file: str, number: int) -> None:
        """Copies an image of the golden set into a span, smaller and re-encoded, with its annotations."""
        golden = json.loads((self.data / "golden" / "annotations.json").read_text())
        file = self.data / f"span-{number}" / "annotations.json"
        span = json.loads(file.read_text())
        [image] = [entry for entry in golden["images"] if entry["file_name"] == golden_file]
        planted = {**image, "id": 10_000, "file_name": "planted.jpg", "width": 96, "height": 96}
        span["images"].append(planted)
        for entry in golden["annotations"]:
            if entry["image_id"] == image["id"]:
                bbox = [value * 96 / image["width"] for value in entry["bbox"]]
                new = {"id": 100_000 + entry["id"], "image_id": planted["id"], "bbox": bbox, "area": bbox[2] * bbox[3]}
                span["annotations"].append({**entry, **new})
        file.write_text(json.dumps(span))
        picture = Image.open(self.data / "golden" / "images" / golden_file).convert("RGB").resize((96, 96))
        picture.save(file.parent / "images" / "planted.jpg", quality=80)

    def serving(self) -> Serving:
        directory = self.root / "serving" / "digits"
        model = Registry(DiskStorage(f"{self.root}/registry", str(directory))).served()
        assert model is not None
        resolved = latest_blessed_model(self.root / "metadata.sqlite")
        return Serving(model, sorted(path.name for path in directory.iterdir()), resolved)

    def run(self, span: int, *overrides: str, bootstrap: bool = False) -> RunResult:
        settings = load_config("digits", [*SMALL, *overrides])
        request = RunRequest(settings, self.data, self.data / "golden", span, self.root, bootstrap)
        self.results[span] = run(request)
        return self.results[span]


@dataclass(frozen=True)
class Command:
    """What a command returned and printed."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Serving:
    """What is served at some time, by registry, directory, and TFX's own resolver."""

    model: ServedModel
    versions: list[str]
    resolved: str


@dataclass(frozen=True)
class Runs:
    """What happened, by story."""

    world: World
    first: RunResult
    crash: str
    good: RunResult
    bad_labels: RunResult
    dark: RunResult  # its page could not be written
    leaked: RunResult
    after_runs: Serving
    approval: Command
    after_approval: Serving
    dark_again: RunResult
    rollback: Command
    after_rollback: Serving


def key_of(repository: Path) -> str:
    """Names all that the runs depend on; after a week they are made anew, for an approval among them expires."""
    week = datetime.datetime.now(datetime.timezone.utc).isocalendar()[:2]
    return digest_of(repository, DEPENDED_ON, str(repository), platform.python_version(), str(week))


@pytest.fixture(scope="session")
def runs() -> Iterator[Runs]:
    """As they ended, in a directory that a test may change: once made, they are kept until the code changes."""
    with cached(REPOSITORY / "build" / "test-cache" / "e2e", key_of(REPOSITORY), _runs) as made:
        yield made


def _runs(directory: Path) -> Runs:
    world = World(directory)
    write_digits(str(world.data / "golden"), DigitsOptions(golden=True, images=60))
    world.span(1, 400)
    world.span(2, 800)
    world.span(3, 300, labels="loose:0.25")
    world.span(4, 300, lighting=0.33)
    world.span(5, 120)
    world.plant(sorted(path.name for path in (world.data / "golden" / "images").iterdir())[7], 5)
    first = world.run(1, bootstrap=True)
    crash = _crashed(lambda: world.run(2))
    good = world.run(2)
    bad_labels = world.run(3, "data_gate.mode=observe")
    dark = _unshown(lambda: world.run(4))
    leaked = world.run(5, "data_gate.mode=observe", *A_FEW_STEPS)
    after_runs = world.serving()
    signed = ["--root", str(world.root), "--by", "Ada", "--reason", "loose boxes are what we want now"]
    approval = command("approve", bad_labels.run_id, *signed, "--expires", in_a_month())
    after_approval = world.serving()
    dark_again = world.run(4)
    rollback = command("rollback", *signed)
    return Runs(
        world,
        first,
        crash,
        good,
        bad_labels,
        dark,
        leaked,
        after_runs,
        approval,
        after_approval,
        dark_again,
        rollback,
        world.serving(),
    )


def _unshown(attempt: Callable[[], RunResult]) -> RunResult:
    """Runs with a page that cannot be written."""
    from ratchet.components.review import executor

    with pytest.MonkeyPatch.context() as patch:

        def fail(*_: object) -> None:
            raise StateError("no page today")

        patch.setattr(executor, "review_page", fail)
        return attempt()


def in_a_month() -> str:
    """A day on which an approval may expire."""
    return (datetime.datetime.now(datetime.timezone.utc).date() + datetime.timedelta(days=30)).isoformat()


def command(*arguments: str) -> Command:
    """Gives a command as in a terminal."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main(arguments)
    return Command(code, out.getvalue(), err.getvalue())


def _crashed(attempt: Callable[[], RunResult]) -> str:
    """Runs with a Trainer that crashes; returns the message."""
    from ratchet.components.trainer import job  # TFX reloads run_fn, which takes `run_job` from here

    with pytest.MonkeyPatch.context() as patch:

        def crash(*_: object) -> None:
            raise OSError("disk full")

        patch.setattr(job, "run_job", crash)
        with pytest.raises(RunError) as caught:
            attempt()
    return str(caught.value)
