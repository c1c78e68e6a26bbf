"""What a configuration may say about notifications."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import Field

from schemas.base.errors import ConfigError
from schemas.base.settings import settings

# A plain Literal and not the Verdict: a crash has none.
Event = Literal["BLOCKED", "INCONCLUSIVE", "DATA_REJECTED", "CRASHED", "PUSHED", "BOOTSTRAPPED"]
CRASHED: Event = "CRASHED"
_URLS = re.compile(r"^((?:--\w+=)?\s*notify\.urls\s*=).*", re.DOTALL)
_GROUP = re.compile(r"^((?:--\w+=)?\s*notify\s*=).*", re.DOTALL)


def check_shape(notify: Any, source: str) -> None:
    """Finds a wrong type in the group `notify` before pydantic does, which shows the value: a URL may be a secret.

    Args:
        notify: the group as YAML gives it.
        source: what to call it in the message.

    Raises:
        ConfigError: it is not a group, or its `urls` are not a list of texts.
    """
    if not isinstance(notify, Mapping):
        raise ConfigError(f"{source}: notify: must be a group of settings, for example {{urls: [env:SLACK_URL]}}")
    urls = notify.get("urls", [])
    if not isinstance(urls, list) or not all(isinstance(url, str) for url in urls):
        raise ConfigError(f"{source}: notify.urls: must be a list of texts, for example [env:SLACK_URL]")


def without_urls(arguments: Sequence[str]) -> list[str]:
    """Arguments of a command, to be shown or kept, without what `--set notify.urls=...` may hold.

    >>> without_urls(["run", "--set", "notify.urls=[https://hooks.example.org/secret]", "--set", "notify.on=[PUSHED]"])
    ['run', '--set', 'notify.urls=[env:HIDDEN]', '--set', 'notify.on=[PUSHED]']
    >>> without_urls(["--set=notify={urls: [https://hooks.example.org/secret]}"])
    ['--set=notify={urls: [env:HIDDEN]}']
    """
    return [_GROUP.sub(r"\1{urls: [env:HIDDEN]}", _URLS.sub(r"\1[env:HIDDEN]", argument)) for argument in arguments]


@settings
class NotifySettings:
    """Who is told how a run ended: docs/notifications.md.

    Attributes:
        urls: webhooks, mailboxes, or `env:NAME` for what an environment variable holds; none: nobody is told.
        on: what is told.
    """

    urls: tuple[str, ...] = ()
    on: Annotated[tuple[Event, ...], Field(min_length=1)] = ("BLOCKED", "INCONCLUSIVE", "DATA_REJECTED", "CRASHED")
