"""Where a message can go: what stands in `notify.urls`, read before a run starts.

No message in here says anything of a URL but its host: a webhook's path and a mailbox's password are secrets.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import SplitResult, unquote, urlsplit

from ratchet.schemas.base.errors import ConfigError

_ENV = "env:"
_WEBHOOKS = ("http", "https")
_MAILBOXES = {"smtp": 587, "smtps": 465}  # default ports: submission, with STARTTLS or TLS from the start
_ADDRESS = re.compile(r"""[!#-'*+\-/-9=?A-Z^-~.]+@[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?""")
_FORM = "smtp://USER:PASSWORD@HOST:587?from=a@b.org&to=c@d.org"


@dataclass(frozen=True)
class Webhook:
    """A URL that takes Slack's JSON by POST."""

    host: str
    url: str = field(repr=False)


@dataclass(frozen=True)
class Mailbox:
    """A mail server and whom to write to.

    Attributes:
        host: of the server.
        port: of the server.
        implicit_tls: TLS from the first byte; otherwise STARTTLS, if the server offers it.
        sender: address.
        recipients: addresses.
        user: to log in as; None: no login.
        password: of the user.
    """

    host: str
    port: int
    implicit_tls: bool
    sender: str
    recipients: tuple[str, ...]
    user: str | None = None
    password: str = field(default="", repr=False)


Target = Webhook | Mailbox


def parse_targets(urls: Sequence[str], environment: Mapping[str, str]) -> tuple[Target, ...]:
    """Reads `notify.urls`.

    Args:
        urls: the setting.
        environment: where `env:NAME` is looked up.

    Raises:
        ConfigError: one is no URL of a known form, or an environment variable is not set.
    """
    return tuple(_parse(f"notify.urls[{position}]", url.strip(), environment) for position, url in enumerate(urls))


def _parse(setting: str, text: str, environment: Mapping[str, str]) -> Target:
    if text.startswith(_ENV):
        name = text.removeprefix(_ENV)
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
            raise ConfigError(f"{setting}: env: must be followed by the name of an environment variable")
        setting, text = f"{setting} (env:{name})", environment.get(name, "").strip()
        if not text:
            raise ConfigError(f"{setting}: the environment variable {name} is not set; export it or remove the entry")
    try:
        url = _split(text)
        return _webhook(url) if url.scheme in _WEBHOOKS else _mailbox(url)
    except _UrlError as problem:
        raise ConfigError(f"{setting}: {problem}") from None


class _UrlError(Exception):
    """What is wrong with a URL, said without it."""


def _split(text: str) -> SplitResult:
    if not re.fullmatch(r"[!-~]*", text):  # urlsplit would drop line breaks without a word
        raise _UrlError("holds a space, a control character or one outside of ASCII; percent-encode it")
    try:
        url = urlsplit(text)
        _ = url.port
    except ValueError:  # its text may quote the password
        problem = "is no URL: host or port cannot be read; percent-encode special characters in a password"
        raise _UrlError(problem) from None
    if url.scheme not in (*_WEBHOOKS, *_MAILBOXES):
        raise _UrlError("must begin with https://, http://, smtp://, smtps:// or env:")
    if not url.hostname:
        raise _UrlError(f"has no host; expected https://HOST/... or {_FORM}")
    return url


def _webhook(url: SplitResult) -> Webhook:
    if "@" in url.netloc:
        raise _UrlError("a webhook takes no user and password before its host; remove them")
    return Webhook(str(url.hostname), url.geturl())


def _mailbox(url: SplitResult) -> Mailbox:
    if url.fragment or url.path not in ("", "/"):
        raise _UrlError(f"expected {_FORM}; percent-encode /, ?, # and @ in user and password")
    sender, recipients = _addresses(url.query)
    if (url.username is None) != (url.password is None) or url.username == "":
        raise _UrlError(f"needs both a user and a password, or neither: {_FORM}")
    user = None if url.username is None else unquote(url.username)
    password = unquote(url.password or "")
    if not f"{user}{password}".isascii():
        raise _UrlError("user and password must be ASCII, because Python's smtplib can send no other")
    port = url.port or _MAILBOXES[url.scheme]
    return Mailbox(str(url.hostname), port, url.scheme == "smtps", sender, recipients, user, password)


def _addresses(query: str) -> tuple[str, tuple[str, ...]]:
    fields: dict[str, list[str]] = {"from": [], "to": []}
    for part in filter(None, query.split("&")):  # not parse_qs: it would make a space of the + in an address
        name, _, value = part.partition("=")
        if name not in fields:
            raise _UrlError("knows only from= and to= after the question mark")
        fields[name].append(unquote(value))
    if len(fields["from"]) != 1 or not fields["to"]:
        raise _UrlError(f"needs one from= and at least one to=: {_FORM}")
    for name, addresses in fields.items():
        if not all(_ADDRESS.fullmatch(address) for address in addresses):
            raise _UrlError(f"{name}= must be a plain address such as someone@example.org")
    return fields["from"][0], tuple(fields["to"])
