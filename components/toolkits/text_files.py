"""Text files of other toolkits, which a person names: read whole, or refused in a sentence."""

from __future__ import annotations

from pathlib import Path

from ratchet.schemas.base.errors import InputError
from ratchet.schemas.base.files import reason_of, refuse_irregular
from ratchet.schemas.base.visible import visible_line

_UTF_16 = (b"\xff\xfe", b"\xfe\xff")  # as some editors of Windows save


def read_text_of(path: Path, most_bytes: int, what: str, known: str) -> str:
    """The text of a file, in UTF-8 or, with its mark, UTF-16.

    Args:
        path: of the file.
        most_bytes: more are not read.
        what: the file should be, for messages: `label file`.
        known: the forms of it that can be read, for messages.

    Raises:
        InputError: it cannot be read, is too large or no text; with the place and what to give.
    """
    source = visible_line(str(path))
    try:
        refuse_irregular(path)
        with open(path, "rb") as file:
            content = file.read(most_bytes + 1)
    except (OSError, ValueError) as error:
        raise InputError(f"{source}: cannot be read: {reason_of(error)}; give {known}") from error
    if len(content) > most_bytes:
        raise InputError(f"{source}: larger than {most_bytes // 1_000_000} MB, which no {what} is; give {known}")
    try:
        return content.decode("utf-16" if content[:2] in _UTF_16 else "utf-8-sig")
    except UnicodeDecodeError as error:
        where = f"{error.reason} at byte {error.start}"
        raise InputError(f"{source}: is no text in UTF-8 ({where}); give {known}") from error
