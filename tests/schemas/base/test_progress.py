from __future__ import annotations

import logging

import pytest

from ratchet.schemas.base.progress import Progress


def test_the_last_unit_is_always_reported_and_the_rate_leaves_out_the_first(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter([100.0, 101.0, 101.1, 110.0])
    monkeypatch.setattr("time.monotonic", lambda: next(clock))
    progress = Progress("training", 10, unit_size=16)
    with caplog.at_level(logging.INFO, logger="ratchet"):
        progress.update(1)  # at 100 s: compiling took however long
        progress.update(3, "loss 1")  # at 101 s: 2 steps of 16 images in 1 s
        progress.update(4)  # within the interval: not said
        progress.update(10)
    assert [record.getMessage() for record in caplog.records] == [
        "training 1/10",
        "training 3/10  loss 1  32 images/s  4 s left",
        "training 10/10  14 images/s",
    ]
