# PYTHON_ARGCOMPLETE_OK
"""`python -m ratchet` is the program `ratchet`."""

from ratchet.pipeline.cli.entry import main

if __name__ == "__main__":
    raise SystemExit(main())
