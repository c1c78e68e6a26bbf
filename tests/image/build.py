"""Builds the image here, looks at it from inside, runs a step in it and measures it: `make image`.

    python -m tests.image.build [--target cpu|gpu] [--python 3.13] [--base IMAGE --build-base IMAGE]
                                [--compare] [--demo] [--keep]

Without --base it makes bases by debootstrap, for a machine without a registry. All that it makes lies in build/image,
which is removed at the end unless --keep is given. Exit code 0 if all is well, 1 if not, 2 if podman cannot run here.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.image.bases import SUITES, make_bases
from tests.image.engine import Engine, make_engine, seconds_until, why_not
from tests.image.machine import build_arguments, pip_configuration
from tests.image.task import STARTS, command_of

ROOT = Path(__file__).resolve().parents[2]
JOB = ROOT / "tests/kubeflow/golden/pipeline.json"
SCHEMA = "schemas/detection.pbtxt"
TIMES = 3
USER_ID = 10001


def say(text: str) -> None:
    """Prints a line at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def size_of(engine: Engine, image: str) -> str:
    """Megabytes of an image, and of each layer with where it is from."""
    layers = engine.layers(image)
    lines = [f"  {size / 1e6:7.0f} MB  {origin.split('|')[-1][:90]}" for size, origin in reversed(layers)]
    return "\n".join([f"{image}: {sum(size for size, _ in layers) / 1e6:.0f} MB", *lines])


def cold_starts(engine: Engine, image: str, times: int = TIMES) -> list[tuple[float, float]]:
    """Seconds until a task's work begins, and until its container has ended, each time in a new container.

    Raises:
        RuntimeError: the task fails, or leaves something else than the schema.
    """
    measured = []
    for _ in range(times):
        with tempfile.TemporaryDirectory() as directory:
            shutil.chown(directory, USER_ID)
            command = engine.run(image, command_of(JOB, "/outputs"), [f"--volume={directory}:/outputs"])
            measured.append(seconds_until(command, lambda line: STARTS in line))
            written = [path for path in Path(directory).rglob("*.pbtxt") if path.stat().st_uid == USER_ID]
            if [path.read_bytes() for path in written] != [(ROOT / SCHEMA).read_bytes()]:
                raise RuntimeError(f"the task left {written}, not the schema of this checkout by user {USER_ID}")
    return measured


def look_inside(engine: Engine, image: str, target: str) -> int:
    """Exit code of inside.py in a container, where nothing of the checkout is but it and the job."""
    script = Path(__file__).with_name("inside.py")
    volumes = [f"--volume={script}:/check/inside.py:ro", f"--volume={JOB}:/check/job.json:ro"]
    command = engine.run(image, ["python", "/check/inside.py", "/check/job.json", target], volumes)
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    say(f"inside {image}: {done.stdout.strip() or done.stderr[-2000:]}")
    return done.returncode


def run_demo(engine: Engine, image: str) -> int:
    """Exit code of the demo in a container, as the image's user."""
    return subprocess.run(engine.run(image, ["ratchet", "demo"]), check=False).returncode


def measure(engine: Engine, image: str) -> None:
    """Prints size and cold starts."""
    say(size_of(engine, image))
    for begins, ends in cold_starts(engine, image):
        say(f"{image}: {begins:.1f} s to the first line of work, {ends:.1f} s the whole task")


def make(arguments: argparse.Namespace, engine: Engine, directory: Path) -> int:
    """Builds, looks and measures; the exit code."""
    bases = (arguments.base, arguments.build_base)
    if arguments.base is None:
        bases = make_bases(engine, arguments.python, directory)
    options = [
        f"--build-arg=PYTHON={arguments.python}",
        *(f"--build-arg={name}={image}" for name, image in zip(("BASE", "BUILD_BASE"), bases)),
        *build_arguments(pip_configuration(), directory / "pip.conf"),
    ]
    image = f"localhost/ratchet:{arguments.python}-{arguments.target}"
    engine.build(ROOT, [*options, f"--target={arguments.target}", f"--tag={image}"])
    code = look_inside(engine, image, arguments.target)
    if arguments.compare:
        full, ignored = f"localhost/ratchet:{arguments.python}-full", directory / "dockerignore"
        ignored.write_text(".*\nbuild\nratchet-demo\n**/__pycache__\n")
        file = Path(__file__).with_name("full.Dockerfile")
        engine.build(ROOT, [*options, f"--file={file}", f"--ignorefile={ignored}", f"--tag={full}"])
        measure(engine, full)
    measure(engine, image)
    return code or (run_demo(engine, image) if arguments.demo else 0)


def main(argv: Sequence[str] | None = None, reason: Callable[[], str | None] = why_not) -> int:
    """Runs the command; returns its exit code."""
    arguments = _parser().parse_args(argv)
    if (arguments.base is None) != (arguments.build_base is None):
        _parser().error("--base and --build-base go together: the one without a compiler, the other with one")
    if arguments.base is None and arguments.python not in SUITES:
        _parser().error(f"no Debian has Python {arguments.python} ({', '.join(SUITES)}): give --base and --build-base")
    if why := reason():
        say(f"skipped: {why}")
        return 2
    directory = ROOT / "build/image"
    directory.mkdir(parents=True, exist_ok=True)
    engine = make_engine(directory)
    try:
        return make(arguments, engine, directory)
    except (RuntimeError, subprocess.CalledProcessError) as error:
        say(f"failed: {error}")
        return 1
    finally:
        if not arguments.keep:
            engine.remove()
            shutil.rmtree(directory)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.image.build", description="Builds, runs and measures.")
    parser.add_argument("--target", choices=("cpu", "gpu"), default="cpu")
    parser.add_argument("--python", default="3.13", help="3.10 to 3.13")
    parser.add_argument("--base", help="image with that Python; made by debootstrap if not given")
    parser.add_argument("--build-base", help="the same with g++, pip and Python's headers")
    parser.add_argument("--compare", action="store_true", help="with an image of the whole lock, too: minutes more")
    parser.add_argument("--demo", action="store_true", help="run the demo in it")
    parser.add_argument("--keep", action="store_true", help="leave images in build/image, for the next call")
    return parser


if __name__ == "__main__":
    sys.exit(main())
