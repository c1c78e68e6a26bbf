"""How this machine reaches package indexes, handed to a build without a word of it in the image."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

CERTIFICATES = "/etc/ssl/certs"
_PATH = re.compile(r"(?:^|[\s=:,'\"]|file://)(/[A-Za-z0-9_.+-][A-Za-z0-9_.+/-]*)")


def merged_pip_configuration(listed: str) -> str:
    """One configuration file that says what all files and variables of this machine say to `pip install`.

    Args:
        listed: output of `pip config list`, a setting a line. Environment variables come as `:env:`, and win.
    """
    settings: dict[str, str] = {}
    for prefixes in (("global.",), ("install.",), (":env:.",)):
        for line in listed.splitlines():
            name, _, value = line.partition("=")
            if name.startswith(prefixes):
                settings[name.removeprefix(next(p for p in prefixes if name.startswith(p)))] = ast.literal_eval(value)
    # Several values stand below each other; a single one that does not stand on the setting's line pip does not take.
    lines = [f"{name} = " + "\n    ".join(value.split()) for name, value in settings.items()]
    return "\n".join(["[global]", *lines, ""])


def paths_in(configuration: str) -> list[str]:
    """Absolute paths that a configuration speaks of and that are here, such as wheels in a directory.

    The pages of an index in a directory, called simple, point to files beside them.
    """
    paths = [Path(path) for path in _PATH.findall(configuration)]
    return sorted({str(path.parent if path.name == "simple" else path) for path in paths if path.exists()})


def pip_configuration() -> str:
    """What this machine's pip is told."""
    command = [sys.executable, "-m", "pip", "config", "list"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:  # an environment without pip, as uv makes them
        done = subprocess.run(["python3", "-m", "pip", "config", "list"], capture_output=True, text=True, check=True)
    return merged_pip_configuration(done.stdout)


def build_arguments(configuration: str, file: Path) -> Sequence[str]:
    """Arguments of `podman build` for a configuration, which is written to a file.

    Args:
        configuration: of pip.
        file: is what the Dockerfile calls its secret.
    """
    file.write_text(configuration, encoding="utf-8")
    volumes = {path for path in [CERTIFICATES, *paths_in(configuration)] if Path(path).exists()}
    outer = [path for path in sorted(volumes) if not any(str(parent) in volumes for parent in Path(path).parents)]
    return [f"--secret=id=pip.conf,src={file}", *(f"--volume={path}:{path}:ro" for path in outer)]
