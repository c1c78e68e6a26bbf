"""The notebook runs on a pipeline root, and TFMA's views are in it."""

from __future__ import annotations

import html
import json
import os
import re
from pathlib import Path
from typing import Any

import pytest

from ratchet.components.registry.registry import Registry
from ratchet.components.registry.storage import DiskStorage
from ratchet.schemas.artifacts.evaluation import EVALUATION_FILE, EVALUATION_FORMAT
from ratchet.schemas.artifacts.registry_entries import RecordedDecision
from tests.builders import recorded_decision
from tests.components.map_evaluator.test_tfma_files import evaluation, write

CHECKOUT = Path(__file__).resolve().parent.parent.parent
NOTEBOOK = CHECKOUT / "notebooks" / "review.ipynb"
WIDGET = "application/vnd.jupyter.widget-view+json"


@pytest.fixture(scope="module")
def cells(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The notebook's cells by id, after a run on a root with a pushed, a lost and a blocked run."""
    root = tmp_path_factory.mktemp("root")
    registry = Registry(DiskStorage(f"{root}/registry", f"{root}/serving/digits"))
    for number, verdict in ((1, "BOOTSTRAPPED"), (2, "BLOCKED"), (3, "BLOCKED")):
        directory = root / "artifacts" / "MapEvaluator" / "evaluation" / str(number)
        if number != 2:
            directory.mkdir(parents=True)
            write(directory, with_baseline=number > 1)
            (directory / EVALUATION_FILE).write_text(EVALUATION_FORMAT.write(evaluation(with_baseline=number > 1)))
        registry.record_decision(f"span-{number}", decision(number, verdict, str(directory)))
    return {cell["id"]: cell for cell in run(root).cells}


def decision(number: int, verdict: str, directory: str) -> RecordedDecision:
    return recorded_decision(
        run_id=f"span-{number}-a-1",
        span=number,
        span_version=1,
        data_digest="data",
        golden_digest="golden",
        verdict=verdict,
        map=0.45,
        baseline_map=None if verdict == "BOOTSTRAPPED" else 0.5,
        decided_at=f"2026-03-0{number}T12:00:00+00:00",
        evaluation=directory,
        reason=None if verdict == "BOOTSTRAPPED" else "map_drop: <b>it</b> fell",
    )


def run(root: Path) -> Any:
    """The notebook after a run; an error in a cell is raised."""
    import nbformat  # takes four seconds, which every collection would pay
    from nbclient import NotebookClient

    notebook = nbformat.read(NOTEBOOK, as_version=4)
    resources = {"metadata": {"path": str(NOTEBOOK.parent)}}
    client = NotebookClient(notebook, startup_timeout=3600, resources=resources)  # a busy machine needs over a minute
    return client.execute(env={**os.environ, "RATCHET_ROOT": str(root), "TF_CPP_MIN_LOG_LEVEL": "3"})


def texts(cell: Any) -> str:
    shown = [output for output in cell.outputs if not widgets([output])]
    return "".join(output.get("text", "") or output.data["text/html"] for output in shown)


def widgets(outputs: Any) -> int:
    return sum(WIDGET in output.get("data", {}) for output in outputs)


def test_the_notebook_is_stored_without_outputs() -> None:
    import nbformat

    notebook = nbformat.read(NOTEBOOK, as_version=4)
    assert all(not cell.get("outputs") and not cell.get("execution_count") for cell in notebook.cells)


@pytest.mark.tensorflow
def test_runs_are_listed_the_newest_first_with_verdict_and_reason(cells: dict[str, Any]) -> None:
    table = texts(cells["runs"])
    assert table.index("span-3-a-1") < table.index("span-2-a-1") < table.index("span-1-a-1")
    assert "map_drop: &lt;b&gt;it&lt;/b&gt; fell" in table
    assert "BOOTSTRAPPED" in table


@pytest.mark.tensorflow
def test_the_newest_run_is_explained(cells: dict[str, Any]) -> None:
    assert "span-3-a-1 BLOCKED" in texts(cells["verdict"])
    assert "golden image 3 is image 7 of span 2" in texts(cells["verdict"])


@pytest.mark.tensorflow
@pytest.mark.parametrize("cell", ["slices", "overall", "series"])
def test_tfmas_views_are_there(cells: dict[str, Any], cell: str) -> None:
    assert widgets(cells[cell].outputs) == 1


@pytest.mark.tensorflow
def test_a_notebook_without_tfmas_extension_shows_its_components_in_a_frame(cells: dict[str, Any]) -> None:
    frame = html.unescape(texts(cells["view"]))
    assert frame.startswith("<div><iframe srcdoc=")
    data = re.search(r'id="tfma-data">(.*?)</script>', frame, re.DOTALL)
    assert data
    shown = json.loads(data[1])
    assert {row["slice"] for row in shown["classes"]["data"]} == {"class:cat", "class:dog", "class:auk"}
    runs = [run["config"]["modelIdentifier"].split(", ") for run in shown["series"]["data"]]
    assert [(run[1], run[-1]) for run in runs] == [("span 1", "span-1-a-1"), ("span 3", "span-3-a-1")]


@pytest.mark.tensorflow
def test_a_run_whose_evaluation_is_gone_is_named(cells: dict[str, Any]) -> None:
    assert "left out: span-2-a-1" in texts(cells["series"])


@pytest.mark.tensorflow
def test_what_is_served_is_said(cells: dict[str, Any]) -> None:
    assert "no model yet" in texts(cells["served"])
