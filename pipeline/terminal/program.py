"""What a person starts this program by."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def program() -> list[str]:
    """What starts this program from any directory; its bare name where that is not known."""
    started = Path(sys.argv[0])
    if started.name == "ratchet" and started.is_file():
        return [os.path.abspath(started)]
    return [sys.executable, "-m", "ratchet"] if started.parts[-2:] == ("ratchet", "__main__.py") else ["ratchet"]
