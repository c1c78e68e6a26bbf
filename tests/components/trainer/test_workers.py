from __future__ import annotations

import json

import pytest

from ratchet.components.trainer.workers import Cluster, worker_lost
from ratchet.schemas.base.errors import ConfigError

# As TensorFlow 2.16 gives them.
OF_A_WORKER = (
    "Graph execution error:\n\nDetected at node CollectiveReduceV2 defined at (most recent call last):\n"
    "Collective ops is aborted by: Error reported from /job:worker/task:1: Task /job:worker/replica:0/task:1 heartbeat "
    "timeout. This indicates that the remote task has failed, got preempted, or crashed unexpectedly.\n"
    "\t [[{{node CollectiveReduceV2}}]] [Op:__inference_step_44]"
)
OF_THE_LEADER = (
    "Collective ops is aborted by: failed to connect to all addresses\nAdditional GRPC error information from remote "
    "target /job:chief/replica:0/task:0 while calling /tensorflow.WorkerService/CompleteInstance:"
)
OF_ANOTHER_KIND = (
    "cuDNN launch failure : input shape ([8,3,64,64])\n"
    "\t [[node conv (defined at /job:worker/replica:0/task:0/device:GPU:0) ]]"
)


def cluster(**roles: list[str]) -> Cluster:
    return Cluster.of(json.dumps({"cluster": roles, "task": {"type": "worker", "index": 0}}))


TWO = cluster(worker=["a:1", "b:2"])


def test_the_worker_that_was_lost_is_named_with_its_address_and_the_way_on() -> None:
    told = str(worker_lost(TWO, OF_A_WORKER))
    assert told.startswith("worker 1 (b:2) of 2 workers is gone, and the others cannot train on without it; ")
    assert "the same command goes on from the last checkpoint, with the workers that TF_CONFIG then lists" in told
    assert "\n" not in told


def test_so_is_the_one_that_leads() -> None:
    assert cluster(chief=["c:3"], worker=["a:1", "b:2"]).lost(OF_THE_LEADER) == "chief 0 (c:3)"


def test_where_tensorflow_names_none_it_is_a_worker() -> None:
    assert TWO.lost("Collective ops is aborted by: Socket closed") == "a worker"
    assert TWO.lost(OF_A_WORKER.replace("task:1", "task:7")) == "a worker"


def test_other_errors_of_a_worker_are_not_taken_for_a_loss() -> None:
    assert TWO.is_lost(OF_A_WORKER)
    assert TWO.is_lost("Collective ops is aborted by: Socket closed")
    assert not TWO.is_lost(OF_ANOTHER_KIND)
    assert not Cluster.of("").is_lost(OF_A_WORKER)


@pytest.mark.parametrize("text", ["{", "[1]", '{"cluster": 3}', '{"cluster": {"worker": 5}}', "[" * 100_000])
def test_a_broken_description_is_named(text: str) -> None:
    with pytest.raises(ConfigError, match="TF_CONFIG = "):
        Cluster.of(text)


def test_evaluators_and_parameter_servers_do_not_train() -> None:
    assert len(cluster(chief=["c:3"], worker=["a:1"], evaluator=["e:1"], ps=["p:1"])) == 2
    assert len(Cluster.of("")) == 0
