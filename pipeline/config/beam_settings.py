"""How Beam runs the steps that go over images: docs/beam.md."""

from __future__ import annotations

from typing import Annotated, Optional

from pydantic import Field, model_validator

from ratchet.components.stack.beam_limits import STEP_TIME_LIMIT_MINUTES, with_limit
from ratchet.schemas.base.settings import settings

_OF_SETTINGS = {
    "--direct_num_workers": "workers",
    "--direct_running_mode": "workers",
    "--setup_file": "setup_file",
    "--sdk_container_image": "sdk_container_image",
    "--worker_harness_container_image": "sdk_container_image",
}


@settings
class BeamSettings:
    """How Beam runs ExampleGen, statistics, the data gate's looks and evaluation: docs/beam.md. The result is the same
    with every runner, so a crashed run goes on when these change.

    Attributes:
        workers: worker processes on this machine, started by Beam's DirectRunner; 1: the step's own process.
        args: Beam's options for another runner, as Beam spells them: `[--runner=FlinkRunner,
            --flink_master=HOST:8081]`. One that Beam does not know is refused before the run starts.
        job_server_args: options that only the runner's job server knows, such as Flink's
            `--checkpointing_interval=60000`; they are not checked.
        setup_file: a `setup.py` from which the workers of a cluster install this package.
        sdk_container_image: the container image in which the workers of a cluster run, with this package in it.
        step_time_limit_minutes: after so long a step's Beam pipeline is given up, its workers are ended, and the run
            ends with an error; None: never.
    """

    workers: Annotated[int, Field(ge=1, le=1024)] = 1
    args: tuple[str, ...] = ()
    job_server_args: tuple[str, ...] = ()
    setup_file: Optional[str] = None
    sdk_container_image: Optional[str] = None
    step_time_limit_minutes: Annotated[Optional[int], Field(ge=1)] = STEP_TIME_LIMIT_MINUTES

    @model_validator(mode="after")
    def _check_once(self) -> BeamSettings:
        given = [arg.partition("=")[0] for arg in self.args]
        for option, name in _OF_SETTINGS.items():
            mine = (name == "workers" and self.workers > 1) or bool(name != "workers" and getattr(self, name))
            if option in given and mine:
                raise ValueError(f"beam.{name} and {option} in beam.args say the same; keep one")
        if self.workers > 1 and "--runner" in given:
            raise ValueError(
                f"beam.workers = {self.workers} starts processes on this machine, and beam.args names a --runner; "
                "keep one, and give the runner's own option for the number of workers"
            )
        return self

    @property
    def beam_args(self) -> tuple[str, ...]:
        """All of it but the time limit, as Beam's own options."""
        own = []
        if self.workers > 1:
            own += [f"--direct_num_workers={self.workers}", "--direct_running_mode=multi_processing"]
        for name in ("setup_file", "sdk_container_image"):
            if getattr(self, name):
                own.append(f"--{name}={getattr(self, name)}")
        return (*own, *self.args, *self.job_server_args)

    @property
    def step_args(self) -> tuple[str, ...]:
        """What TFX gives to each step that uses Beam."""
        return tuple(with_limit(self.beam_args, self.step_time_limit_minutes))
