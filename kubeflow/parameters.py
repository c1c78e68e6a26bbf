"""What a compiled job can be told when it is started; pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["NUMBER_INTEGER", "BOOLEAN", "STRING"]  # KFP's names of types


@dataclass(frozen=True)
class JobParameter:
    """One parameter of the job.

    Attributes:
        name: of it.
        kind: its type.
        default: what it is where whoever starts the job says nothing.
        description: for consoles.
    """

    name: str
    kind: Kind
    default: int | bool | str
    description: str


def job_parameters(data: str, golden: str, bootstrap: bool, accept_new_golden: bool) -> tuple[JobParameter, ...]:
    """The parameters of a job, with the defaults that it is compiled with.

    Args:
        data: directory of the `span-N` directories.
        golden: the golden set.
        bootstrap: whether runs may train a first model.
        accept_new_golden: whether the golden set may be another than the one the baseline was accepted on.
    """
    return (
        JobParameter("span", "NUMBER_INTEGER", 0, "the span to train on; 0 for the newest there is"),
        JobParameter("bootstrap", "BOOLEAN", bootstrap, "whether this run trains and serves a first model"),
        JobParameter(
            "accept_new_golden",
            "BOOLEAN",
            accept_new_golden,
            "whether the golden set may be another than the one the served model was accepted on",
        ),
        JobParameter("data", "STRING", data, "directory of the span-N directories"),
        JobParameter("golden", "STRING", golden, "the golden set"),
    )
