"""`ratchet explain --report DIR`: the page and the answer as JSON."""

from __future__ import annotations

import dataclasses
import datetime
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ratchet.components.review.explain_content import AFTER, BEFORE, ExplainContent
from ratchet.components.review.explain_page import explain_page
from ratchet.components.review.files_content import FilesContent
from ratchet.pipeline.explain.answer import answer_of, title_of
from ratchet.pipeline.explain.explain import Explained
from ratchet.pipeline.explain.text import fall_line, surer_with
from ratchet.pipeline.report.directory import EXPLANATION, PAGE, write_report_files
from ratchet.pipeline.report.pictures import Pictures
from ratchet.pipeline.report.report import check_pictures, files_content
from ratchet.schemas.base.code_version import code_version


def write_explanation(explained: Explained, directory: Path, command: str, values: Mapping[str, Any]) -> Path:
    """Writes the page and the JSON.

    Args:
        explained: what came of it.
        directory: looked at by `check_report_directory`.
        command: that was given.
        values: what `--json` prints.

    Returns:
        The page.

    Raises:
        InputError: the directory of the images holds none of them.
        OSError: a file cannot be written; an earlier report is as it was.
    """
    texts = {PAGE: explain_page(_content(explained, command)), EXPLANATION: json.dumps(values) + "\n"}
    write_report_files(directory, texts)
    return directory / PAGE


def _content(explained: Explained, command: str) -> ExplainContent:
    diagnosis, trainings, pair = explained.diagnosis, explained.trainings, explained.bundle.plans
    told = answer_of(explained)
    changes = trainings.pair(explained.data.facts).changes if pair is None else pair.changes
    return ExplainContent(
        diagnosis=diagnosis,
        fall=fall_line(explained),
        head=told.title,
        sentence=told.sentence,
        evidence=told.facts,
        action=f"{told.action_head}: {told.action}" if told.action else "",
        titles={f"{each.cause}:{each.detail}": title_of(each.cause, each.detail) for each in diagnosis.findings},
        surer_with=surer_with(explained),
        plans={name: plan for name, plan in zip((BEFORE, AFTER), trainings.plans) if plan},
        curves={name: curves for name, curves in zip((BEFORE, AFTER), trainings.curves) if curves},
        changes=(*changes.changes, *changes.others) if changes else None,
        comparisons=explained.data.evidence.comparisons,
        data=explained.data.decision,
        facts=explained.data.facts,
        files=_files(explained, command),
        inputs=explained.request.given(),
        notes=explained.notes,
        command=command,
        code=code_version(),
        made_at=datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
    )


def _files(explained: Explained, command: str) -> FilesContent | None:
    """Figures and images of both models; None without result files."""
    evaluated, evaluation, request = explained.evaluated, explained.bundle.evaluation, explained.request
    if evaluated is None or evaluation is None:
        return None
    pictures = Pictures(_images_of(request.images, request.truth))
    check_pictures(pictures, evaluated)
    judged = dataclasses.replace(evaluated, decision=evaluation.decision)
    return files_content(judged, {}, pictures, command)


def _images_of(images: Path | None, truth: Path | None) -> Path | None:
    """Where the golden images are: as it was said, or in the directory of a golden set."""
    if images is not None or truth is None or not truth.is_dir():
        return images
    inner = truth / "images"
    return inner if inner.is_dir() else truth
