"""The workers that train one model together, as TF_CONFIG lists them, and which of them an error tells of; pure."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from ratchet.schemas.base.errors import ConfigError, RatchetError

ROLES = ("chief", "worker")
# How TensorFlow names the worker that it lost; of its own operations it names the device, after a bracket or a comma.
_LOST = re.compile(
    r"(?:reported from|remote target|heartbeat from|check alive failed,|Task) /job:(\w+)(?:/replica:\d+)?/task:(\d+)"
)
_BROKEN_OFF = "Collective ops is aborted"


class WorkerLostError(RatchetError):
    """Another worker of the training has ended, and none can go on without it."""


@dataclass(frozen=True)
class Cluster:
    """Addresses by role; empty for a process that trains alone.

    Attributes:
        addresses: (role, index) and `host:port`.
    """

    addresses: dict[tuple[str, int], str]

    @classmethod
    def of(cls, text: str) -> Cluster:
        """Reads TF_CONFIG.

        Args:
            text: its value; empty where it is not set.

        Raises:
            ConfigError: it is not what TensorFlow documents.
        """
        try:
            listed = json.loads(text or "{}").get("cluster", {})
            return cls({(role, i): str(at) for role in ROLES for i, at in enumerate(listed.get(role, ()))})
        except (ValueError, AttributeError, TypeError, RecursionError) as error:
            raise ConfigError(f"TF_CONFIG = {text[:200]!r}: not the JSON object that TensorFlow documents") from error

    def __len__(self) -> int:
        """How many workers train."""
        return len(self.addresses)

    def lost(self, said: str) -> str:
        """The workers that TensorFlow tells of in an error, with their addresses; `a worker` if it names none.

        >>> Cluster({("worker", 1): "host:1"}).lost("Task /job:worker/replica:0/task:1 heartbeat timeout.")
        'worker 1 (host:1)'
        """
        named = sorted({(role, int(index)) for role, index in _LOST.findall(said)})
        known = [one for one in named if one in self.addresses]
        return " and ".join(f"{role} {index} ({self.addresses[role, index]})" for role, index in known) or "a worker"

    def is_lost(self, said: str) -> bool:
        """Whether TensorFlow says in an error that a worker cannot be reached."""
        return len(self) > 1 and (_BROKEN_OFF in said or _LOST.search(said) is not None)


def worker_lost(cluster: Cluster, said: str) -> WorkerLostError:
    """What to say of the error that TensorFlow gives when a worker is gone.

    Args:
        cluster: all workers.
        said: TensorFlow's text.
    """
    return WorkerLostError(
        f"{cluster.lost(said)} of {len(cluster)} workers is gone, and the others cannot train on without it; the same "
        "command goes on from the last checkpoint, with the workers that TF_CONFIG then lists"
    )
