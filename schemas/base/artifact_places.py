"""Where an artifact is, as a file says that may have moved with its pipeline root; pure."""

from __future__ import annotations

_DIRECTORY = "/artifacts/"  # of a pipeline root, below which TFX writes everything


def to_record(uri: str, artifacts: str | None) -> str:
    """What to write down of the place of an artifact.

    Args:
        uri: where it is.
        artifacts: the artifacts directory of the pipeline root; None: there is none.

    Returns:
        The path below that directory, or the URI as it is where it lies elsewhere.

    >>> to_record("/old/artifacts/ExampleGen/examples/7", "/old/artifacts")
    'ExampleGen/examples/7'
    >>> to_record("/elsewhere/examples/7", "/old/artifacts")
    '/elsewhere/examples/7'
    """
    prefix = f"{artifacts.rstrip('/')}/" if artifacts else None
    return uri[len(prefix) :] if prefix and uri.startswith(prefix) else uri


def places(recorded: str, artifacts: str | None) -> tuple[str, ...]:
    """Where an artifact may be now, the likeliest place first: a root that was moved or copied has its own.

    Args:
        recorded: what was written down, here or where the root was before.
        artifacts: the artifacts directory of the pipeline root as it is now; None: there is none.

    >>> places("ExampleGen/examples/7", "/new/artifacts")
    ('/new/artifacts/ExampleGen/examples/7',)
    >>> places("/old/artifacts/ExampleGen/examples/7", "/new/artifacts")
    ('/new/artifacts/ExampleGen/examples/7', '/old/artifacts/ExampleGen/examples/7')
    >>> places("/elsewhere/examples/7", "/new/artifacts")
    ('/elsewhere/examples/7',)
    """
    if artifacts is None:
        return (recorded,)
    if not recorded.startswith("/") and "://" not in recorded:
        return (f"{artifacts.rstrip('/')}/{recorded}",)
    _, found, rest = recorded.rpartition(_DIRECTORY)
    own = f"{artifacts.rstrip('/')}/{rest}"
    return (own, recorded) if found and own != recorded else (recorded,)
