"""What is on the disk of a pipeline root, as the planner of a pruning sees it; paths are relative to the root."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ratchet.schemas.artifacts.registry_entries import ServedModel


@dataclass(frozen=True)
class RunFacts:
    """One directory under `runs/`.

    Attributes:
        run_id: its name.
        finished: whether it has a result, readable or not.
        at_s: when it ended or was last heard of; seconds since 1970.
        left: of a run that was pruned before, the artifacts that were left; None of another.
        evidence: its page and log, as far as they are there.
        report: the page that its result names.
    """

    run_id: str
    finished: bool
    at_s: float
    left: tuple[str, ...] | None = None
    evidence: tuple[str, ...] = ()
    report: str | None = None


@dataclass(frozen=True)
class RunArtifacts:
    """What ML Metadata knows of a run.

    Attributes:
        started_s: when its first step began; seconds since 1970; None if none did.
        artifacts: directories of those that nobody has deleted.
    """

    started_s: float | None
    artifacts: tuple[str, ...]


@dataclass(frozen=True)
class Found:
    """Something on the disk that no run's artifacts are.

    Attributes:
        path: where.
        modified_s: seconds since 1970.
        in_use: whether a process that lives is writing it.
    """

    path: str
    modified_s: float
    in_use: bool = False


@dataclass(frozen=True)
class GoldenFacts:
    """A stored golden set.

    Attributes:
        path: its directory.
        digest: of its content.
        number: of the execution that stored it.
    """

    path: str
    digest: str
    number: int


@dataclass(frozen=True)
class RootFacts:
    """A pipeline root at one moment.

    Attributes:
        runs: all of them.
        served: the model that is served; None if none ever was.
        versions: all models that ever were, by ascending version.
        restorable: the versions whose files are in the serving directory or in the artifacts of their run.
        on_disk: the versions in the serving directory, by number.
        models: the candidate's artifact of each run that came to a decision.
        best: the version that candidates are held against as the best beyond doubt; None if there is none but the
            served one.
        labelled: the versions that TensorFlow Serving's model config names, such as that of `stable`; None if it cannot
            be read.
        lineage: the examples that the model of a version and its ancestors were trained on; None if its training
            record cannot be read.
        examples: the stored spans.
        golden: the stored golden sets.
        copies: baselines, pushed models and pages that exist elsewhere, too, each with the artifact that it is part of.
        checkpoints: states of unfinished trainings.
        working: TFX's own directories of executions.
        half_written: files and directories that carry the name of something unfinished.
        set_aside: what an earlier pruning had renamed and not yet deleted.
    """

    runs: tuple[RunFacts, ...]
    served: ServedModel | None
    versions: tuple[ServedModel, ...]
    restorable: frozenset[str]
    on_disk: Mapping[str, str]
    models: Mapping[str, str]
    lineage: Mapping[str, tuple[str, ...] | None]
    examples: tuple[str, ...] = ()
    golden: tuple[GoldenFacts, ...] = ()
    best: str | None = None
    copies: Mapping[str, str] = field(default_factory=dict)
    checkpoints: tuple[Found, ...] = ()
    working: tuple[Found, ...] = ()
    half_written: tuple[Found, ...] = ()
    set_aside: tuple[str, ...] = ()
    labelled: frozenset[str] | None = frozenset()
