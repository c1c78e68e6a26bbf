"""One typed configuration: each step's settings under the names users write."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Optional

from pydantic import Field

from ratchet.components.data_gate.settings import DataGateSettings
from ratchet.components.example_gen.settings import ReadingSettings
from ratchet.components.map_evaluator.settings import EvaluatorSettings
from ratchet.components.registry.settings import ServingSettings
from ratchet.components.stack.mlmd_server import (
    PASSWORD_FILE_VARIABLE,
    PASSWORD_VARIABLE,
    SETTING,
    holds_password,
)
from ratchet.components.trainer.images.augmentation import AugmentationName
from ratchet.components.trainer.model.experiments import with_experiment
from ratchet.components.trainer.model.model_settings import ModelSettings
from ratchet.components.trainer.settings import TrainerSettings, TrainingSettings
from ratchet.components.vertex_registry.settings import VertexRegistrySettings
from ratchet.pipeline.config.beam_settings import BeamSettings
from ratchet.pipeline.config.kubeflow_settings import KubeflowSettings
from ratchet.pipeline.config.metadata_settings import MetadataSettings
from ratchet.pipeline.config.presets import CONFIG_DIRECTORY, preset_names, presets
from ratchet.schemas.artifacts.root_file import PIPELINE_NAME, ROOT_FILE
from ratchet.schemas.base.closest import closest
from ratchet.schemas.base.errors import ConfigError
from ratchet.schemas.base.files import reason_of, refuse_irregular
from ratchet.schemas.base.settings import load, parse_yaml, settings, with_overrides
from ratchet.schemas.data.copy_settings import CopySettings
from ratchet.schemas.data.exif import REFUSE, Exif

# A plain Literal and not the Verdict: a crash has none.
Event = Literal["BLOCKED", "INCONCLUSIVE", "DATA_REJECTED", "CRASHED", "PUSHED", "BOOTSTRAPPED", "NOTHING_NEW"]
CRASHED: Event = "CRASHED"


@settings
class DataSettings:
    """How a span is read, and what its images are for: docs/data.md.

    Attributes:
        eval_fraction: share of its images that is for validation: they choose the checkpoint and are not trained on.
        held_out_fraction: share of its images that chooses nothing, ever: the second opinion; 0: there is none.
        group_by: attribute of images, such as `camera` or `recording`: those with the same value are not parted by the
            two fractions; None: each image is drawn by itself.
        schema: file of the curated TFDV schema, as `ratchet schema infer` proposes it; None: the one that comes along,
            which knows no classes.
        copies: what is done about copies of golden images.
        marker: a file such as `_SUCCESS` that whoever delivers a span writes last: a span without it is not there yet;
            None: there is no such file.
        reading: how spans are to be read, where that is not found out.
        golden_reading: how the golden set is to be read.
        exif: what is done about images whose EXIF orientation is not 1, in span and golden set: `refuse`; `apply`, if
            boxes were drawn on the upright picture: pixels are turned once, and the served model wants upright images;
            `ignore`, if boxes were drawn on the pixels as they are stored.
    """

    eval_fraction: Annotated[float, Field(ge=0, le=0.5)] = 0.1
    held_out_fraction: Annotated[float, Field(ge=0, le=0.4)] = 0.1
    group_by: Optional[str] = None
    schema: Optional[str] = None
    copies: CopySettings = dataclasses.field(default_factory=CopySettings)
    marker: Annotated[Optional[str], Field(pattern=r"^[^/]+$")] = None
    reading: ReadingSettings = dataclasses.field(default_factory=ReadingSettings)
    golden_reading: ReadingSettings = dataclasses.field(default_factory=ReadingSettings)
    exif: Exif = REFUSE


@settings
class NotifySettings:
    """Who is told how a run ended: docs/notifications.md.

    Attributes:
        urls: webhooks, mailboxes, or `env:NAME` for what an environment variable holds; none: nobody is told.
        on: the ends of a run that are told.
    """

    urls: tuple[str, ...] = ()
    on: Annotated[tuple[Event, ...], Field(min_length=1)] = ("BLOCKED", "INCONCLUSIVE", "DATA_REJECTED", "CRASHED")


@settings
class RetentionSettings:
    """How much stays on the disk: docs/retention.md. What a later run reads and what is served stays in any case.

    Attributes:
        runs: finished runs, the newest, of which everything is kept; None: of all.
        days: everything is kept of runs that ended in that many days, too. An unfinished run that is older can no
            longer be resumed, unless it is the newest; None: there is no such age.
        versions: models besides the served one, the newest, that stay for a rollback; None: all.
        pages: runs, the newest, of which page, diagnosis and log are kept; None: of all. A result is never deleted.
    """

    runs: Annotated[Optional[int], Field(ge=1)] = 20
    days: Annotated[Optional[int], Field(ge=0)] = 7
    versions: Annotated[Optional[int], Field(ge=1)] = 10
    pages: Annotated[Optional[int], Field(ge=1)] = 200


@settings
class PipelineSettings:
    """Everything a run can be told, one group a step.

    Attributes:
        name: that of the pipeline and of the served model (`serving/NAME` below the root); a root keeps it.
        data: how a span is read.
        data_gate: what may stop a run before training.
        model: the detector.
        training: how to train.
        augmentation: what happens to training images at random, by the name of a fixed policy (table below). Another
            one than the served model's is refused, unless `training.allow` says `augmentation`.
        evaluator: what a candidate must reach.
        notify: who is told how a run ended.
        retention: how much stays on the disk.
        metadata: where a local run keeps its ML Metadata.
        kubeflow: how steps run on a cluster.
        serving: whether TensorFlow Serving is asked.
        vertex_registry: whether Vertex AI is told.
        beam: how the steps run that go over images.
    """

    name: Annotated[str, Field(pattern=f"^{PIPELINE_NAME}$")] = "detector"
    data: DataSettings = dataclasses.field(default_factory=DataSettings)
    data_gate: DataGateSettings = dataclasses.field(default_factory=DataGateSettings)
    model: ModelSettings = dataclasses.field(default_factory=ModelSettings)
    training: TrainingSettings = dataclasses.field(default_factory=TrainingSettings)
    augmentation: AugmentationName = "none-v1"
    evaluator: EvaluatorSettings = dataclasses.field(default_factory=EvaluatorSettings)
    notify: NotifySettings = dataclasses.field(default_factory=NotifySettings)
    retention: RetentionSettings = dataclasses.field(default_factory=RetentionSettings)
    metadata: MetadataSettings = dataclasses.field(default_factory=MetadataSettings)
    kubeflow: KubeflowSettings = dataclasses.field(default_factory=KubeflowSettings)
    serving: ServingSettings = dataclasses.field(default_factory=ServingSettings)
    vertex_registry: VertexRegistrySettings = dataclasses.field(default_factory=VertexRegistrySettings)
    beam: BeamSettings = dataclasses.field(default_factory=BeamSettings)

    @property
    def trainer(self) -> TrainerSettings:
        """The Trainer's part."""
        return TrainerSettings(model=self.model, training=self.training, augmentation=self.augmentation)


def load_config(path: str | Path, overrides: Iterable[str] = ()) -> PipelineSettings:
    """Reads a configuration.

    Args:
        path: a YAML file, or the name of one in `pipeline/config` without `.yaml`.
        overrides: `a.b=value` texts, applied on top.

    Raises:
        ConfigError: no such file, or a setting is unknown, of the wrong type or impossible.
    """
    return load_settings(read_config(path), overrides, str(path))


def read_config(path: str | Path) -> dict[str, Any]:
    """The plain values of a configuration, as it gives them; see `load_config`.

    Raises:
        ConfigError: no such file, or it is not YAML.
    """
    file = _find(str(path))
    try:
        refuse_irregular(file)
        text = file.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:  # ValueError: no UTF-8, or a zero byte in the path
        raise ConfigError(f"--config {path}: cannot be read: {reason_of(error)}; give a YAML file") from error
    return parse_yaml(text, str(path))


def load_settings(values: Mapping[str, Any], overrides: Iterable[str], source: str = ROOT_FILE) -> PipelineSettings:
    """Makes settings of plain values; see `load_config`.

    Args:
        values: nested mapping as YAML gives it.
        overrides: `a.b=value` texts, applied on top.
        source: what to call the values in messages.

    Raises:
        ConfigError: a setting is unknown, of the wrong type or impossible: one of the values, or of `--set`.
    """
    given = list(overrides)
    try:
        return _loaded(values, given, source)
    except ConfigError:
        if given:
            _loaded(values, (), source)
            _loaded(values, given, "--set")
        raise


def _loaded(values: Mapping[str, Any], overrides: Iterable[str], source: str) -> PipelineSettings:
    whole = with_experiment(with_overrides(with_experiment(values, source), overrides), source)
    if "beam_args" in whole:
        raise ConfigError(
            f"{source}: beam_args is now a part of the group beam: write `beam: {{args: [...]}}`, or beam.workers for "
            "processes on this machine: docs/beam.md"
        )
    _check_shape(whole.get("notify", {}), source)
    _check_no_password(whole.get("metadata"), source)
    return load(PipelineSettings, whole, source)


def _check_shape(notify: Any, source: str) -> None:
    """Finds a wrong type in the group `notify` before pydantic does, which shows the value: a URL may be a secret.

    Args:
        notify: the group as YAML gives it.
        source: what to call it in the message.

    Raises:
        ConfigError: it is not a group, or its `urls` are not a list of texts.
    """
    if not isinstance(notify, Mapping):
        raise ConfigError(f"{source}: notify: must be a group of settings, for example {{urls: [env:SLACK_URL]}}")
    urls = notify.get("urls", [])
    if not isinstance(urls, list) or not all(isinstance(url, str) for url in urls):
        raise ConfigError(f"{source}: notify.urls: must be a list of texts, for example [env:SLACK_URL]")


def _check_no_password(metadata: Any, source: str) -> None:
    """Finds a password before pydantic does, which shows the value, also where it stands in a wrong place.

    Args:
        metadata: the group as YAML gives it.
        source: what to call it in the message.

    Raises:
        ConfigError: its URL holds one.
    """
    left = [metadata]
    while left:
        value = left.pop()
        if isinstance(value, (Mapping, list)):
            left += value.values() if isinstance(value, Mapping) else value
        if not isinstance(value, str) or not holds_password(value):
            continue
        raise ConfigError(
            f"{source}: {SETTING} holds a password or options, and it is written down in the root: take them out; a "
            f"password is exported as {PASSWORD_VARIABLE}, or stands in the file that {PASSWORD_FILE_VARIABLE} names"
        )


def _find(path: str) -> Path:
    """The file itself, whatever it is, before ours of that name."""
    named, given = CONFIG_DIRECTORY / f"{path}.yaml", Path(path)
    if os.path.isfile(given) or (os.path.lexists(given) and not os.path.isfile(named)):
        return given
    if not os.path.isfile(named):
        meant = closest(path, presets())
        raise ConfigError(f"--config {path}: no such file; give a YAML file or one of: {preset_names()}{meant}")
    return named
