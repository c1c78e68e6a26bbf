"""What a root serves before an adoption: nothing, this very model already, or its remains; anything else refuses."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ratchet.components.adoption.places import saved_model_in
from ratchet.components.object_store.files import files_of
from ratchet.components.registry.registry import Registry
from ratchet.components.toolkits.read_plan import configuration_in
from ratchet.pipeline.adoption.golden import digest_of_golden
from ratchet.pipeline.adoption.prepared import label_file
from ratchet.pipeline.adoption.request import AdoptRequest
from ratchet.pipeline.config.pipeline_settings import PipelineSettings
from ratchet.pipeline.root.places import uri_of
from ratchet.schemas.artifacts.adoption import ADOPTED, read_adoption
from ratchet.schemas.artifacts.overrides import Override, OverrideKind
from ratchet.schemas.artifacts.registry_entries import ServedModel
from ratchet.schemas.base.errors import InputError
from ratchet.schemas.base.files import LOCAL_FILES, reason_of
from ratchet.schemas.base.formatting import score
from ratchet.schemas.base.model_digest import model_digest
from ratchet.schemas.base.visible import visible_line
from ratchet.schemas.data.training_plan import TrainingPlan

_MODEL = "--model"
_SHOWN = 12  # digits of a digest
_FILES = ("--labels", "--pipeline-config")


@dataclass(frozen=True)
class Before:
    """What an adoption finds.

    Attributes:
        done: the adoption that this very command had made, whose model is served; None: there is something to do.
        lost: the model that this command had adopted and the registry names, whose files are damaged or gone.
        left_behind: versions of the same bytes that are damaged as well.
    """

    done: Override | None = None
    lost: ServedModel | None = None
    left_behind: tuple[str, ...] = ()


def given_of(request: AdoptRequest, plan: TrainingPlan | None) -> dict[str, str]:
    """What an adoption is made of, as `Override.given` has it; the golden set has a field of its own.

    Args:
        request: which.
        plan: how the model was trained.

    Raises:
        InputError: there is no such model, or a file cannot be read.
    """
    labels = label_file(request, plan)
    config = request.pipeline_config and configuration_in(request.pipeline_config)
    values = {
        _MODEL: model_digest(saved_model_in(str(request.model)), LOCAL_FILES),
        "--labels": None if labels is None else _digest(labels, "--labels"),
        "--pipeline-config": None if config is None else _digest(config, "--pipeline-config"),
        "--signature": request.signature,
        "--boxes": request.boxes and request.boxes.value,
        "--first-class": None if request.first_class is None else str(request.first_class),
    }
    return {option: value for option, value in values.items() if value is not None}


def look_before(
    request: AdoptRequest, given: Mapping[str, str], registry: Registry, settings: PipelineSettings
) -> Before:
    """What the root serves.

    Args:
        request: what a person asks for.
        given: of `given_of`.
        registry: of the root, in which no publication is interrupted.
        settings: by which the golden set is read.

    Raises:
        InputError: another model is served, or this one as it was adopted with other labels, say.
        StateError: the registry contradicts what is served.
    """
    there = registry.pointer().served
    if there is not None and there.verdict == ADOPTED and not registry.storage.holds(there.version, there.digest):
        return _lost(request, given, registry, settings, there)
    served = registry.served()
    if served is None:
        return Before()
    current = registry.current_override()
    if current is None or current.kind is not OverrideKind.ADOPTED:
        raise _serves(request.root, f"version {served.version}, mAP {score(served.map)}")
    same = (current.by, current.reason) == (request.by.strip(), request.reason.strip())
    then = current.given or _of_model(given, served)
    if not same or then.get(_MODEL) != given[_MODEL]:
        what = f"version {served.version}, mAP {score(served.map)}, which {current.by} adopted on {current.at[:10]}"
        raise _serves(request.root, what)
    _check_same(request, given, then, current, settings)
    return Before(done=current)


def _of_model(given: Mapping[str, str], served: ServedModel) -> dict[str, str]:
    """What an adoption was made of whose log does not say it yet: the model says its source, all else is believed."""
    record = read_adoption(served.path, files_of(served.path))
    return {**given, _MODEL: record.source_digest if record else served.digest}


def _lost(
    request: AdoptRequest,
    given: Mapping[str, str],
    registry: Registry,
    settings: PipelineSettings,
    there: ServedModel,
) -> Before:
    """Who gives what was adopted once more brings back what is lost; another model would pass by the gate."""
    registry.check_signature(there)
    overrides = registry.overrides()
    made = next(one for one in overrides if one.kind is OverrideKind.ADOPTED and one.model_digest == there.digest)
    if made.given.get(_MODEL) != given[_MODEL]:
        raise InputError(
            f"--model {visible_line(str(request.model))}: is another model than {made.by} adopted on {made.at[:10]}, "
            f"whose files in {uri_of(request.root)} are damaged or gone: to adopt it there would pass by the gate; "
            "give the model that was adopted then, or --root another directory for this one"
        )
    _check_same(request, given, made.given, made, settings)
    same = [model for model in registry.versions() if model.blessed and model.digest == there.digest]
    left = [model.version for model in same if not registry.storage.holds(model.version, model.digest)]
    return Before(lost=there, left_behind=tuple(left))


def _check_same(
    request: AdoptRequest,
    given: Mapping[str, str],
    then: Mapping[str, str],
    made: Override,
    settings: PipelineSettings,
) -> None:
    told = [*_differences(given, then), *_golden(request, made, settings)]
    if told:
        raise InputError(
            f"{'; '.join(told)}, when {made.by} adopted this model as version {made.version} of "
            f"{uri_of(request.root)}: nothing was changed; give what was given then, or --root another directory to "
            "adopt it otherwise"
        )


def _differences(now: Mapping[str, str], then: Mapping[str, str]) -> Iterator[str]:
    for option in dict.fromkeys((*now, *then)):
        if now.get(option) != then.get(option):
            yield f"{option} is {_told(option, now.get(option))} and was {_told(option, then.get(option))}"


def _told(option: str, value: str | None) -> str:
    if value is None:
        return "not given"
    return f"a file of sha256 {value[:_SHOWN]}" if option in _FILES else visible_line(value)


def _golden(request: AdoptRequest, made: Override, settings: PipelineSettings) -> Iterator[str]:
    digest = digest_of_golden(request.golden, settings)
    if digest != made.golden_digest:
        yield (
            f"--golden {visible_line(str(request.golden))} is the golden set {digest[:_SHOWN]} and was "
            f"{made.golden_digest[:_SHOWN]}"
        )


def _serves(root: Path, what: str) -> InputError:
    return InputError(
        f"--root {uri_of(root)}: serves a model already, {what}: to adopt another one would pass by the gate; give "
        "--root another directory for this one, or `ratchet run` to have what is served beaten"
    )


def _digest(file: Path, option: str) -> str:
    try:
        return hashlib.sha256(file.read_bytes()).hexdigest()
    except OSError as error:
        raise InputError(
            f"{option} {visible_line(str(file))}: cannot be read ({reason_of(error)}); correct the path"
        ) from error
