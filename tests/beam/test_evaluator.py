"""The whole evaluator, through its executor: the same tables, files and decision on every runner."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ratchet.schemas.artifacts.evaluation import EVALUATION_FILE, EVALUATION_FORMAT, MATCHES_FILE, Evaluation
from ratchet.schemas.base.files import LOCAL_FILES
from ratchet.schemas.base.settings import to_json
from ratchet.schemas.data.dataset import DATASET_FILE, DATASET_FORMAT
from tests.beam.servers import Cluster, cluster
from tests.components.map_evaluator.evaluated_world import CHECKED, SETTINGS, World, examples, model, model_digest
from tests.nightly import by_night

pytestmark = pytest.mark.tensorflow
PROCESSES = ["--direct_num_workers=2", "--direct_running_mode=multi_processing"]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    directory = tmp_path_factory.mktemp("evaluator")
    golden = examples(directory / "golden", 0, eval=range(40))
    span = examples(directory / "span", 2, train=range(100, 150), eval=range(150, 160), held_out=range(160, 170))
    baseline = model(directory / "baseline", range(90, 95))
    info = DATASET_FORMAT.read(Path(golden.uri, DATASET_FILE).read_text(), DATASET_FILE)
    baseline.set_int_custom_property("has_baseline", 1)
    baseline.set_string_custom_property("version", "1700000000")
    baseline.set_string_custom_property("golden_digest", info.digest)
    baseline.set_string_custom_property("digest", model_digest(f"{baseline.uri}/Format-Serving", LOCAL_FILES))
    return World(directory, golden, span, model(directory / "candidate", range(100, 150)), baseline)


@pytest.fixture(scope="module")
def external(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with cluster(tmp_path_factory.mktemp("cluster")) as found:
        yield found


def evaluate(world: World, out: Path, args: list[str]) -> tuple[Evaluation, int]:
    """What was decided, and whether the candidate is blessed."""
    from tfx.types import standard_artifacts

    from ratchet.components.map_evaluator.executor import Executor

    evaluation, blessing = standard_artifacts.ModelEvaluation(), standard_artifacts.ModelBlessing()
    evaluation.uri, blessing.uri = str(out / "evaluation"), str(out / "blessing")
    inputs = {
        "golden": [world.golden],
        "examples": [world.span],
        "model": [world.candidate],
        "baseline_model": [world.baseline],
    }
    properties = {
        "settings": to_json(SETTINGS),
        "copies": to_json(CHECKED),
        "accept_new_golden": 0,
        "artifacts": str(world.directory),
    }
    context = Executor.Context(beam_pipeline_args=list(args), tmp_dir=str(out / "tmp"), unique_id="1")
    Executor(context).Do(inputs, {"evaluation": [evaluation], "blessing": [blessing]}, properties)
    text = (out / "evaluation" / EVALUATION_FILE).read_text()
    return EVALUATION_FORMAT.read(text, EVALUATION_FILE), blessing.get_int_custom_property("blessed")


def arrays_of(out: Path) -> dict[str, np.ndarray]:
    """Every table of matches, by data set and name."""
    found = {}
    for path in sorted((out / "evaluation").glob(f"*/{MATCHES_FILE}")):
        with np.load(path, allow_pickle=False) as arrays:
            found |= {f"{path.parent.name}/{name}": arrays[name] for name in arrays.files}
    return found


def coco_of(out: Path) -> dict[str, Any]:
    """The COCO files; workers are done in any order, and objects come in that of their images."""
    found = {}
    for path in sorted((out / "evaluation").glob("*/*.json")):
        value = json.loads(path.read_text())
        rows = value if isinstance(value, list) else [value.pop("images"), value.pop("annotations"), value]
        found[str(path.relative_to(out))] = sorted(json.dumps(row) for row in map(_unnumbered, rows))
    return found


def _unnumbered(row: Any) -> Any:
    """Annotations without their own number."""
    if not isinstance(row, list):
        return row
    return sorted(json.dumps({**each, "id": each["id"] if "file_name" in each else 0}) for each in row)


def untimed(evaluation: Evaluation) -> Evaluation:
    """Without what was measured by the clock."""
    reasons = tuple(each for each in evaluation.decision.reasons if not each.rule.startswith("serving:"))
    return dataclasses.replace(
        evaluation, serving=None, decision=dataclasses.replace(evaluation.decision, reasons=reasons)
    )


@by_night
def test_the_evaluator_measures_and_decides_the_same_on_every_runner(
    world: World, tmp_path: Path, external: Cluster
) -> None:
    evaluation, blessed = evaluate(world, tmp_path / "in_memory", [])
    tables, coco = arrays_of(tmp_path / "in_memory"), coco_of(tmp_path / "in_memory")
    assert {name.partition("/")[0] for name in tables} == {"golden", "held_out", "train_sample"}
    assert blessed == 1
    assert coco
    for name, args in (("external", external.args), ("processes", PROCESSES)):
        other, also_blessed = evaluate(world, tmp_path / name, args)
        found = arrays_of(tmp_path / name)
        assert found.keys() == tables.keys(), name
        for key, values in tables.items():
            assert found[key].dtype == values.dtype, (name, key)
            assert found[key].tobytes() == values.tobytes(), (name, key)
        assert coco_of(tmp_path / name) == coco, name
        assert untimed(other) == untimed(evaluation), name
        assert also_blessed == blessed, name
