"""Which deliveries wait: whole ones on which no run has decided, and such as are not whole yet."""

from __future__ import annotations

import os
from dataclasses import dataclass

from ratchet.components.example_gen.manifests import Known
from ratchet.components.example_gen.spans import FoundSpan, Unfinished, lack_in, spans_in
from ratchet.components.object_store.files import files_of
from ratchet.components.object_store.uri import is_gs
from ratchet.pipeline.data.new_span import decided_spans
from ratchet.schemas.base.errors import DataError
from ratchet.schemas.base.files import Files


@dataclass(frozen=True)
class Deliveries:
    """What a directory of spans holds for runs that are to come.

    Attributes:
        new: whole and undecided, the newest first.
        unfinished: undecided and not whole yet, the newest first.
        passed_over: undecided, and older than `floor`: names, the newest first.
        floor: the number from which on spans are looked at; None where none is whole yet.
    """

    new: tuple[FoundSpan, ...] = ()
    unfinished: tuple[Unfinished, ...] = ()
    passed_over: tuple[str, ...] = ()
    floor: int | None = None


def find_deliveries(
    root: str, data: str, marker: str | None = None, floor: int | None = None, known: Known | None = None
) -> Deliveries:
    """Looks at a directory of spans.

    Of a span's versions the largest whole one counts. Older than the newest decided span nothing is looked at: a run on
    what was passed over is a person's decision.

    Args:
        root: pipeline root, which need not be there yet; local or gs://.
        data: holds the span directories; local or gs://.
        marker: see `find_span`.
        floor: of an earlier look, so that what came after it counts in whatever order runs decide; None: the newest
            decided span, or where none is decided the newest that is whole.
        known: see `manifests.lack_of`.

    Raises:
        DataError: there is no such directory, or two directories are the same span.
        StateError: the object store cannot be read.
    """
    files = files_of(data)
    if not files.isdir(data):
        raise DataError(f"{data}: no such directory; give the directory that holds the span-N directories")
    spans, decided = spans_in(data, files), decided_spans(root)
    if floor is None:
        floor = max((number for number, _ in decided), default=None)
    new: list[FoundSpan] = []
    unfinished: list[Unfinished] = []
    passed_over: list[str] = []
    for number in sorted({number for number, _ in spans}, reverse=True):
        if floor is not None and number < floor:
            keys = [key for key in spans if key[0] == number]
            passed_over += [] if any(key in decided for key in keys) else spans[max(keys)]
            continue
        versions = sorted((key for key in spans if key[0] == number), reverse=True)
        for key in versions:
            if key in decided:
                break
            span = FoundSpan(*key, os.path.join(data, _only(data, spans[key])))
            lack = lack_in(span, files, marker, digests=not is_gs(data), known=known)
            if lack is None:
                new.append(span)
                floor = number if floor is None else floor
                break
            unfinished.append(Unfinished(os.path.basename(span.directory), lack))
    return Deliveries(tuple(new), tuple(unfinished), tuple(passed_over), floor)


def _only(data: str, names: list[str]) -> str:
    if len(names) != 1:
        raise DataError(f"{data}: {' and '.join(names)} are the same span: rename one")
    return names[0]


def fingerprint(span: FoundSpan, files: Files) -> tuple[tuple[str, int], ...]:
    """Changes when the listing of a delivery does: what failed may be tried again then."""
    found: list[tuple[str, int]] = []
    for directory, _, names in files.walk(span.directory):
        for name in names:
            path = os.path.join(str(directory), str(name))
            found.append((path, _modified_ns(path)))
    return tuple(sorted(found))


def _modified_ns(path: str) -> int:
    try:
        return os.stat(path).st_mtime_ns
    except OSError:  # an object, whose name alone is known, or what is gone meanwhile
        return 0
