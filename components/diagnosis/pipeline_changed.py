"""Whether it was what the training ran on: libraries, device, precision, or code; pure.

Little can be measured of it, so it is named by elimination and with humility. Libraries that training depends on, a
device, or the precision that it computed in, that changed are named where nothing else did (settings, labels, data
within their noise) and mAP fell beyond the noise. Code and other packages change with every upgrade, and that is hardly
ever the cause, so alone they stay a possibility: what would show it is the same training once more with what it ran on
before.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ratchet.components.diagnosis.bundle import Bundle
from ratchet.components.diagnosis.data_sets import change
from ratchet.components.diagnosis.shared_symptoms import held_out_fell
from ratchet.components.diagnosis.signals import Told, found, not_trained
from ratchet.components.diagnosis.trainings import Trainings
from ratchet.schemas.artifacts.data_evidence import DRIFT
from ratchet.schemas.artifacts.diagnosis import PIPELINE, CauseFinding, Role, Signal
from ratchet.schemas.artifacts.evaluation import GOLDEN
from ratchet.schemas.artifacts.training_dynamics import Environment
from ratchet.schemas.artifacts.training_record import NumericsRecord
from ratchet.schemas.base.formatting import listed

_USUAL = 1.5  # times as much or as little: rates and passes that differ less are those of last time
_MOST_NAMED = 5
_COUNT = "changes"


@dataclass(frozen=True)
class _Changes:
    """What is different in what both trainings ran on.

    Attributes:
        ground: libraries that training depends on, device and precision, in words.
        code: Ratchet's own source and other packages, in words: what changes with every upgrade.
        known: whether both records say what they ran on.
    """

    ground: tuple[str, ...]
    code: tuple[str, ...]
    known: bool

    @property
    def all(self) -> tuple[str, ...]:
        """In words."""
        return (*self.ground, *self.code)


def examine(bundle: Bundle) -> Sequence[CauseFinding]:
    """Whether it was code, libraries or device."""
    if bundle.candidate is None or bundle.baseline is None:
        return [not_trained(PIPELINE)]
    both = Trainings(bundle.candidate, bundle.baseline)
    changes = _changes(both)
    others = tuple(_others(bundle, both))
    signals = [_changed(changes)]
    if changes.ground:
        signals += [_alone(others), held_out_fell(bundle)]
    fall = change(bundle, GOLDEN)
    if changes.ground and not (fall and fall.fell):
        signals.append(_no_fall())
    detail = _detail(both, changes)
    return [found(PIPELINE, detail, signals, _told(changes, others))]


def _changes(both: Trainings) -> _Changes:
    now, before = both.candidate, both.baseline
    code = []
    if now.ratchet_version != before.ratchet_version:
        code.append(f"Ratchet {before.ratchet_version} -> {now.ratchet_version}")
    computed = tuple(_computed(now.numerics, before.numerics))
    if now.dynamics is None or before.dynamics is None:
        return _Changes(computed, tuple(code), known=False)
    here, there = now.dynamics.environment, before.dynamics.environment
    if here.code != there.code and not code:
        code.append("the code of Ratchet")
    if here.lock != there.lock and here.libraries == there.libraries:
        code.append("packages that training does not depend on directly")
    return _Changes((*_ground(here, there), *computed), tuple(code), known=True)


def _ground(here: Environment, there: Environment) -> Iterator[str]:
    if here.device != there.device:
        yield f"device {there.device} -> {here.device}"
    names = sorted({*here.libraries, *there.libraries})
    for name in names:
        new, old = here.libraries.get(name, "none"), there.libraries.get(name, "none")
        if new != old:
            yield f"{name} {old} -> {new}"


def _computed(here: NumericsRecord, there: NumericsRecord) -> Iterator[str]:
    if here.precision != there.precision:
        yield f"precision {there.precision} -> {here.precision}"
    if here.xla != there.xla:
        yield "the step compiled by XLA" if here.xla else "the step not compiled by XLA"


def _detail(both: Trainings, changes: _Changes) -> str:
    if not changes.ground:
        return "code" if changes.code else ""
    now, before = both.candidate.dynamics, both.baseline.dynamics
    if now is None or before is None:
        return "precision"
    here, there = now.environment, before.environment
    if here.device != there.device:
        return "device"
    return "libraries" if here.libraries != there.libraries else "precision"


def _changed(changes: _Changes) -> Signal:
    """The suspect. A record that says only its version may hide what it ran on."""
    count = float(len(changes.all))
    if changes.all:
        return Signal("ran_on", Role.SUSPECT, count, 1.0, _COUNT, True, f"Different were {_named(changes.all)}.")
    if not changes.known:
        told = "Records of both trainings with what they ran on would say whether it changed."
        return Signal("ran_on", Role.SUSPECT, None, 1.0, _COUNT, None, told)
    return Signal("ran_on", Role.SUSPECT, 0.0, 1.0, _COUNT, False, "Code, libraries and device were the same.")


def _named(names: Sequence[str]) -> str:
    return listed(names, _MOST_NAMED)


def _others(bundle: Bundle, both: Trainings) -> Iterator[str]:
    """What else is not as it was, by the inputs alone."""
    now, before = both.candidate, both.baseline
    for name, value in (("the learning rate", both.mean_rate), ("the passes", both.planned_passes)):
        if value is None or not 1 / _USUAL < value < _USUAL:
            yield name
    if now.augmentation_digest != before.augmentation_digest:
        yield "the augmentation"
    if _held(both, "candidate") != _held(both, "baseline"):
        yield "other settings of the training"
    yield from _of_labels(bundle)
    drift = [each for each in bundle.evidence.comparisons if each.kind == DRIFT]
    if any(not each.passed and each.distance > each.noise for each in drift):
        yield "the images or boxes of the span"
    if bundle.data.failures:
        yield "the span, by the data gate"


def _held(both: Trainings, which: str) -> Mapping[str, object]:
    record = both.candidate if which == "candidate" else both.baseline
    settings = {
        "batch_norm_frozen": record.batch_norm_frozen,
        "clip_norm": record.clip_norm,
        "average": record.average,
        "batch_size": record.asked.batch_size if record.asked else record.batch_size,
        "accumulate": record.asked.accumulate if record.asked else record.numerics.accumulate,
        "optimizer": (record.numerics.optimizer, record.numerics.momentum),
        "weight_decay": record.numerics.weight_decay,
    }
    if both.alike:  # a first training has nothing to be held to
        held = record.continual
        settings |= {"l2_sp": held.l2_sp, "batch_norm": held.batch_norm, "freeze_backbone": held.freeze_backbone}
        settings["replay"] = record.asked.replay if record.asked else held.replay
    return settings


def _of_labels(bundle: Bundle) -> Iterator[str]:
    labels = bundle.evidence.labels
    if labels is None or not labels.measures:
        yield "perhaps the labels, which could not be judged"
    elif any(abs(each.value) > each.limit for each in labels.measures):
        yield "the labels"


def _alone(others: Sequence[str]) -> Signal:
    told = f"Not as last time were {_named(others)}, too." if others else "Settings, labels and data were as last time."
    return Signal("nothing_else_changed", Role.SYMPTOM, float(len(others)), 0.0, _COUNT, not others, told)


def _no_fall() -> Signal:
    told = "On the golden set mAP did not fall beyond the noise."
    return Signal("golden_fell", Role.SYMPTOM, 0.0, 1.0, "yes or no", False, told)


def _told(changes: _Changes, others: Sequence[str]) -> Told:
    what = _named(changes.all) if changes.all else "what it ran on"
    again = "Train once more on the span with what it ran on before"
    return Told(
        supported=f"The training ran on something else than the served model's ({what}), and nothing else changed.",
        open=(
            f"The training ran on something else than the served model's ({what}); whether that costs mAP is not known."
            if changes.all
            else "What the two trainings ran on is not recorded of both."
        ),
        refuted="Code, libraries and device were those of the served model's training.",
        action=f"{again} (undo {what}): if mAP stays then, it was that." if changes.all else f"{again}.",
        test=f"{again}: if mAP stays then, it was that.",
    )
