"""Signatures of records: what a run decided cannot be changed afterwards by someone who has no key.

A signature is 80 hex digits: 16 that name the key, 64 of HMAC-SHA256 over the kind of record and its canonical JSON.
The keys are the lines of the file that RATCHET_SIGNING_KEY_FILE names; the first signs, all of them are accepted.
What this protects and what it cannot: docs/security.md
"""

from __future__ import annotations

import hmac
import json
import math
import os
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ratchet.schemas.base.errors import ConfigError, StateError
from ratchet.schemas.base.files import refuse_irregular

KEY_FILE_VARIABLE = "RATCHET_SIGNING_KEY_FILE"
# Refused, so that nobody believes to sign with it: what is in the environment is inherited by every worker process.
KEY_TEXT_VARIABLE = "RATCHET_SIGNING_KEY"
SHORTEST_KEY = 32  # characters
LEAST_KEY_BITS = 80.0  # by the frequencies of its characters; of ten million keys of 32 random hex digits none had less
_LARGEST_FILE = 64 * 1024  # bytes
_ID_DIGITS = 16
_SIGNATURE = re.compile(rf"[0-9a-f]{{{_ID_DIGITS + 64}}}")
_KIND = re.compile(r"[a-z][a-z0-9_-]*")
_MAKE_ONE = "make one with: openssl rand -hex 32"


@dataclass(frozen=True, eq=False)
class _Key:
    """A key's name and its keyed hash; the key itself is not kept, and a keyed hash cannot be pickled."""

    id: str
    _mac: hmac.HMAC = field(repr=False)

    @classmethod
    def of(cls, secret: bytes) -> _Key:
        mac = hmac.new(secret, digestmod="sha256")
        return cls(_digest(mac, b"ratchet-key-id\0")[:_ID_DIGITS], mac)

    def sign(self, message: bytes) -> str:
        return self.id + _digest(self._mac, message)


@dataclass(frozen=True, eq=False)
class Signer:
    """Signs records with the first of its keys and accepts the signatures of all of them.

    Attributes:
        keys: at least one; none of them shows its secret.
    """

    keys: tuple[_Key, ...]

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Signer | None:
        """The signer with the keys of the file that RATCHET_SIGNING_KEY_FILE names.

        Args:
            environment: where the variable is looked up.

        Returns:
            None if the variable is not set: then nothing is signed or checked.

        Raises:
            ConfigError: the file cannot be read, or a line of it is no usable key; without showing the key.
        """
        if KEY_TEXT_VARIABLE in environment:
            raise ConfigError(
                f"{KEY_TEXT_VARIABLE}: keys are not read from the environment; write the key into a file that only "
                f"you can read, name it in {KEY_FILE_VARIABLE}, and unset {KEY_TEXT_VARIABLE}"
            )
        path = environment.get(KEY_FILE_VARIABLE)
        return None if path is None else cls(_read_keys(path))

    def sign(self, kind: str, values: Mapping[str, Any]) -> str:
        """The signature of a record.

        Args:
            kind: what it is, such as "served"; a signature of one kind is none of another.
            values: what JSON can hold; without the signature.

        Returns:
            80 hex digits.

        Raises:
            ValueError: NaN or infinite numbers, or a kind that is not lower-case letters, digits, - and _.
            TypeError: something that JSON cannot hold.
        """
        return self.keys[0].sign(_message(kind, values))

    def check(self, kind: str, values: Mapping[str, Any], signature: str | None, what: str) -> None:
        """Accepts a record that one of the keys signed as it is.

        Args:
            kind: as it was signed.
            values: as they were signed, or as they came back from JSON; without the signature.
            signature: what stands beside them; None if nothing does.
            what: the file or entry, for the message.

        Raises:
            StateError: it is unsigned, was signed by another key, or was altered since.
        """
        if signature is None:
            raise StateError(
                f"{what}: unsigned, and {KEY_FILE_VARIABLE} is set: it may be older than the key, or not be ours; "
                f"see docs/security.md for how a root begins to be signed"
            )
        if not isinstance(signature, str) or not _SIGNATURE.fullmatch(signature):
            raise StateError(_altered(what, "what stands there as its signature is none"))
        key = next((key for key in self.keys if hmac.compare_digest(key.id, signature[:_ID_DIGITS])), None)
        if key is None:
            known = ", ".join(key.id for key in self.keys)
            raise StateError(
                f"{what}: signed by another key, {signature[:_ID_DIGITS]}; {KEY_FILE_VARIABLE} has {known}; "
                f"add a line with the key that signed it"
            )
        if not hmac.compare_digest(_signature_or_nothing(key, kind, values), signature):
            raise StateError(_altered(what, f"it is not what key {key.id} signed as {kind}"))

    def is_current(self, signature: str | None) -> bool:
        """Whether the signature names the key that signs today; it may still be a wrong one."""
        return isinstance(signature, str) and signature[:_ID_DIGITS] == self.keys[0].id


def canonical_json(values: Mapping[str, Any]) -> str:
    """The one text of a JSON object: keys sorted, no spaces, ASCII.

    >>> canonical_json({"b": (1, 2.50), "a": "é"})
    '{"a":"\\\\u00e9","b":[1,2.5]}'
    """
    # There and back first, so that {10: ..., 9: ...} is in the order that its text will have when it is read again.
    plain = json.loads(json.dumps(values, allow_nan=False))
    return json.dumps(plain, sort_keys=True, separators=(",", ":"), allow_nan=False)


def _message(kind: str, values: Mapping[str, Any]) -> bytes:
    if not _KIND.fullmatch(kind):
        raise ValueError(f"kind {kind!r} must be lower-case letters, digits, - and _")
    return b"\0".join((b"ratchet-signature-1", kind.encode(), canonical_json(values).encode()))


def _digest(mac: hmac.HMAC, message: bytes) -> str:
    own = mac.copy()
    own.update(message)
    return own.hexdigest()


def _signature_or_nothing(key: _Key, kind: str, values: Mapping[str, Any]) -> str:
    try:
        return key.sign(_message(kind, values))
    except (ValueError, RecursionError):  # a NaN that someone wrote into the file: nothing that was signed holds one
        return ""


def _altered(what: str, why: str) -> str:
    return f"{what}: altered after it was signed ({why}); restore it from a backup, or find out who changed it"


def _read_keys(path: str) -> tuple[_Key, ...]:
    lines = _read_file(path).splitlines()
    keys = [_read_key(line.strip(), f"{path}, line {n}") for n, line in enumerate(lines, 1) if line.strip()]
    if not keys:
        raise ConfigError(f"{KEY_FILE_VARIABLE}: {path} has no key; {_MAKE_ONE}")
    return tuple(keys)


def _read_file(path: str) -> bytes:
    try:
        refuse_irregular(path)
        with open(path, "rb") as file:
            content = file.read(_LARGEST_FILE + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "no file has such a name"
    else:
        if len(content) <= _LARGEST_FILE:
            return content
        reason = f"more than {_LARGEST_FILE} bytes"
    # Outside of the handler: the error that is handled there names the file, which may be the key by mistake.
    raise ConfigError(
        f"{KEY_FILE_VARIABLE}: {_shown_path(path)}: cannot be read as a file of keys ({reason}); name a file with "
        f"a key a line, or unset {KEY_FILE_VARIABLE} to do without signatures"
    )


def _shown_path(path: str) -> str:
    """The path, unless it may be a key that was given in place of a file's name."""
    is_path = len(path) < SHORTEST_KEY or os.path.isdir(os.path.dirname(path))
    return repr(path) if is_path else f"a value of {len(path)} characters"


def _read_key(secret: bytes, where: str) -> _Key:
    problem = _weakness(secret)
    if problem:
        raise ConfigError(f"{KEY_FILE_VARIABLE}: {where}: {problem}; {_MAKE_ONE}")
    return _Key.of(secret)


def _weakness(secret: bytes) -> str:
    if not all(0x21 <= byte <= 0x7E for byte in secret):
        return "a key is a line of printable ASCII without spaces, and there are no comments"
    if len(secret) < SHORTEST_KEY:
        return f"a key of {len(secret)} characters is too short, at least {SHORTEST_KEY} are needed"
    bits = _bits(secret)
    if bits < LEAST_KEY_BITS:
        return f"a key this regular is easy to guess ({bits:.0f} bits, at least {LEAST_KEY_BITS:.0f} are needed)"
    return ""


def _bits(secret: bytes) -> float:
    """What the frequencies of its characters say of a key, in bits; what is only repeated counts once."""
    once = secret[: (secret + secret).find(secret, 1)]
    return sum(count * math.log2(len(once) / count) for count in Counter(once).values())
