"""What a person has given beside a proposal stands in it as it was given, and anchors fit the input that was; pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ratchet.components.trainer.model.anchor_fit import fit_anchors, measure
from ratchet.components.trainer.model.experiments import KEY as EXPERIMENT
from ratchet.components.trainer.model.model_settings import AUTO, ModelSettings
from ratchet.pipeline.config.proposal.figures import DataFigures
from ratchet.pipeline.config.proposal.proposal import Entry, Proposal, about_anchors, anchor_values
from ratchet.schemas.base.settings import with_overrides

_ANCHORS = "model.anchors"
_SIZED_BY = ("model.input_size", "model.min_level", "model.max_level")
_GIVEN = "Given with --set."


def with_given(proposal: Proposal, overrides: Sequence[str]) -> Proposal:
    """A proposal in which settings that a person gave stand as they were given.

    Args:
        proposal: what was derived.
        overrides: `a.b=value` texts.

    Raises:
        ConfigError: one of them is no such text, or goes through a value.
    """
    values = with_overrides(proposal.values, overrides)
    if (experiment := _experiment(values)) is not None:
        proposal = _without_model(proposal, experiment)
        values = with_overrides(proposal.values, overrides)
    entries = [given for entry in proposal.entries for given in _as_given(entry, values)]
    known = {entry.key for entry in entries}
    entries += [Entry(key, value, _GIVEN) for key, value in _leaves(values, known)]
    # The settings of one group stay together, in the order in which they are nested.
    order = {key: i for i, key in enumerate(_keys(values, ""))}
    return replace(proposal, entries=tuple(sorted(entries, key=lambda entry: order[entry.key])))


def _experiment(values: Mapping[str, Any]) -> Any:
    model = values.get("model")
    return model.get(EXPERIMENT) if isinstance(model, Mapping) else None


def _without_model(proposal: Proposal, experiment: Any) -> Proposal:
    """An experiment is a whole model; settings of another one beside it would contradict it."""
    entries = tuple(entry for entry in proposal.entries if not entry.key.startswith("model."))
    doubt = f"the model is {experiment}'s; batch size, steps and rate are those proposed for another one"
    summary = f"model {experiment}, given with --set; all else as for: {proposal.summary}"
    return replace(proposal, entries=entries, doubts=(*proposal.doubts, doubt), summary=summary)


def with_fitting_anchors(proposal: Proposal, model: ModelSettings, figures: DataFigures) -> Proposal:
    """Derives the anchors anew where input size or levels are those that a person gave, and the anchors are not.

    Args:
        proposal: of `with_given`.
        model: its settings.
        figures: of the data.
    """
    given = {entry.key for entry in proposal.entries if entry.note.startswith(_GIVEN)}
    if _ANCHORS in given or not given.intersection(_SIZED_BY):
        return proposal
    if model.input_size == AUTO:
        return _with_anchors(
            proposal, AUTO, "Derived from the data with the input size, when the first model is trained."
        )
    boxes_px = figures.shapes.letterboxed_px(model.fixed_input_size)
    levels = range(model.min_level, model.max_level + 1)
    anchors = fit_anchors(boxes_px, levels)
    return _with_anchors(proposal, anchor_values(anchors), about_anchors(measure(anchors, boxes_px, levels)))


def _with_anchors(proposal: Proposal, value: Any, note: str) -> Proposal:
    entries = (Entry(_ANCHORS, value, note) if entry.key == _ANCHORS else entry for entry in proposal.entries)
    return replace(proposal, entries=tuple(entries))


def _as_given(entry: Entry, values: Mapping[str, Any]) -> Iterator[Entry]:
    """The entry, with another value or none at all where a whole group was given."""
    place: Any = values
    for name in entry.key.split("."):
        if not isinstance(place, Mapping) or name not in place:
            return
        place = place[name]
    yield entry if place == entry.value else Entry(entry.key, place, f"{_GIVEN} Without it: {entry.note}".strip())


def _leaves(values: Mapping[str, Any], known: Collection[str], group: str = "") -> Iterator[tuple[str, Any]]:
    """Settings that no entry has, by key; a group of which an entry has a part is gone into."""
    for name, value in values.items():
        key = f"{group}{name}"
        if key in known:
            continue
        if isinstance(value, Mapping) and any(entry.startswith(f"{key}.") for entry in known):
            yield from _leaves(value, known, f"{key}.")
        else:
            yield key, value


def _keys(values: Mapping[str, Any], group: str) -> Iterator[str]:
    for name, value in values.items():
        yield f"{group}{name}"
        if isinstance(value, Mapping):
            yield from _keys(value, f"{group}{name}.")
