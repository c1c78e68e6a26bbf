"""Is it really served? TensorFlow Serving's model status API is asked until the version is available, failed, or late.

https://www.tensorflow.org/tfx/serving/api_rest: GET /v1/models/NAME/versions/VERSION answers a GetModelStatusResponse
(tensorflow_serving/apis/get_model_status.proto) as JSON. A version passes through START, LOADING and AVAILABLE; one
that could not be loaded ends as END with an error. The answer never undoes a push: it is told.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ratchet.components.registry.settings import ServingSettings
from ratchet.components.services.rest import Call, Send, ServiceError
from ratchet.schemas.artifacts.decisions import Reason
from ratchet.schemas.artifacts.publication import SERVING_AVAILABLE
from ratchet.schemas.base.visible import visible_line

_LONGEST = 300  # characters of the server's own words
AVAILABLE, END, UNLOADING = "AVAILABLE", "END", "UNLOADING"


@dataclass(frozen=True)
class Clock:
    """Time as it passes.

    Attributes:
        now: seconds since some moment.
        wait: lets seconds pass.
    """

    now: Callable[[], float] = time.monotonic
    wait: Callable[[float], None] = time.sleep


@dataclass(frozen=True)
class VersionStatus:
    """What a server says of a version.

    Attributes:
        state: of the API; UNKNOWN where it knows no such version yet.
        error: its own words; empty where nothing is wrong.
    """

    state: str
    error: str = ""

    @property
    def text(self) -> str:
        """Both for a sentence."""
        return f"{self.state} ({self.error})" if self.error else self.state


def await_available(settings: ServingSettings, name: str, version: str, send: Send, clock: Clock = Clock()) -> Reason:
    """Whether the server came to serve a version.

    Args:
        settings: where it is asked, and how long.
        name: of the pipeline.
        version: that was pushed.
        send: sends.
        clock: time as it passes.

    Returns:
        A rule that passed, with a warning where the version is not served.
    """
    model = settings.model_name or name
    call = Call("GET", f"{settings.status_url}/v1/models/{model}/versions/{version}")
    start = clock.now()
    while True:
        seen = _asked(call, version, send)
        waited = clock.now() - start
        if seen.state in (AVAILABLE, END, UNLOADING) or waited + settings.status_pause_s > settings.status_limit_s:
            return _reason(settings, model, version, seen, waited)
        clock.wait(settings.status_pause_s)


def version_status(answer: Mapping[str, Any], version: str) -> VersionStatus:
    """What an answer says of a version.

    >>> version_status({"model_version_status": [{"version": "7", "state": "LOADING", "status": {}}]}, "7")
    VersionStatus(state='LOADING', error='')

    Args:
        answer: a GetModelStatusResponse as JSON.
        version: the one that was asked for.
    """
    listed = answer.get("model_version_status")
    for found in listed if isinstance(listed, list) else ():
        if isinstance(found, dict) and str(found.get("version")) == version:
            status = found.get("status")
            status = status if isinstance(status, dict) else {}
            code, words = status.get("error_code", "OK"), status.get("error_message", "")
            error = "" if code in ("OK", 0) else f"{code}: {words}"
            return VersionStatus(visible_line(str(found.get("state", "UNKNOWN"))), _short(error))
    return VersionStatus("UNKNOWN", "the answer does not name the version")


def _asked(call: Call, version: str, send: Send) -> VersionStatus:
    try:
        return version_status(send(call), version)
    except ServiceError as error:
        # 404: it has not looked at the directory since the push, or has no model of this name.
        return VersionStatus("UNKNOWN", _short(str(error).partition(": ")[2] or str(error)))


def _reason(settings: ServingSettings, model: str, version: str, seen: VersionStatus, waited: float) -> Reason:
    expected = f"version {version} of {model} is AVAILABLE at {settings.status_url}"
    if seen.state == AVAILABLE:
        return Reason(SERVING_AVAILABLE, expected, f"AVAILABLE after {waited:.0f} s", passed=True)
    late = f" after {waited:.0f} s" if seen.state not in (END, UNLOADING) else ""
    advice = "the model stays pushed: look at the server's log, then wait or `ratchet rollback`"
    return Reason(SERVING_AVAILABLE, expected, f"{seen.text}{late}; {advice}", passed=True, warning=True)


def _short(text: str) -> str:
    return visible_line(" ".join(text.split())[:_LONGEST])
