# PYTHON_ARGCOMPLETE_OK
"""Where the `ratchet` program begins: Ctrl-C while the first modules are imported is one line, too."""

from __future__ import annotations

import os


def main() -> int:
    """Runs the command of this process.

    Returns:
        The exit code.
    """
    try:
        from ratchet.pipeline.cli.main import main as command
        from ratchet.pipeline.cli.main import offer

        offer()
    except KeyboardInterrupt:
        os.write(2, b"ratchet: interrupted before it did anything\n")
        return 130
    return command()
