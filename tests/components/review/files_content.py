"""Small contents of the page of compared files, any part of which a test can replace."""

from __future__ import annotations

from typing import Any

from ratchet.components.review.files_content import ComparedFile, FilesContent
from ratchet.components.review.sections.files_head import TRUTH
from ratchet.schemas.artifacts.decisions import Verdict
from ratchet.schemas.artifacts.evaluation import BASELINE, CANDIDATE
from tests.components.review.content import analysis, bootstrapped, data_set, evaluation, reason


def compared_file(role: str, **fields: Any) -> ComparedFile:
    """A file of a role."""
    whole: dict[str, Any] = {
        "path": f"out/{role}.json",
        "size_bytes": 4096,
        "sha256": "a" * 64,
        "holds": "7 detections",
    }
    return ComparedFile(role, **whole | fields)


def files_content(**fields: Any) -> FilesContent:
    """A candidate that is blocked, with pictures."""
    roles = (TRUTH, CANDIDATE, BASELINE)
    whole: dict[str, Any] = {
        "evaluation": evaluation(reason(), reason("class_drop:dog"), reason("min_map", passed=True)),
        "analysis": analysis(),
        "files": {role: compared_file(role) for role in roles},
        "pictures": "images",
        "unseen": {},
        "command": "ratchet evaluate --gt gt.json --dt candidate.json --report report",
        "code": "0.1.0, source 0123456789ab",
        "made_at": "2030-01-15T12:00:00+00:00",
    }
    return FilesContent(**whole | fields)


def alone(**fields: Any) -> FilesContent:
    """A candidate without a baseline, and without pictures."""
    first = bootstrapped()
    whole: dict[str, Any] = {
        "evaluation": evaluation(
            reason("min_map", passed=True), verdict=Verdict.BOOTSTRAPPED, golden=data_set(baseline=None)
        ),
        "analysis": first.analysis,
        "files": {role: compared_file(role) for role in (TRUTH, CANDIDATE)},
        "pictures": None,
    }
    return files_content(**whole | fields)
