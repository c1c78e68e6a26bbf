"""Which server keeps ML Metadata, as a URL says it; a password never stands in one."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import SplitResult, quote, unquote, urlsplit

SETTING = "metadata.url"
PASSWORD_VARIABLE = "RATCHET_METADATA_PASSWORD"
PASSWORD_FILE_VARIABLE = "RATCHET_METADATA_PASSWORD_FILE"
POSTGRESQL, MYSQL = "postgresql", "mysql"
_SCHEMES = {"postgresql": POSTGRESQL, "postgres": POSTGRESQL, "mysql": MYSQL, "mariadb": MYSQL}
_PORTS = {POSTGRESQL: 5432, MYSQL: 3306}
_EXAMPLE = "postgresql://ratchet@db.example.org/mlmd"
_WAYS = f"export it as {PASSWORD_VARIABLE}, or name a file that holds it in {PASSWORD_FILE_VARIABLE}"


@dataclass(frozen=True)
class Server:
    """A database of a server.

    >>> Server.parse("mariadb://ada@db/mlmd").url
    'mysql://ada@db:3306/mlmd'

    Attributes:
        kind: POSTGRESQL or MYSQL.
        host: its name or address.
        port: TCP.
        database: its name.
        user: who signs in.
    """

    kind: str
    host: str
    port: int
    database: str
    user: str

    @classmethod
    def parse(cls, url: str) -> Server:
        """Reads a URL.

        Raises:
            ValueError: it names no such server, or holds a password; no message repeats what could be one.
        """
        parts, port = _split(url)
        kind = _SCHEMES.get(parts.scheme)
        if kind is None:
            raise ValueError(f"must begin with postgresql:// or mysql://, such as {_EXAMPLE}")
        if not parts.hostname or not parts.username:
            raise ValueError(f"must name user and host, such as {_EXAMPLE}")
        database = unquote(parts.path[1:])
        if not database or "/" in database or not (database + parts.username).isprintable():
            raise ValueError(f"must name one database behind the host, such as {_EXAMPLE}")
        return cls(kind, parts.hostname, port or _PORTS[kind], database, unquote(parts.username))

    @property
    def url(self) -> str:
        """The whole URL, with the port."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.kind}://{quote(self.user, safe='')}@{host}:{self.port}/{quote(self.database, safe='')}"


def holds_password(url: str) -> bool:
    """Whether a URL has a password in it, or something behind a question mark, where one could stand."""
    behind = url.partition("://")[2]
    authority, at, _ = behind.rpartition("@")
    return bool(at and ":" in authority) or "?" in behind


def _split(url: str) -> tuple[SplitResult, int | None]:
    if holds_password(url):
        raise ValueError(f"holds a password or options, and it is written down: take them out; of a password {_WAYS}")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise ValueError(f"is no URL of a server; give one such as {_EXAMPLE}") from error
    if parts.fragment:
        raise ValueError(f"must end with the name of a database, such as {_EXAMPLE}")
    return parts, port
