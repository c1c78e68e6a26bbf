"""Deliveries as they come: one run on each span that is whole, the newest first, one after another.

Newest      as `ratchet run` takes it: what is served is to have learned from today's data first. Where deliveries come
            faster than runs end, the newest is never more than one run away, and the others get theirs after it
Floor       the newest span that was decided when the watch began: what was passed over before stays a person's decision
Failed      a run without a verdict is tried again a few times, each time after a longer wait, and then given up until
            the files of its span change; a span that comes meanwhile is not kept waiting
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from ratchet.components.example_gen.manifests import Known
from ratchet.components.example_gen.spans import FoundSpan
from ratchet.components.object_store.files import files_of
from ratchet.pipeline.data.deliveries import Deliveries, find_deliveries, fingerprint
from ratchet.pipeline.data.new_span import decided_spans
from ratchet.schemas.base.errors import RatchetError
from ratchet.schemas.base.formatting import and_more, duration

_NAMED = 5
_LONGER = 4  # how much longer each wait is than the one before
_LONGEST_S = 3600.0


@dataclass(frozen=True)
class WatchRequest:
    """What is watched, and how.

    Attributes:
        root: pipeline root, which need not be there yet; local or gs://.
        data: holds the span directories.
        marker: `data.marker` of the settings.
        every_s: seconds between looks.
        tries: runs on one span that may fail before it is given up.
    """

    root: str
    data: str
    marker: str | None = None
    every_s: float = 60.0
    tries: int = 3


@dataclass(frozen=True)
class Ran:
    """A run that was made.

    Attributes:
        span: on which.
        exit_code: of the command.
        decided: the run that has decided on the span; None if the command came to no decision.
    """

    span: FoundSpan
    exit_code: int
    decided: str | None

    @property
    def failed(self) -> bool:
        """Whether it may be tried again: a command that says that nothing is new is an answer too."""
        return self.decided is None and self.exit_code != 0


@dataclass
class _Tried:
    """A span on which runs have failed, or which a run has answered without a decision."""

    files: tuple[tuple[str, int], ...]
    failures: int = 0
    next_at: float = 0.0
    is_answered: bool = False


@dataclass
class Watch:
    """Looks, and runs; it remembers what has failed.

    Attributes:
        request: what is watched.
        start: runs a command on a span; gives its exit code.
        tell: says something to a person.
        holder: who works in the root now, in words; None if nobody does.
        clock: seconds that only grow.
    """

    request: WatchRequest
    start: Callable[[FoundSpan], int]
    tell: Callable[[str], None]
    holder: Callable[[], str | None] = lambda: None
    clock: Callable[[], float] = time.monotonic
    found: Deliveries = field(default_factory=Deliveries)
    _known: Known = field(default_factory=dict)
    _tried: dict[tuple[int, int], _Tried] = field(default_factory=dict)
    _told: str = ""

    def look(self) -> FoundSpan | None:
        """Looks once; the span to run on, None if there is none.

        Raises:
            DataError: there is no such directory, or two directories are the same span.
            StateError: the object store cannot be read.
        """
        self._find()
        return next((span for span in self.found.new if self._may_try(span)), None)

    def run(self, span: FoundSpan) -> Ran:
        """Runs on a span, and remembers what came of it."""
        files = fingerprint(span, files_of(span.directory))
        self.tell(f"{_name(span)} is whole: a run begins on it")
        code = self.start(span)
        ran = Ran(span, code, decided_spans(self.request.root).get(span[:2]))
        tried = self._tried.setdefault(span[:2], _Tried(files))
        tried.files, tried.is_answered = files, not ran.failed
        if ran.failed:
            tried.failures += 1
            wait_s = min(self.request.every_s * _LONGER ** (tried.failures - 1), _LONGEST_S)
            tried.next_at = self.clock() + wait_s
            self.tell(self._failure(ran, tried.failures, wait_s))
        self._told = ""
        with contextlib.suppress(RatchetError, OSError):  # the next look says so
            self._find()
        return ran

    def step(self) -> Ran | None:
        """Looks, and runs where there is something to run on; survives what is wrong with data, root or store."""
        try:
            span = self.look()
            holder = self.holder() if span is not None else None
            if span is None or holder is not None:
                busy = f"{holder} works in the root; {_name(span)} is next" if span and holder else ""
                self._say(busy or self.waiting())
                return None
            return self.run(span)
        except (RatchetError, OSError) as error:
            self._say(f"cannot look, and tries again: {error}")
            return None

    def waiting(self) -> str:
        """What is waited for, in a sentence."""
        found, tries = self.found, self.request.tries
        parts = [f"waits for a span in {self.request.data}"]
        parts += [f"{each.name} is not whole yet: {each.lack}" for each in found.unfinished[:_NAMED]]
        failed = [span for span in found.new if self._of(span).failures and not self._of(span).is_answered]
        given_up = [_name(span) for span in failed if self._of(span).failures >= tries]
        again = [_name(span) for span in failed if self._of(span).failures < tries]
        parts += [f"tried again later: {_some(again)}"] if again else []
        parts += [f"given up until its files change: {_some(given_up)}"] if given_up else []
        if found.passed_over:
            parts.append(
                f"older than what runs have decided on, and passed over: {_some(found.passed_over)} "
                "(`ratchet run --span N` trains on one)"
            )
        return "; ".join(parts)

    @property
    def pending(self) -> int:
        """Whole spans that no run has decided on or answered."""
        return sum(not self._of(span).is_answered for span in self.found.new)

    def _find(self) -> None:
        asked = self.request
        self.found = find_deliveries(asked.root, asked.data, asked.marker, self.found.floor, self._known)

    def _of(self, span: FoundSpan) -> _Tried:
        return self._tried.get(span[:2], _Tried(()))

    def _may_try(self, span: FoundSpan) -> bool:
        tried = self._tried.get(span[:2])
        if tried is None:
            return True
        if tried.files != fingerprint(span, files_of(span.directory)):
            del self._tried[span[:2]]
            return True
        return not tried.is_answered and tried.failures < self.request.tries and self.clock() >= tried.next_at

    def _failure(self, ran: Ran, failures: int, wait_s: float) -> str:
        what = f"the run on {_name(ran.span)} ended with exit code {ran.exit_code} and no decision"
        if failures >= self.request.tries:
            return f"{what}, {failures} times now: given up until its files change or the watch begins anew"
        return f"{what}; it is tried again in {duration(wait_s)} ({failures} of {self.request.tries} tries)"

    def _say(self, text: str) -> None:
        """Once, until there is something else to say."""
        if text != self._told:
            self.tell(text)
            self._told = text


def _name(span: FoundSpan) -> str:
    return os.path.basename(span.directory)


def _some(names: list[str] | tuple[str, ...]) -> str:
    return ", ".join(names[:_NAMED]) + and_more(len(names) - _NAMED)
