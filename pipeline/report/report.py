"""`ratchet evaluate --report DIR`: the page, a summary for a pull request, and files for programs."""

from __future__ import annotations

import dataclasses
import datetime
import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from ratchet.components.coco.text_files import result_files
from ratchet.components.map_evaluator.evaluate_files import EvaluatedFiles
from ratchet.components.metrics.match_table import MatchTable
from ratchet.components.review.boxes import Boxes, boxes_in_columns
from ratchet.components.review.content import ErrorAnalysis
from ratchet.components.review.error_analysis import analyse_errors
from ratchet.components.review.files_content import ComparedFile, FilesContent
from ratchet.components.review.files_page import files_page
from ratchet.components.review.sections.files_head import TRUTH
from ratchet.pipeline.report.directory import (
    JSON,
    JUNIT,
    PAGE,
    SUMMARY,
    check_report_directory,
    write_report_files,
)
from ratchet.pipeline.report.junit import junit
from ratchet.pipeline.report.pictures import Pictures
from ratchet.pipeline.report.summary import summary
from ratchet.schemas.artifacts.evaluation import BASELINE, CANDIDATE, GOLDEN, Evaluation
from ratchet.schemas.base.code_version import code_version
from ratchet.schemas.base.formatting import many
from ratchet.schemas.data.records import attribute_columns


class Thumbnails(Protocol):
    """Makes thumbnails of images when they are asked for, as `Pictures` does.

    Attributes:
        unseen: why there is no picture, by file name.
        sizes_px: width and height of the files that were read, by file name.
    """

    unseen: dict[str, str]
    sizes_px: dict[str, tuple[int, int]]

    @property
    def directory(self) -> Path | None:
        """Where the images are; None where no picture is wanted."""
        ...

    def __call__(self, names: Sequence[str]) -> dict[str, bytes]:
        """JPEG thumbnails of those that can be read, by file name."""
        ...

    def address(self, name: str) -> str:
        """Where the file of a picture that was read lies, as an address; empty where that is not known."""
        ...


def check_pictures(pictures: Pictures, evaluated: EvaluatedFiles) -> None:
    """Makes sure that there are images to show, where there should be some.

    Raises:
        InputError: the directory of the images holds none of them.
    """
    pictures.check(dict(zip(evaluated.truth.file_names, evaluated.truth.sizes_px.tolist())))


def files_content(
    evaluated: EvaluatedFiles, files: Mapping[str, ComparedFile], pictures: Thumbnails, command: str
) -> FilesContent:
    """What a page shows of files that were evaluated.

    Args:
        evaluated: what came of the evaluation.
        files: that were read, by role.
        pictures: the images that it may show.
        command: that was given.
    """
    analysis = analyse_errors(_Seen(evaluated, pictures), evaluated.scored)
    return FilesContent(
        evaluation=Evaluation(evaluated.decision, {GOLDEN: evaluated.scored}, golden_digest=""),
        analysis=_with_sizes(analysis, pictures),
        files=files,
        pictures=pictures.directory and str(pictures.directory),
        unseen=pictures.unseen,
        command=command,
        code=code_version(),
        made_at=datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
    )


@dataclass(frozen=True)
class Report:
    """A report that is to be written.

    Attributes:
        pictures: the images that it may show.
        command: that was given.
        directory: where.
    """

    pictures: Pictures
    command: str
    directory: Path

    @classmethod
    def prepare(cls, directory: Path, images: Path | None, command: str) -> Report:
        """Looks first whether the report can be written, before anything is evaluated.

        Args:
            directory: where to write it.
            images: the directory of the images; None where pictures are not wanted.
            command: that was given.

        Raises:
            InputError: the directory is a stranger's, or the one of the images is none.
        """
        check_report_directory(directory)
        return cls(Pictures(images), command, directory)

    def write(
        self, evaluated: EvaluatedFiles, truth: Path, candidate: Path, baseline: Path | None, values: Any
    ) -> Path:
        """Writes the files.

        Args:
            evaluated: what came of the evaluation.
            truth: the ground truth that was read.
            candidate: the detections of the candidate.
            baseline: the detections of the baseline; None if there are none.
            values: what `--json` prints.

        Returns:
            The page.

        Raises:
            InputError: the directory of the images holds none of them.
            OSError: a file cannot be written; an earlier report is as it was.
        """
        check_pictures(self.pictures, evaluated)
        paths = {TRUTH: truth, CANDIDATE: candidate} | ({BASELINE: baseline} if baseline else {})
        files = {role: _compared(role, path, evaluated) for role, path in paths.items()}
        content = files_content(evaluated, files, self.pictures, self.command)
        texts = {
            PAGE: files_page(content),
            SUMMARY: summary(content, self.directory),
            JUNIT: junit(evaluated.decision, content.made_at),
            JSON: json.dumps(values) + "\n",
        }
        write_report_files(self.directory, texts)
        return self.directory / PAGE


@dataclass(frozen=True)
class _Seen:
    """Files that were evaluated, as errors are looked for in them."""

    evaluated: EvaluatedFiles
    read_images: Thumbnails

    @property
    def tables(self) -> Mapping[str, MatchTable]:
        return self.evaluated.tables

    @property
    def attributes(self) -> Mapping[str, np.ndarray]:
        return attribute_columns(self.evaluated.truth.attributes)

    def read_boxes(self, image_ids: Sequence[int]) -> Boxes:
        limit = self.evaluated.scored.max_detections
        return boxes_in_columns(self.evaluated.truth, self.evaluated.found, image_ids, limit)


def _with_sizes(analysis: ErrorAnalysis, pictures: Thumbnails) -> ErrorAnalysis:
    """The sizes of the files where the ground truth does not say any, and where the files are."""
    gallery = tuple(
        dataclasses.replace(
            image,
            size_px=image.size_px if all(image.size_px) else pictures.sizes_px.get(image.file_name, (1, 1)),
            original=pictures.address(image.file_name) if image.jpeg else "",
        )
        for image in analysis.gallery
    )
    return dataclasses.replace(analysis, gallery=gallery)


def _files(path: Path) -> list[Path]:
    """The file, or the result files of a directory."""
    if not path.is_dir():
        return [path]
    top, names = result_files(str(path))
    return [Path(top, name) for name in names]


def _compared(role: str, path: Path, evaluated: EvaluatedFiles) -> ComparedFile:
    digest, size = hashlib.sha256(), 0
    for file in _files(path):
        if file != path:
            digest.update(os.fsencode(file.relative_to(path)) + b"\0")
        with open(file, "rb") as opened:
            while block := opened.read(1 << 20):
                digest.update(block)
            size += opened.tell()
    if role == TRUTH:
        scored = evaluated.scored
        classes = many(len(scored.class_support), "class")
        holds = f"{many(scored.images, 'image')}, {many(scored.objects, 'object')} of {classes}"
    else:
        holds = many(len(evaluated.found[role].labels), "detection")
    return ComparedFile(role, str(path), size, digest.hexdigest(), holds)
