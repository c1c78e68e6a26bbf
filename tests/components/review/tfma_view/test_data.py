"""What TFMA wrote is read with TFMA, and shown by TFMA's components."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from ratchet.components.review.tfma_view.section import tfma_section
from ratchet.schemas.base.errors import StateError
from tests.components.browsing import Opener
from tests.components.map_evaluator.test_tfma_files import write
from tests.components.review.tfma_view.pages import open_section, page_of, rows, tfma_code

pytestmark = pytest.mark.tensorflow


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> str:
    return write(tmp_path_factory.mktemp("first"), with_baseline=False)


@pytest.fixture(scope="module")
def second(tmp_path_factory: pytest.TempPathFactory) -> str:
    return write(tmp_path_factory.mktemp("second"), with_baseline=True)


def read(uri: str, past: dict[str, str]) -> Any:
    from ratchet.components.review.tfma_view.data import read_tfma

    return read_tfma(uri, "span-2-b-1", past)


def test_figures_are_those_of_tfmas_own_reader(first: str, second: str) -> None:
    import tensorflow_model_analysis as tfma

    whole = json.loads(read(second, {"span-1-a-1": first}).json)
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
    assert [entry["config"]["modelIdentifier"] for entry in whole["series"]["data"]] == ["1 span-1-a-1", "2 span-2-b-1"]


def test_a_past_run_that_is_gone_or_torn_is_left_out_and_named(first: str, second: str, tmp_path: Path) -> None:
    torn, empty, mixed = (str(tmp_path / name) for name in ("torn", "empty", "mixed"))
    shutil.copytree(first, torn)
    Path(torn, "metrics-00000-of-00001.tfrecord").write_bytes(b"x" * 100)
    Path(empty).mkdir()
    shutil.copytree(first, mixed)
    Path(mixed, "eval_config.json").write_text("{")
    past = {"gone": str(tmp_path / "no"), "torn": torn, "empty": empty, "mixed": mixed, "sound": first}
    data = read(second, past)
    assert [line.split(" (")[0] for line in data.skipped] == ["gone", "torn", "empty", "mixed"]
    series = json.loads(data.json)["series"]["data"]
    assert [entry["config"]["modelIdentifier"] for entry in series] == ["1 sound", "2 span-2-b-1"]


def test_the_run_itself_has_to_be_readable(tmp_path: Path) -> None:
    with pytest.raises(StateError, match=r"no: not a result that TFMA reads \(no metrics there\); evaluate"):
        read(str(tmp_path / "no"), {})


def test_a_run_that_is_repeated_is_there_once(first: str, second: str) -> None:
    assert len(json.loads(read(second, {"span-2-b-1": first}).json)["series"]["data"]) == 1


def test_results_are_named_by_run_for_tfmas_own_views(first: str, second: str) -> None:
    from ratchet.components.review.tfma_view.data import read_results

    results, skipped = read_results({"span-1": first, "gone": "nowhere", "span-2": second})
    assert [result.model_location for result in results] == ["1 span-1", "3 span-2"]
    [gone] = skipped
    assert gone.startswith("gone (nowhere): ")


def test_the_code_is_the_installed_packages() -> None:
    from ratchet.components.stack.tfma import components_code

    assert components_code() == tfma_code()


def test_tfmas_components_show_what_tfma_read(open_page: Opener, first: str, second: str) -> None:
    section = tfma_section(read(second, {"span-1-a-1": first}), tfma_code())
    shown = open_section(open_page(page_of(section)))
    assert rows(shown, "overall")["AP"] == ["0.50000", "0.45000", "-0.05000"]
    assert rows(shown, "classes")["class:cat"][:3] == ["0.50000", "0.30000", "-0.20000"]
    assert list(rows(shown, "series")) == ["2 span-2-b-1", "1 span-1-a-1"]
    assert shown.faults() == []
