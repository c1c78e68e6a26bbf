"""Where to train: this process's CPU or GPU, all its GPUs, or with other workers."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence

import tensorflow as tf

from ratchet.components.trainer.breaks import Together
from ratchet.components.trainer.workers import Cluster, worker_lost
from ratchet.schemas.base.errors import ConfigError
from ratchet.schemas.base.progress import LOGGER

# What collectives end with when a worker is gone: TensorFlow's coordination service hears each one's heartbeat, and
# breaks them off after ten seconds without one. Of a dead leader the others hear as soon as its connections break.
_GONE = (
    tf.errors.UnavailableError,
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.DeadlineExceededError,
    tf.errors.FailedPreconditionError,
    tf.errors.InternalError,
)


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
    if (workers := len(_cluster())) > 1:
        LOGGER.info("waiting for the %d workers that TF_CONFIG lists", workers)
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


def together(strategy: tf.distribute.Strategy) -> Together | None:
    """What makes one answer of those of several workers: whether any of them says so; None for one process.

    Args:
        strategy: where all of them train.
    """
    if not _has_workers(strategy):
        return None

    @tf.function(autograph=False)
    def sums(own: tf.Tensor) -> tf.Tensor:
        return strategy.reduce(tf.distribute.ReduceOp.SUM, strategy.run(lambda: own), axis=None)

    def any_says(said: Sequence[bool]) -> Sequence[bool]:
        return (sums(tf.constant(said, tf.float32)).numpy() > 0).tolist()

    return any_says


def is_of_lost_worker(error: BaseException) -> bool:
    """Whether this is what TensorFlow gives when it cannot reach another worker."""
    return isinstance(error, _GONE) and _cluster().is_lost(str(error))


@contextlib.contextmanager
def lost_workers_told(strategy: tf.distribute.Strategy) -> Iterator[None]:
    """In this block, that another worker is gone is one clear error.

    Args:
        strategy: where all of them train.

    Raises:
        WorkerLostError: one is.
    """
    try:
        yield
    except _GONE as error:
        if not _has_workers(strategy) or not is_of_lost_worker(error):
            raise
        raise worker_lost(_cluster(), str(error)) from error


def _has_workers(strategy: tf.distribute.Strategy) -> bool:
    return isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy)


def _cluster() -> Cluster:
    return Cluster.of(os.environ.get("TF_CONFIG", ""))
