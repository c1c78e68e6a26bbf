"""The steps that use Beam give the same bits on every runner that can be had, through the executors of a run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.beam.servers import Cluster, cluster
from tests.beam.steps import evaluate, run_example_gen, run_statistics, save_guesser, tables_of, tiny_span
from tests.nightly import by_night

pytestmark = pytest.mark.tensorflow
PROCESSES = ["--direct_num_workers=2", "--direct_running_mode", "multi_processing"]


@dataclass(frozen=True)
class Results:
    """What the steps wrote."""

    dataset: dict[str, Any]
    statistics: bytes
    matches: dict[str, np.ndarray]
    coco: dict[str, float]


def results(directory: Path, model: str, span: Path, args: list[str]) -> Results:
    from ratchet.components.metrics.average_precision import detection_metrics

    dataset = run_example_gen(span, directory / "examples", args)
    statistics = run_statistics(directory / "examples", directory / "statistics", args)
    measured = evaluate(directory / "examples", model, directory / "evaluation", args)
    metrics = detection_metrics(measured.tables["candidate"], num_classes=2)
    return Results(dataset, statistics, tables_of(measured), dict(metrics.coco))


@pytest.fixture(scope="module")
def span(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_span(tmp_path_factory.mktemp("delivery") / "span")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return save_guesser(tmp_path_factory.mktemp("model") / "1")


@pytest.fixture(scope="module")
def in_memory(tmp_path_factory: pytest.TempPathFactory, span: Path, model: str) -> Results:
    return results(tmp_path_factory.mktemp("in_memory"), model, span, [])


@pytest.fixture(scope="module")
def external(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with cluster(tmp_path_factory.mktemp("cluster")) as found:
        yield found


@by_night
@pytest.mark.parametrize("runner", ["external", "processes"])
def test_digest_statistics_match_tables_and_map_are_the_same_bits(
    tmp_path: Path, span: Path, model: str, in_memory: Results, external: Cluster, runner: str
) -> None:
    got = results(tmp_path, model, span, external.args if runner == "external" else PROCESSES)
    assert got.dataset == in_memory.dataset
    assert got.statistics == in_memory.statistics
    assert got.matches.keys() == in_memory.matches.keys()
    for name, values in in_memory.matches.items():
        assert np.array_equal(got.matches[name], values), name
    assert got.coco == in_memory.coco
    assert len(in_memory.matches["candidate.detections"]) > 0
