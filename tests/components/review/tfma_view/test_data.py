"""What TFMA wrote is read with TFMA, and shown by TFMA's components."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from ratchet.components.review.tfma_view.figures import component_data
from ratchet.components.review.tfma_view.page import tfma_page
from ratchet.components.review.tfma_view.results import TfmaResults
from ratchet.components.review.tfma_view.runs import RunName
from ratchet.components.review.tfma_view.tables import held_rows
from ratchet.schemas.base.errors import StateError
from tests.components.browsing import Opener
from tests.components.map_evaluator.test_tfma_files import write
from tests.components.review.tfma_view.pages import open_view, rows, table, tfma_code

pytestmark = pytest.mark.tensorflow


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> str:
    return write(tmp_path_factory.mktemp("first"), with_baseline=False)


@pytest.fixture(scope="module")
def second(tmp_path_factory: pytest.TempPathFactory) -> str:
    return write(tmp_path_factory.mktemp("second"), with_baseline=True)


def read(uri: str, past: dict[str, str]) -> TfmaResults:
    from ratchet.components.review.tfma_view.data import read_tfma

    return read_tfma(uri, RunName("span-2-b-1"), {RunName(name): where for name, where in past.items()})


def shown(results: TfmaResults) -> Any:
    return json.loads(component_data(results).json)


def test_figures_are_those_of_tfmas_own_reader(first: str, second: str) -> None:
    import tensorflow_model_analysis as tfma

    whole = shown(read(second, {"span-1-a-1": first}))
    rows = {row["slice"]: row["metrics"][""][""] for part in ("classes", "slices") for row in whole[part]["data"]}
    for model in ("candidate", "baseline"):
        result: Any = tfma.load_eval_result(second, model_name=model)
        for name in ("cat", "dog"):
            expected = result.get_metrics_for_slice((("class", name),))["AP"]
            assert rows[f"class:{name}"][f"AP {model}"] == expected
        assert rows["camera:north"][f"AP {model}"] == result.get_metrics_for_slice((("camera", "north"),))["AP"]
    assert rows["class:auk"]["AP candidate"] == {"doubleValue": None}
    assert set(rows) == {
        "class:cat",
        "class:dog",
        "class:auk",
        "object_size:small",
        "camera:north",
        "data_set:held_out",
    }
    assert [entry["config"]["modelIdentifier"] for entry in whole["series"]["data"]] == ["span-1-a-1", "span-2-b-1"]


def test_thresholds_and_what_failed_are_those_of_tfmas_own_readers(second: str) -> None:
    held = {(row.within, row.figure): row for row in held_rows(read(second, {}))}
    assert held["camera:north", "AP"].bound == "at least 0.6000"
    assert (held["camera:north", "AP"].value, held["camera:north", "AP"].state) == ("0.5000", "failed")
    assert held["class:cat", "AP"].bound == "difference at least \u22120.0500"
    assert held["the golden set", "trust:leak"].value == "golden image 3 is image 7 of span 2"
    rows = held_rows(read(second, {}))
    assert [(row.bound, row.value) for row in rows if row.state == "passed"] == [("at least 0.0100", "0.4500")]


def test_a_past_run_that_is_gone_or_torn_is_left_out_and_named(first: str, second: str, tmp_path: Path) -> None:
    torn, empty, mixed = (str(tmp_path / name) for name in ("torn", "empty", "mixed"))
    shutil.copytree(first, torn)
    Path(torn, "metrics-00000-of-00001.tfrecord").write_bytes(b"x" * 100)
    Path(empty).mkdir()
    shutil.copytree(first, mixed)
    Path(mixed, "metrics-00000-of-00001.tfrecord").write_bytes(b"")
    past = {"gone": str(tmp_path / "no"), "torn": torn, "empty": empty, "mixed": mixed, "sound": first}
    results = read(second, past)
    assert [line.split(" (")[0] for line in results.skipped] == ["gone", "torn", "empty", "mixed"]
    assert [run.run_id for run in results.past] == ["sound"]


def test_the_run_itself_has_to_be_readable(tmp_path: Path) -> None:
    with pytest.raises(StateError, match=r"no: not a result that TFMA reads \(no metrics there\); evaluate"):
        read(str(tmp_path / "no"), {})


def test_a_configuration_that_cannot_be_read_is_said(first: str, tmp_path: Path) -> None:
    shutil.copytree(first, tmp_path / "broken")
    (tmp_path / "broken" / "eval_config.json").write_text("{")
    with pytest.raises(StateError, match="broken: not a result that TFMA reads"):
        read(str(tmp_path / "broken"), {})


def test_a_run_that_is_repeated_is_there_once(first: str, second: str) -> None:
    assert not read(second, {"span-2-b-1": first}).past


def test_results_are_named_by_run_for_tfmas_own_views(first: str, second: str) -> None:
    from ratchet.components.review.tfma_view.data import read_results

    runs = {
        RunName("a", 1, "100", "2030-01-01T00:00:00+00:00"): first,
        RunName("gone"): "nowhere",
        RunName("b"): second,
    }
    results, skipped = read_results(runs)
    assert [result.model_location for result in results] == ["2030-01-01 00:00:00, span 1, v100, a", "b"]
    [gone] = skipped
    assert gone.startswith("gone (nowhere): ")


def test_the_code_is_the_installed_packages() -> None:
    from ratchet.components.stack.tfma import components_code

    assert components_code() == tfma_code()


def test_the_report_shows_what_tfma_read(open_page: Opener, first: str, second: str) -> None:
    page = tfma_page(read(second, {"span-1-a-1": first}), tfma_code(), "digits")
    opened = open_view(open_page(page))
    assert table(opened, "whole")["AP"][:3] == ["0.5000", "0.4500", "\u22120.0500"]
    assert rows(opened, "overall")["AP"] == ["0.50000", "0.45000", "-0.05000"]
    assert rows(opened, "classes")["class:cat"][:3] == ["0.50000", "0.30000", "-0.20000"]
    assert list(rows(opened, "series")) == ["span-2-b-1", "span-1-a-1"]
    assert opened.faults() == []
