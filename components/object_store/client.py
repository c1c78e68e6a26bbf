"""One client for each thread and process, by the environment's default credentials; what an error means.

Google's client is not made for use by several threads at once, and a connection must not be shared with a child
process: so clients belong to a thread, and a fork makes its own. Steps may send functions that use this module to Beam
workers.
"""

from __future__ import annotations

import contextlib
import os
import threading
import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from ratchet.components.object_store.patience import Patience
from ratchet.schemas.base.errors import StateError
from ratchet.schemas.base.visible import visible_line

if TYPE_CHECKING:
    from google.cloud.storage import Client

# Google's packages announce on import which Pythons they will drop some day; an error of a command is one line.
warnings.filterwarnings("ignore", category=FutureWarning, module=r"google\.")
AT_ONCE = 32  # requests under way; at 50 ms each, about 600 a second
_EMULATOR = "STORAGE_EMULATOR_HOST"
_SCOPES = ("https://www.googleapis.com/auth/devstorage.read_write",)
_LONGEST = 300  # characters of what the service says
_ROLE = "roles/storage.objectAdmin on the bucket"
_SIGN_IN = "gcloud auth application-default login, or the service account of the runner"

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass
class _Process:
    """What belongs to this process."""

    number: int = field(default_factory=os.getpid)
    credentials: Any = None
    threads: threading.local = field(default_factory=threading.local)
    pool: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(AT_ONCE, "object-store"))
    lock: threading.Lock = field(default_factory=threading.Lock)
    patience: Patience = field(default_factory=Patience)


_process = _Process()


def client() -> Client:
    """The client of this thread.

    Raises:
        StateError: there are no credentials, or the package is not installed.
    """
    threads, emulator = _own().threads, os.environ.get(_EMULATOR)
    made = getattr(threads, "client", None)
    if made is None or threads.emulator != emulator:
        made = _made(emulator)
        threads.client, threads.emulator = made, emulator
    return made


def in_pool(function: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
    """Applies a function to all items, so many at once as one process may have requests under way.

    Args:
        function: of one item; must not use the pool itself.
        items: all of them.

    Returns:
        The results, in order.

    Raises:
        Exception: what the function raised for the first item for which it did; by then, none is under way.
    """
    waiting = [_own().pool.submit(function, item) for item in items]
    try:
        return [each.result() for each in waiting]
    finally:
        for each in waiting:
            each.cancel()
        for each in waiting:
            if not each.cancelled():
                each.exception()


def ahead(function: Callable[[Item], Result], items: Iterable[Item], most: int = AT_ONCE) -> Iterator[Result]:
    """Applies a function to items one after another, as many ahead of whoever takes the results as may be under way.

    Args:
        function: of one item; must not use the pool itself.
        items: maybe more than memory holds at once.
        most: how many results wait at most, and how many calls are under way.

    Yields:
        The results, in order.
    """
    waiting: deque[Future[Result]] = deque()
    pool = _own().pool
    try:
        for item in items:
            waiting.append(pool.submit(function, item))
            if len(waiting) >= most:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        for each in waiting:
            each.cancel()


@contextlib.contextmanager
def explained(uri: str, doing: str) -> Iterator[None]:
    """Turns errors of the service into one sentence; preconditions and missing objects are the caller's to catch.

    Args:
        uri: what was to be done with.
        doing: `read`, `written`.

    Raises:
        StateError: the service refused, or could not be reached.
    """
    import requests
    from google.api_core.exceptions import GoogleAPIError, NotFound, PreconditionFailed
    from google.auth.exceptions import GoogleAuthError

    try:
        with _own().patience.waiting(uri):
            yield
    except PreconditionFailed:
        raise
    except NotFound as error:
        raise StateError(f"{uri}: there is no such bucket; make it, or correct the name") from error
    except GoogleAuthError as error:
        raise StateError(f"{uri}: cannot be {doing}: {_no_credentials(error)}") from error
    except FileNotFoundError:
        raise
    except (GoogleAPIError, requests.RequestException, OSError) as error:
        raise StateError(f"{uri}: cannot be {doing}: {_reason(error)}") from error


def is_bucket_missing(error: Exception) -> bool:
    """Whether it is the bucket that was not found, not an object in it."""
    return "bucket does not exist" in str(error).lower()


def _own() -> _Process:
    global _process
    if _process.number != os.getpid():  # after a fork
        _process = _Process()
    return _process


def _made(emulator: str | None) -> Client:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # on versions of Python that Google will drop some day
        try:
            import google.auth
            from google.cloud.storage import Client
        except ImportError as error:
            raise StateError(
                "gs:// needs Google's client for Cloud Storage: pip install 'ratchet-detector[gcs]'"
            ) from error
        own = _own()
        if not emulator:  # an emulator asks for none
            with own.lock:
                if own.credentials is None:
                    own.credentials = _credentials(google.auth)
        return Client(project=None, credentials=own.credentials if not emulator else None)


def _credentials(auth: Any) -> Any:
    try:
        return auth.default(scopes=_SCOPES)[0]
    except auth.exceptions.GoogleAuthError as error:
        raise StateError(f"gs://: {_no_credentials(error)}") from error


def _no_credentials(error: Exception) -> str:
    return f"there are no credentials, or they are refused ({_said(error)}); sign in: {_SIGN_IN}"


def _reason(error: Exception) -> str:
    cause = getattr(error, "cause", None) or error  # of a RetryError
    code = getattr(cause, "code", None)
    if code == 401:
        return _no_credentials(cause)
    if code == 403:
        return f"this account has no right to it ({_said(cause)}); give it {_ROLE}"
    if code == 429 or (isinstance(code, int) and code >= 500):
        return f"the service answers {int(code)}, also when asked again ({_said(cause)}); run the same again later"
    if code is not None:
        return f"the service refuses ({_said(cause)})"
    return f"the service cannot be reached ({_innermost(cause)}); look at the network and run the same again"


def _innermost(error: Exception) -> str:
    """What the system says, without the libraries around it, whose texts are addresses and objects."""
    seen: set[int] = set()
    inner: object = error
    while isinstance(inner, BaseException) and id(inner) not in seen:
        seen.add(id(inner))
        if isinstance(inner, OSError) and inner.strerror:
            return visible_line(inner.strerror)
        reason = getattr(inner, "reason", None)
        inner = next(
            (
                one
                for one in (reason, *inner.args, inner.__cause__, inner.__context__)
                if isinstance(one, BaseException)
            ),
            None,
        )
    return _said(error)


def _said(error: Exception) -> str:
    text = getattr(error, "message", None) or str(error) or type(error).__name__
    return visible_line(str(text).strip().split("\n")[0])[:_LONGEST]
