"""Cron as people write it, in five fields, and as the runners want it."""

from __future__ import annotations

import datetime
import re
from dataclasses import dataclass

from ratchet.schemas.base.errors import InputError
from ratchet.schemas.base.visible import visible_line

UTC = "UTC"
_EXAMPLE = "give five fields, minute hour day month weekday: '0 3 * * *' is every night at three"
_FIELDS = (("minute", 0, 59), ("hour", 0, 23), ("day", 1, 31), ("month", 1, 12), ("weekday", 0, 7))
_NAMES = {
    "month": ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"),
    "weekday": ("sun", "mon", "tue", "wed", "thu", "fri", "sat"),
}
_RANGE = re.compile(r"(\*|([0-9]{1,2}|[a-z]{3})(?:-([0-9]{1,2}|[a-z]{3}))?)(?:/([0-9]{1,2}))?", re.ASCII)


@dataclass(frozen=True)
class Timing:
    """When scheduled runs start.

    Attributes:
        cron: as the runner wants it.
        start_time: RFC 3339; None: at once.
        end_time: RFC 3339; None: never.
        is_paused: whether it waits for `resume`.
    """

    cron: str
    start_time: str | None
    end_time: str | None
    is_paused: bool


def checked_cron(text: str) -> str:
    """A cron expression of five fields, with single blanks.

    >>> checked_cron("0  3 * * mon-fri")
    '0 3 * * mon-fri'

    Args:
        text: as it was given.

    Raises:
        InputError: it is none; the message names the field.
    """
    fields = text.split()
    if len(fields) != len(_FIELDS):
        raise InputError(f"--cron {visible_line(text)!r}: has {len(fields)} fields; {_EXAMPLE}")
    for field, (name, low, high) in zip(fields, _FIELDS):
        if not all(_is_range(part.lower(), name, low, high) for part in field.split(",")):
            raise InputError(
                f"--cron {visible_line(text)!r}: {visible_line(field)!r} is no {name} ({low} to {high}); {_EXAMPLE}"
            )
    return " ".join(fields)


def with_seconds(cron: str) -> str:
    """The same in the six fields of Kubeflow Pipelines, seconds first; Sunday is 0 there, never 7.

    >>> with_seconds("0 3 * * 1-5")
    '0 0 3 * * 1-5'
    >>> with_seconds("30 4 * * 7")
    '0 30 4 * * 0'

    Raises:
        InputError: the weekdays go through Sunday in steps.
    """
    *rest, weekdays = cron.split()
    return " ".join(("0", *rest, ",".join(_sunday_is_0(part) for part in weekdays.split(","))))


def in_zone(cron: str, zone: str | None) -> str:
    """The same as Vertex AI is told the time zone.

    >>> in_zone("0 3 * * *", "Europe/Prague")
    'TZ=Europe/Prague 0 3 * * *'
    """
    return f"TZ={zone} {cron}" if zone else cron


def checked_zone(zone: str) -> str:
    """A time zone of the IANA database.

    Raises:
        InputError: it is none, or this machine has no such database.
    """
    import zoneinfo

    if zone == UTC:
        return zone
    try:
        zoneinfo.ZoneInfo(zone)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise InputError(
            f"--time-zone {visible_line(zone)!r}: no time zone known here; give a name such as Europe/Prague"
        ) from error
    return zone


def checked_time(option: str, text: str | None) -> str | None:
    """A moment as RFC 3339, in UTC; None for none.

    >>> checked_time("--start", "2027-01-15T03:00:00+01:00")
    '2027-01-15T02:00:00Z'

    Args:
        option: where it was given, for errors.
        text: what was given.

    Raises:
        InputError: it is none, or does not say in which time zone.
    """
    if text is None:
        return None
    try:
        moment = datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise InputError(f"{option} {visible_line(text)!r}: no moment; give it as 2027-01-15T03:00:00Z")
    return moment.astimezone(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def _is_range(part: str, name: str, low: int, high: int) -> bool:
    match = _RANGE.fullmatch(part)
    if match is None:
        return False
    _, first, last, step = match.groups()
    if step is not None and int(step) == 0:
        return False
    if first is None:
        return True
    begin = _number(first, name)
    end = begin if last is None else _number(last, name)
    return begin is not None and end is not None and low <= begin <= end <= high


def _number(text: str, name: str) -> int | None:
    if text.isdigit():
        return int(text)
    names = _NAMES.get(name, ())
    return names.index(text) + (name == "month") if text in names else None


def _sunday_is_0(part: str) -> str:
    if part == "0-7":
        return "*"
    if part == "7":
        return "0"
    if re.fullmatch(r"[1-6]-7", part):
        return f"{part[0]}-6,0"
    if part.startswith("7") or "-7" in part:
        raise InputError(f"--cron: weekday {part!r}: Kubeflow counts Sunday as 0; list the days, such as 1,3,5,0")
    return part
