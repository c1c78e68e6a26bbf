"""Base images made by debootstrap, for a machine that reaches a Debian mirror and no registry of images."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

from tests.image.engine import Engine

SUITES = {"3.13": "trixie"}  # which Debian has which Python and a glibc that is new enough for it
BASE, BUILD_BASE = "localhost/ratchet-base", "localhost/ratchet-build-base"
_MIRROR = re.compile(r"^\s*(?:URIs:|deb\s(?:.*\s)?)\s*((?:https?|file)://\S+/debian/?)(?:\s|$)", re.MULTILINE)
_BUILD_BASE = f"""FROM {BASE}
RUN apt-get update -qq && apt-get install -y -qq --no-install-recommends g++ python3-dev python3-pip
"""


def mirror_in(sources: Iterable[str]) -> str:
    """The first mirror of Debian in apt's sources, so that a company's mirror is used where there is one.

    >>> mirror_in(["# http://a/debian", "Types: deb\\nURIs: http://b/debian"])
    'http://b/debian'
    """
    return next((match[1] for text in sources for match in _MIRROR.finditer(text)), "http://deb.debian.org/debian")


def make_bases(engine: Engine, python: str, directory: Path) -> tuple[str, str]:
    """Names of the base and of the base to build with, which are made unless they are there.

    Args:
        engine: where they are kept.
        python: one that a Debian has.
        directory: for the tree in between.
    """
    suite = SUITES[python]
    base, build_base = f"{BASE}:{suite}", f"{BUILD_BASE}:{suite}"
    if not engine.has(base):
        _import(engine, _debootstrap(suite, directory / suite), base)
    if not engine.has(build_base):
        context = directory / "build-base"
        context.mkdir(exist_ok=True)
        (context / "Dockerfile").write_text(_BUILD_BASE.replace(BASE, base))
        engine.build(context, [f"--tag={build_base}"])
    return base, build_base


def _debootstrap(suite: str, tree: Path) -> Path:
    sources = (Path("/etc/apt/sources.list"), *sorted(Path("/etc/apt/sources.list.d").glob("*")))
    mirror = mirror_in(path.read_text() for path in sources if path.is_file())
    shutil.rmtree(tree, ignore_errors=True)
    packages = "--include=ca-certificates,python3"
    command = ["debootstrap", "--variant=minbase", packages, suite, str(tree), mirror]
    with (tree.parent / "debootstrap.log").open("w") as log:
        subprocess.run(command, check=True, stdout=log, stderr=log)
    return tree


def _import(engine: Engine, tree: Path, name: str) -> None:
    tar = [
        "tar",
        "--create",
        "--directory",
        str(tree),
        "--exclude=./var/cache/apt/*",
        "--exclude=./var/lib/apt/lists/*",
    ]
    with subprocess.Popen([*tar, "."], stdout=subprocess.PIPE) as process:
        engine.call(["import", "--quiet", "-", name], stdin=process.stdout)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, tar)
    shutil.rmtree(tree)
