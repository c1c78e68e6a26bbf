from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from ratchet.schemas.base.errors import ConfigError

pytestmark = pytest.mark.tensorflow


def test_without_other_devices_the_process_trains_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    from ratchet.components.trainer.strategy import pick_strategy, worker_number

    monkeypatch.delenv("TF_CONFIG", raising=False)
    strategy = pick_strategy(7)
    assert strategy.num_replicas_in_sync == 1
    assert worker_number(strategy) == 0


def test_one_worker_is_no_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    from ratchet.components.trainer.strategy import pick_strategy

    monkeypatch.setenv("TF_CONFIG", '{"cluster": {"chief": ["host:1"]}, "task": {"type": "chief", "index": 0}}')
    assert pick_strategy(8).num_replicas_in_sync == 1


@pytest.mark.parametrize("text", ["{", "[1]", '{"cluster": 3}'])
def test_a_broken_cluster_description_is_named(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from ratchet.components.trainer.strategy import pick_strategy

    monkeypatch.setenv("TF_CONFIG", text)
    with pytest.raises(ConfigError, match="TF_CONFIG = "):
        pick_strategy(8)


def test_a_batch_that_cannot_be_shared_out_is_refused() -> None:
    from ratchet.components.trainer.strategy import check_batch

    three: Any = SimpleNamespace(num_replicas_in_sync=3)
    check_batch(9, three)
    with pytest.raises(
        ConfigError, match=r"batch_size = 8: cannot be shared out to 3 devices; make it a multiple of 3"
    ):
        check_batch(8, three)
