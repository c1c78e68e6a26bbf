"""Where to train: this process's CPU or GPU, all its GPUs, or with other workers."""

from __future__ import annotations

import json
import os

import tensorflow as tf

from ratchet.schemas.base.errors import ConfigError


def pick_strategy(batch_size: int) -> tf.distribute.Strategy:
    """The strategy for what there is.

    With the workers that the environment variable TF_CONFIG lists (as Vertex AI Training sets it), all of them
    together; with several GPUs, all of these; else the one GPU or the CPU. Nothing may have run in TensorFlow before
    when there are workers.

    Args:
        batch_size: of all together.

    Raises:
        ConfigError: the batch cannot be shared out evenly, or TF_CONFIG is no JSON.
    """
    if _workers() > 1:
        strategy: tf.distribute.Strategy = tf.distribute.MultiWorkerMirroredStrategy()
    elif len(tf.config.list_logical_devices("GPU")) > 1:
        strategy = tf.distribute.MirroredStrategy()
    else:
        strategy = tf.distribute.get_strategy()
    check_batch(batch_size, strategy)
    return strategy


def check_batch(batch_size: int, strategy: tf.distribute.Strategy) -> None:
    """Whether every replica gets as many images.

    Raises:
        ConfigError: it does not.
    """
    replicas = strategy.num_replicas_in_sync
    if batch_size % replicas:
        raise ConfigError(
            f"training.batch_size = {batch_size}: cannot be shared out to {replicas} devices; "
            f"make it a multiple of {replicas}"
        )


def worker_number(strategy: tf.distribute.Strategy) -> int:
    """Which of several processes this one is; the one with number 0 writes what all have made."""
    resolver = strategy.cluster_resolver
    if resolver is None or resolver.task_type in (None, "chief"):
        return 0
    return resolver.task_id + len(resolver.cluster_spec().as_dict().get("chief", ()))


def wait_for_all(strategy: tf.distribute.Strategy) -> None:
    """Returns when every worker has come here."""
    if strategy.num_replicas_in_sync > 1:
        ones = strategy.run(lambda: tf.constant(1.0))
        strategy.reduce(tf.distribute.ReduceOp.SUM, ones, axis=None)


def _workers() -> int:
    text = os.environ.get("TF_CONFIG", "")
    try:
        cluster = json.loads(text or "{}").get("cluster", {})
        return sum(len(cluster.get(role, ())) for role in ("chief", "worker"))
    except (ValueError, AttributeError, TypeError) as error:
        raise ConfigError(f"TF_CONFIG = {text[:200]!r}: not the JSON object that TensorFlow documents") from error
