"""`ratchet adopt --report DIR`: the model on its golden set as a page with pictures, and the same as JSON."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ratchet.components.imaging.drawing import thumbnail
from ratchet.components.review.adoption_content import AdoptionContent
from ratchet.components.review.adoption_page import adoption_page
from ratchet.components.review.files_content import ComparedFile
from ratchet.components.review.sections.files_head import TRUTH
from ratchet.pipeline.adoption.adopted import Adopted, doubts, kind_in_words, training_lines
from ratchet.pipeline.adoption.golden import GoldenImages
from ratchet.pipeline.adoption.prepared import Prepared
from ratchet.pipeline.report.directory import ADOPTION, PAGE, write_report_files
from ratchet.pipeline.report.pictures import THUMBNAIL_PX
from ratchet.pipeline.report.report import files_content
from ratchet.schemas.artifacts.evaluation import CANDIDATE
from ratchet.schemas.base.errors import InputError
from ratchet.schemas.base.formatting import many


def write_adoption(adopted: Adopted, directory: Path, command: str, values: Mapping[str, Any]) -> Path:
    """Writes the page and the JSON.

    Args:
        adopted: what came of it.
        directory: looked at by `check_report_directory`.
        command: that was given.
        values: what `--json` prints.

    Returns:
        The page.

    Raises:
        DataError: a golden image cannot be read any more.
        InputError: the command had been carried out before, so that nothing was measured now, and its page is gone.
        OSError: a file cannot be written; an earlier report is as it was.
    """
    if adopted.prepared is None:
        if _is_of(adopted, directory):
            return directory / PAGE
        raise InputError(
            f"--report {directory}: nothing was measured now, since version {adopted.override.version} was adopted by "
            "this very command before; leave --report out, or give --dry-run and a --root that is not there yet"
        )
    content = _content(adopted, adopted.prepared, command)
    write_report_files(directory, {PAGE: adoption_page(content), ADOPTION: json.dumps(values) + "\n"})
    return directory / PAGE


def _is_of(adopted: Adopted, directory: Path) -> bool:
    """Whether the page of this very adoption is there."""
    try:
        values = json.loads((directory / ADOPTION).read_text(encoding="utf-8"))
        was = (values["dry_run"], values["override"]["run_id"], values["override"]["version"])
    except (OSError, ValueError, KeyError, TypeError):
        return False
    return was == (False, adopted.override.run_id, adopted.override.version) and (directory / PAGE).is_file()


def _content(adopted: Adopted, prepared: Prepared, command: str) -> AdoptionContent:
    found, made = prepared.found, adopted.override
    who = f"{made.by}: {made.reason}"
    return AdoptionContent(
        subject=f"{found.source}, {kind_in_words(found)}",
        sentence=f"Nothing was changed. It would be adopted by {who}"
        if adopted.dry_run
        else f"Served as version {made.version}, adopted by {who}",
        is_rehearsal=adopted.dry_run,
        notes=list(doubts(prepared)),
        reading=[line for line in (found.taken, found.proof, _kept(found.kept)) if line],
        training=list(training_lines(found.plan)),
        lacks=[(lack.what, lack.off) for lack in found.lacks],
        step="To adopt it, the same without --dry-run:"
        if adopted.dry_run
        else "What is trained on your spans has to be no worse on the same golden set:",
        command=_without_rehearsal(command) if adopted.dry_run else adopted.next_command(),
        files=files_content(
            prepared.measured.evaluated, _files(prepared), GoldenPictures(prepared.measured.images), command
        ),
    )


def _without_rehearsal(command: str) -> str:
    return shlex.join(word for word in shlex.split(command) if word != "--dry-run")


def _kept(signatures: Sequence[str]) -> str:
    return f"its own signatures are served as well: {', '.join(signatures)}" if signatures else ""


def _files(prepared: Prepared) -> dict[str, ComparedFile]:
    """The golden set and the model as they were given, with the digests that stand in the log."""
    measured, model = prepared.measured, prepared.found.source
    scored, golden = measured.evaluated.scored, measured.images
    classes = many(len(scored.class_support), "class")
    detections = many(len(measured.evaluated.found[CANDIDATE].labels), "detection")
    return {
        TRUTH: ComparedFile(
            TRUTH,
            golden.source.directory,
            golden.size_bytes,
            measured.golden_digest,
            f"{many(scored.images, 'image')}, {many(scored.objects, 'object')} of {classes}",
        ),
        CANDIDATE: ComparedFile(CANDIDATE, model, _size(Path(model)), prepared.digest, detections),
    }


def _size(directory: Path) -> int:
    return sum(path.stat().st_size for path in directory.rglob("*") if path.is_file())


@dataclass
class GoldenPictures:
    """Thumbnails of golden images, whatever the layout they are kept in.

    Attributes:
        images: the golden set.
        unseen: empty, for all of them were read before.
        sizes_px: empty, for records say the sizes.
    """

    images: GoldenImages
    unseen: dict[str, str] = field(default_factory=dict)
    sizes_px: dict[str, tuple[int, int]] = field(default_factory=dict)

    @property
    def directory(self) -> Path:
        """Of the golden set."""
        return Path(self.images.source.directory)

    def __call__(self, names: Sequence[str]) -> dict[str, bytes]:
        """JPEG thumbnails, by file name."""
        return {name: thumbnail(encoded, THUMBNAIL_PX) for name, encoded in self.images.named(names).items()}

    def address(self, name: str) -> str:
        """None: an image may lie in a file of many."""
        return ""
