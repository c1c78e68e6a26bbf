"""The files of templates/nightly, in a place of their own with a command that does as it is told."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
TEMPLATES = REPOSITORY / "templates/nightly"
PLACE = "/srv/ratchet"  # what the templates call the directory of root, spans and environment
FAKE = """#!/bin/sh
echo "ratchet $*"
exit "$(cat "$0.code" 2>/dev/null || echo 0)"
"""


class Place:
    """A directory in the place of /srv/ratchet."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.program = directory / ".venv/bin/ratchet"
        self.program.parent.mkdir(parents=True)
        self.set_program(FAKE)

    def set_program(self, script: str) -> None:
        """What the templates call ratchet."""
        self.program.write_text(script)
        self.program.chmod(0o755)

    def ends_with(self, code: int) -> None:
        """The fake command's next ends."""
        self.program.with_name("ratchet.code").write_text(str(code))

    def text(self, name: str) -> str:
        """A template that says this directory."""
        return (TEMPLATES / name).read_text().replace(PLACE, str(self.directory))


def commands() -> dict[str, list[str]]:
    """Every command that a template gives, by the template's name, as a shell takes it apart."""
    found: dict[str, list[str]] = {}
    for path in sorted(TEMPLATES.iterdir()):
        for match in re.findall(r"^(?:ExecStart=|[0-9*].*&& ).*?bin/ratchet (.*?)(?: >.*)?$", path.read_text(), re.M):
            found[path.name] = shlex.split(match)
    return found
