"""What a person says of an act on the pipeline: who, why and until when; pure."""

from __future__ import annotations

import datetime

from schemas.base.errors import InputError

_LONGEST = 500  # characters
_LONGEST_APPROVAL = datetime.timedelta(days=366)


def one_line(option: str, text: str) -> str:
    """A name or reason that can stand in a log.

    Args:
        option: where it was given, for errors.
        text: what was given.

    Returns:
        It, without blanks at the ends.

    Raises:
        InputError: it says nothing, is too long or has line breaks.
    """
    stripped = text.strip()
    if not stripped:
        raise InputError(f"{option} is empty: it stands in the log, so say it")
    if len(stripped) > _LONGEST:
        raise InputError(f"{option} has {len(stripped)} characters: at most {_LONGEST} fit the log; say it shorter")
    if not stripped.isprintable():
        raise InputError(f"{option} {stripped!r}: one line of plain text, without line breaks or control characters")
    return stripped


def last_day(text: str, today: datetime.date) -> str:
    """The last day of an approval.

    Args:
        text: what was given.
        today: the present day in UTC.

    Returns:
        It, as YYYY-MM-DD.

    Raises:
        InputError: it is no day, over, or more than a year ahead.
    """
    try:
        day = datetime.datetime.strptime(text.strip(), "%Y-%m-%d").date()
    except ValueError as error:
        raise InputError(f"--expires {text!r}: not a day; give it as YYYY-MM-DD, such as {today}") from error
    if day < today:
        raise InputError(f"--expires {day}: that day is over; today is {today} (UTC)")
    if day > today + _LONGEST_APPROVAL:
        raise InputError(f"--expires {day}: an approval lasts a year at most, until {today + _LONGEST_APPROVAL}")
    return day.isoformat()
