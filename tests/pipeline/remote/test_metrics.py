"""`--metrics` of a root in Cloud Storage: what its registry has decided is no work that waits."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable
from pathlib import Path

from ratchet.pipeline.cli.metrics import with_metrics
from ratchet.pipeline.root.working_copy import WorkingCopy
from tests.builders import recorded_decision, write_span
from tests.pipeline.remote.conftest import Twins
from tests.pipeline.roots import registry_in


def waiting(root: Path, data: Path) -> dict[str, str]:
    """Spans by their state, as a command on the root writes them."""
    file = data.parent / "ratchet.prom"
    given = argparse.Namespace(metrics=file, given="ratchet run", root=root, data=data)
    assert with_metrics(given, lambda _: 0) == 0
    return dict(re.findall(r'ratchet_spans_waiting\{.*state="(\w+)"\} (\d+)', file.read_text()))


def test_a_span_whose_run_was_pruned_does_not_wait(twins: Callable[[Path], Twins], tmp_path: Path) -> None:
    for span in (4, 5):
        write_span(tmp_path / "data" / f"span-{span}")
    (tmp_path / "root").mkdir()
    registry_in(tmp_path / "root").record_decision("pruned", recorded_decision(run_id="pruned", span=5))
    both = twins(tmp_path / "root")
    copy = WorkingCopy.of(both.uri)
    copy.refresh()
    for root in (both.local, copy.directory):
        assert waiting(root, tmp_path / "data") == {"new": "0", "unfinished": "0"}
