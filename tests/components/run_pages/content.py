"""A small index, any part of which a test can replace."""

from __future__ import annotations

from typing import Any

from ratchet.components.run_pages.index_content import Act, CameToServe, IndexContent, IndexRow

FIRST = CameToServe("2030-01-01T12:00:00+00:00", "100", 0.5, 1, "BOOTSTRAPPED")
SECOND = CameToServe("2030-01-02T12:00:00+00:00", "200", 0.6, 1, "PUSHED")
APPROVED = CameToServe("2030-02-03T15:00:00+00:00", "300", 0.4, 2, "APPROVED")


def row(day: int = 1, verdict: str = "BLOCKED", **fields: Any) -> IndexRow:
    """A run that ended on a day of January 2030."""
    whole: dict[str, Any] = {
        "run_id": f"span-{day}-0123abcd-1",
        "at": f"2030-01-{day:02}T12:00:00+00:00",
        "verdict": verdict,
        "why": "mAP fell",
        "span": day,
        "map": 0.4,
        "delta": -0.2,
        "interval": (-0.3, -0.1),
        "golden": 1,
        "cause": "annotation",
        "cause_words": "the new span is labelled in another way: loose boxes",
        "page": f"span-{day}-0123abcd-1/review.html",
    }
    return IndexRow(**whole | fields)


def index(**fields: Any) -> IndexContent:
    """A first model, a push, a block that a person approved on another golden set, and rejected data."""
    nothing: dict[str, Any] = {"map": None, "delta": None, "interval": None, "golden": None}
    moss = Act("2030-02-03T15:00:00+00:00", "approved by moss until 2030-02-28 as version 300", "the new camera")
    whole: dict[str, Any] = {
        "pipeline": "digits",
        "root": "/data/root",
        "made_at": "2030-02-04T12:00:00+00:00",
        "rows": (
            row(31, golden=2, acts=(moss,)),
            row(3, "DATA_REJECTED", why="", cause="dataset_shift", cause_words="dataset shift: lighting", **nothing),
            row(
                2, "PUSHED", why="", map=0.6, delta=0.1, interval=(0.05, 0.15), cause="", cause_words="", version="200"
            ),
            row(1, "BOOTSTRAPPED", why="", map=0.5, delta=None, interval=None, cause="", cause_words="", version="100"),
        ),
        "served": (FIRST, SECOND, APPROVED),
        "serving": APPROVED,
        "serving_words": "run span-31-0123abcd-1 was blocked, and moss approved it",
        "goldens": ("a" * 64, "b" * 64),
        "notes": ("Golden set bbbbbbbbbbbb: look 1 of 100.",),
    }
    return IndexContent(**whole | fields)
