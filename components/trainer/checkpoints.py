"""Where a killed training goes on from: one checkpoint that holds all of its state, replaced as a whole."""

from __future__ import annotations

import posixpath
from typing import Any

import numpy as np
import tensorflow as tf

from ratchet.components.trainer.learner import Learner
from ratchet.components.trainer.loop import CheckpointError, TrainingState
from ratchet.components.trainer.model.weights import ordered_weights
from ratchet.components.trainer.strategy import is_of_lost_worker


class _CheckpointedState(tf.train.experimental.PythonState):
    """A TrainingState inside TensorFlow's checkpoint."""

    def __init__(self, state: TrainingState) -> None:
        super().__init__()
        self._state = state

    def serialize(self) -> str:
        return self._state.to_json()

    def deserialize(self, string_value: Any) -> None:
        self._state.read(string_value if isinstance(string_value, str) else string_value.decode())


class Checkpoints:
    """The newest state of a training, in a directory of its own.

    Args:
        directory: made when the first checkpoint is written; of all workers the same.
        learner: its weights and its optimizer's.
        state: restored and saved with them.
        worker: number of this process among several; all of them must save, and the files of the first count.
    """

    def __init__(self, directory: str, learner: Learner, state: TrainingState, worker: int = 0) -> None:
        self._directory = directory
        self._worker = worker
        weights = ordered_weights(learner.model)
        # On the host: a second copy of the weights need not take room on a GPU.
        with tf.device("CPU:0"):
            self._best = [tf.Variable(tf.constant(weight.numpy()), trainable=False) for weight in weights]
        checkpoint = tf.train.Checkpoint(
            weights=weights, optimizer=learner.optimizer, best=self._best, state=_CheckpointedState(state)
        )
        own = f"{directory}-worker-{worker}" if worker else directory
        self._manager = tf.train.CheckpointManager(checkpoint, own, max_to_keep=1)
        self._checkpoint = checkpoint
        self._own = own

    def restore(self) -> bool:
        """Takes on the newest state that was saved, on however many devices; returns whether there was one.

        Raises:
            CheckpointError: it cannot be read.
        """
        newest = tf.train.latest_checkpoint(self._directory)
        if newest is None:
            return False
        try:
            self._checkpoint.restore(newest).assert_existing_objects_matched()
        except (tf.errors.OpError, OSError, AssertionError, ValueError) as error:
            raise CheckpointError(
                f"{newest}: the checkpoint cannot be read ({_reason(error)}); delete {self._directory}, and the same "
                "command trains from the first step"
            ) from error
        return True

    def keep_as_best(self, weights: list[np.ndarray]) -> None:
        """Makes these the weights to export; they are part of the next `save`."""
        for variable, value in zip(self._best, weights):
            variable.assign(value)

    @property
    def best(self) -> list[np.ndarray]:
        """The weights to export."""
        return [variable.numpy() for variable in self._best]

    def save(self) -> None:
        """Writes the present state; the one before stays until this one is complete.

        Raises:
            CheckpointError: it cannot be written.
        """
        try:
            self._sweep()
            self._manager.save()
        except (tf.errors.OpError, OSError) as error:
            if is_of_lost_worker(error):
                raise
            raise CheckpointError(
                f"{self._own}: the checkpoint cannot be written ({_reason(error)}); make room or access there. "
                "The served model is untouched, and the same command goes on from the checkpoint before"
            ) from error

    def remove(self) -> None:
        """Deletes the directory: the training is complete, and its result safe elsewhere.

        The first worker deletes those of workers that the training began with and did not end with, too.
        """
        _remove(self._own)
        if self._worker == 0:
            for left in tf.io.gfile.glob(f"{self._directory}-worker-*"):
                _remove(left)

    def _sweep(self) -> None:
        """Deletes what savings have left that were killed or found no room; each would add to it."""
        newest = tf.train.latest_checkpoint(self._own)
        if not tf.io.gfile.exists(self._own):
            return
        for name in tf.io.gfile.listdir(self._own):
            is_newest = newest is not None and name.startswith(f"{posixpath.basename(newest)}.")
            if name.startswith("ckpt-") and not is_newest:
                _remove(posixpath.join(self._own, name.rstrip("/")))


def _remove(path: str) -> None:
    """A file or a directory; another worker may be at it, too."""
    try:
        if tf.io.gfile.isdir(path):
            tf.io.gfile.rmtree(path)
        elif tf.io.gfile.exists(path):
            tf.io.gfile.remove(path)
    except tf.errors.NotFoundError:
        return


def _reason(error: BaseException) -> str:
    """What TensorFlow says went wrong, without the names of its nodes and files: `No space left on device`."""
    text = str(error).strip() or type(error).__name__
    return text.splitlines()[0].rsplit("; ", 1)[-1].split(" [Op:")[0]
