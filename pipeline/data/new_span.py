"""Has a new span arrived, on which no run has decided? Listings and a few small files.

Span      the newest that is whole: with its marker, where one is asked for, and by the list of files that it has;
          for that alone its images are read, on this machine
decided   a run ended with a verdict on that number and version, whatever it was; not by an accident beside the data
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ratchet.components.example_gen.spans import FoundSpan, NotDeliveredError, find_span
from ratchet.components.object_store import objects
from ratchet.components.object_store.files import files_of
from ratchet.components.object_store.uri import is_gs
from ratchet.components.registry.entry_files import parse_value
from ratchet.components.registry.entry_index import EntryIndex
from ratchet.components.registry.registry import DECISIONS
from ratchet.components.registry.storages import storage_of
from ratchet.pipeline.run.nothing_new import ACCIDENTS
from ratchet.schemas.artifacts.registry_entries import RecordedDecision
from ratchet.schemas.artifacts.run_files import ABANDONED_FILE, REQUEST_FILE, RUN_RECORD_FORMAT
from ratchet.schemas.artifacts.run_result import RESULT_FILE, RUN_RESULT_FORMAT
from ratchet.schemas.base.errors import StateError
from ratchet.schemas.base.files import LOCAL_FILES, Files, read_regular

MARKER = "_SUCCESS"  # as Hadoop and Spark leave it when all of a directory is written
_MOST_RUNS = 500  # newest first: what an older one has decided stands in the registry
_AT_ONCE = 32


@dataclass(frozen=True)
class Arrival:
    """The newest span of a directory.

    Attributes:
        span: it; None if there is none, or none whose upload has ended.
        decided_by: the run that has decided on it; None: none has, so it is new.
    """

    span: FoundSpan | None
    decided_by: str | None

    @property
    def is_new(self) -> bool:
        """Whether there is work for a run."""
        return self.span is not None and self.decided_by is None


def newest_span(data: str, files: Files = LOCAL_FILES, marker: bool = False) -> FoundSpan | None:
    """The newest delivery of a directory that is whole.

    Args:
        data: holds the directories `span-N` and `span-N-version-V`.
        files: the file system.
        marker: whether a directory counts only once `_SUCCESS` is in it.

    Returns:
        The largest number, of it the largest version; None if there is none, or none that is whole.

    Raises:
        DataError: there is no such directory, or two directories are the same span.
    """
    # Objects appear whole or not at all, so to read all of them would tell little for much.
    try:
        return find_span(data, None, files, MARKER if marker else None, digests=not is_gs(data))
    except NotDeliveredError:
        return None


def find_arrival(root: str, data: str, marker: bool = False) -> Arrival:
    """The newest span, and whether a run has decided on it.

    Args:
        root: pipeline root, which need not be there yet; local or gs://.
        data: holds the span directories; local or gs://.
        marker: see `newest_span`.

    Raises:
        DataError: see `newest_span`.
        StateError: the object store cannot be read.
    """
    span = newest_span(data, files_of(data), marker)
    return Arrival(span, decided_by(root, span.number, span.version) if span else None)


def decided_by(root: str, number: int, version: int = 1) -> str | None:
    """The id of a run that has decided on a span; None if none has.

    Args:
        root: pipeline root, which need not be there yet.
        number: of the span.
        version: of the span.

    Raises:
        StateError: the object store cannot be read.
    """
    return _by_run(root, number, version) or _by_registry(root, number, version)


def decided_spans(root: str) -> dict[tuple[int, int], str]:
    """All spans on which runs have decided, by number and version, each with one of its runs.

    Args:
        root: pipeline root, which need not be there yet.

    Raises:
        StateError: the object store cannot be read.
    """
    found: dict[tuple[int, int], str] = {}
    for key, run_id in _by_runs(root):
        found.setdefault(key, run_id)
    for decision in _registered(root):
        found.setdefault((decision.span, decision.span_version), decision.run_id)
    return found


def _by_run(root: str, number: int, version: int) -> str | None:
    return next((run_id for key, run_id in _by_runs(root, number) if key == (number, version)), None)


def _by_runs(root: str, number: int | None = None) -> Iterator[tuple[tuple[int, int], str]]:
    """By what runs left behind, newest first: a span whose data were rejected stands nowhere else."""
    results = _newest_first(f"{root.rstrip('/')}/runs", RESULT_FILE)[:_MOST_RUNS]
    for start in range(0, len(results), _AT_ONCE):
        directories = [os.path.dirname(place) for place in results[start : start + _AT_ONCE]]
        # A local run's name begins with its span; that of another span need not be read.
        asked = [directory for directory in directories if _may_be_on(os.path.basename(directory), number)]
        files = [f"{directory}/{name}" for directory in asked for name in (RESULT_FILE, REQUEST_FILE, ABANDONED_FILE)]
        texts = list(_texts(files))
        for place, directory in enumerate(asked):
            result, request, abandoned = texts[3 * place : 3 * place + 3]
            key = _decided(result, request) if abandoned is None else None
            if key is not None:
                yield key, os.path.basename(directory)


def _may_be_on(run_id: str, number: int | None) -> bool:
    match = re.match(r"span-([0-9]+)-[0-9a-f]{8}-[0-9]+$", run_id, re.ASCII)
    return number is None or match is None or int(match[1]) == number


def _decided(result: bytes | None, request: bytes | None) -> tuple[int, int] | None:
    """The span on which a run has decided, by its files; what makes no sense says nothing."""
    try:
        ended = RUN_RESULT_FORMAT.read(result or b"", RESULT_FILE)
    except StateError:
        return None
    try:
        of_version = RUN_RECORD_FORMAT.read(request, REQUEST_FILE).span_version if request else 1
    except StateError:
        of_version = 1
    accident = any(reason.rule in ACCIDENTS and not reason.passed for reason in ended.reasons)
    return None if accident else (ended.span, of_version)


def _by_registry(root: str, number: int, version: int) -> str | None:
    for decision in _registered(root):
        if (decision.span, decision.span_version) == (number, version):
            return decision.run_id
    return None


def _registered(root: str) -> list[RecordedDecision]:
    """The decisions that the registry has, newest first, without accidents."""
    place = root.rstrip("/")
    index = EntryIndex(storage_of(f"{place}/registry", f"{place}/serving"), DECISIONS)
    found = []
    for name, value in index.all().items():
        with contextlib.suppress(StateError):  # `ratchet doctor` tells of it
            found.append(parse_value(value, index.place_of(name), RecordedDecision, place))
    sound = [decision for decision in found if decision.rule not in ACCIDENTS]
    return sorted(sound, key=lambda made: (made.decided_at, made.run_id), reverse=True)


def _newest_first(directory: str, name: str) -> list[str]:
    """The files of one name a level below a directory, newest first."""
    if is_gs(directory):
        found = [(info.updated.timestamp(), info.uri) for info in objects.list_below(directory)]
        depth = directory.count("/") + 2
        wanted = [(at, uri) for at, uri in found if uri.count("/") == depth and uri.endswith(f"/{name}")]
        return [uri for _, uri in sorted(wanted, reverse=True)]
    return [place for _, place in sorted(_local_files(directory, name), reverse=True)]


def _local_files(directory: str, name: str) -> Iterator[tuple[float, str]]:
    try:
        entries = sorted(os.listdir(directory))
    except OSError:  # nothing has run yet
        return
    for entry in entries:
        place = os.path.join(directory, entry, name)
        try:
            yield os.stat(place).st_mtime, place
        except OSError:  # a run that has not ended
            continue


def _texts(places: Sequence[str]) -> Iterator[bytes | None]:
    """The contents of files or objects; None for what is not there."""
    if places and is_gs(places[0]):
        yield from (read.data if read else None for read in objects.read_many(places))
        return
    for place in places:
        try:
            yield read_regular(place).encode()
        except (OSError, ValueError):
            yield None
