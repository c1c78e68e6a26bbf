"""Whether the model forgot what the new span lacks; pure.

What is not in a training's batches fades from the model: classes or sources that the new span lacks, the more the fewer
images of earlier spans are replayed. Unlike a rate that is too high it costs earlier spans alone: the new one is
learned all the while. That a span has objects of other sizes is a shift of the data and told there; so is a new source
that the served model does not cope with.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ratchet.components.diagnosis.bundle import Bundle
from ratchet.components.diagnosis.data_sets import TITLES, change, evaluated, objects_of_classes
from ratchet.components.diagnosis.shared_symptoms import bears_the_fall
from ratchet.components.diagnosis.signals import (
    RATIO,
    SHARE,
    STANDARD_ERRORS,
    Limit,
    Told,
    found,
    not_trained,
    suspect,
    symptom,
)
from ratchet.components.diagnosis.trainings import (
    USUAL_REPLAY,
    Trainings,
    asked_replay,
    course,
    exported_step,
    more_replay,
    ratio,
)
from ratchet.schemas.artifacts.diagnosis import FORGETTING, CauseFinding, Signal
from ratchet.schemas.artifacts.evaluation import EARLIER_SPANS, GOLDEN, HELD_OUT, TRAIN_SAMPLE, DataSetEvaluation, Delta
from ratchet.schemas.artifacts.training_record import TrainingRecord, ValidationPoint
from ratchet.schemas.base.formatting import listed, percent

_LOWERED = Limit(0.5, RATIO, is_most=True)  # half of last time's replay, or less
_LACKS = Limit(1.0, "classes or sources")
_RARE = 0.1  # of the objects that the share elsewhere lets expect: so few count as none
_EXPECTED = 7.0  # objects: none at all has then a probability below .001 (Poisson)
_COPES = 0.9  # of the baseline's mAP on earlier spans: a source that it does as well on is known to it
_MOST_NAMED = 5
_NOISE = 1.96  # standard errors of a 95 % interval
_FADED = Limit(0.05, SHARE)  # of mAP on earlier validation images, where no data set measures it
_KEPT = Limit(0.02, SHARE, is_most=True)  # of mAP on new validation images


@dataclass(frozen=True)
class _Lacking:
    """What other data have and the span lacks.

    Attributes:
        classes: names.
        sources: slices of an image's attribute, `camera=north`.
    """

    classes: tuple[str, ...]
    sources: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """All of them."""
        return (*self.classes, *self.sources)


def examine(bundle: Bundle) -> Sequence[CauseFinding]:
    """Whether it was forgetting."""
    if bundle.candidate is None or bundle.baseline is None:
        return [not_trained(FORGETTING)]
    both = Trainings(bundle.candidate, bundle.baseline)
    lacking = _lacking(bundle)
    signals = [
        _replay(both),
        _lacks(lacking),
        earlier_fell(bundle),
        new_kept(bundle),
        _bears(bundle, lacking),
    ]
    detail = "classes" if lacking and lacking.classes else "sources" if lacking and lacking.sources else "replay"
    return [found(FORGETTING, detail, signals, _told(both, lacking))]


def _usual_replay(both: Trainings) -> float:
    return asked_replay(both.baseline) if both.alike else USUAL_REPLAY


def _replay(both: Trainings) -> Signal:
    now, usual = asked_replay(both.candidate), _usual_replay(both)
    value = ratio(now, usual)
    of = "in the last retraining" if both.alike else "usually"
    told = f"{percent(now)} of each batch came from earlier spans; {of} {percent(usual)}."
    otherwise = "A record with the share of replayed images would say it."
    return suspect("replay_ratio", 1.0 if value is None else value, _LOWERED, told, otherwise)  # none: none was lost


def _lacking(bundle: Bundle) -> _Lacking | None:
    """None where it is not known what the span has."""
    has = objects_of_classes(bundle, TRAIN_SAMPLE, HELD_OUT)
    elsewhere = objects_of_classes(bundle, EARLIER_SPANS) or objects_of_classes(bundle, GOLDEN)
    if not sum(has.values()) or not sum(elsewhere.values()):
        return None
    sources = _sources(bundle) if _copes(bundle) else ()
    return _Lacking(missing_classes(has, elsewhere), sources)


def missing_classes(has: Mapping[str, int], elsewhere: Mapping[str, int]) -> tuple[str, ...]:
    """Names that elsewhere has, and that are hardly there where they would be expected, by counts of objects."""
    seen, known = sum(has.values()), sum(elsewhere.values())
    expected = {name: seen * count / known for name, count in elsewhere.items()}
    return tuple(name for name, count in expected.items() if count >= _EXPECTED and has.get(name, 0) <= _RARE * count)


def _copes(bundle: Bundle) -> bool:
    """Whether the baseline does about as well on the new span as on earlier ones."""
    scores = [_baseline_map(evaluated(bundle, name)) for name in (HELD_OUT, EARLIER_SPANS)]
    value = ratio(*scores)
    return value is not None and value >= _COPES


def _baseline_map(found: DataSetEvaluation | None) -> float | None:
    return found.baseline.coco.get("AP") if found and found.baseline else None


def _sources(bundle: Bundle) -> tuple[str, ...]:
    """Values of image attributes that the golden set has and the span lacks, of those that the span has at all."""
    has = {**_slices(bundle, TRAIN_SAMPLE), **_slices(bundle, HELD_OUT)}
    attributes = {name.partition("=")[0] for name, count in has.items() if count}
    golden = {name: count for name, count in _slices(bundle, GOLDEN).items() if name.partition("=")[0] in attributes}
    return missing_classes(has, golden) if golden else ()


def _slices(bundle: Bundle, name: str) -> dict[str, int]:
    known = evaluated(bundle, name)
    support = known.slice_support if known else {}
    return {name: each.objects for name, each in support.items() if not name.startswith("object_size=")}


def _named(names: Sequence[str]) -> str:
    return listed(names, _MOST_NAMED)


def _lacks(lacking: _Lacking | None) -> Signal:
    names = lacking.names if lacking else ()
    return suspect(
        "span_lacks",
        None if lacking is None else float(len(names)),
        _LACKS,
        f"The new span has no {_named(names)}." if names else "The new span has objects of all classes and sources.",
        "An evaluation on images of the new span would say which classes and sources it lacks.",
    )


def earlier_fell(bundle: Bundle) -> Signal:
    """Whether images of earlier spans lost mAP."""
    earlier = change(bundle, EARLIER_SPANS)
    otherwise = "Held-out images of earlier spans (evaluation data set `earlier`) would show what was forgotten."
    if earlier is not None:
        told = f"On {TITLES[EARLIER_SPANS]} mAP changed by {earlier.shown}."
        limit = Limit(-_NOISE, STANDARD_ERRORS, is_most=True)
        return symptom("earlier_fell", earlier.value / earlier.std_error, limit, told, otherwise, 1.0)
    lost = _lost(bundle.candidate, lambda point: point.old)
    told = f"On validation images of earlier spans mAP changed by {-(lost or 0.0):+.1%} of what it was."
    return symptom("earlier_fell", lost, _FADED, told, otherwise)


def new_kept(bundle: Bundle) -> Signal:
    """Whether unseen images of the new span did not."""
    held_out = change(bundle, HELD_OUT)
    otherwise = "Held-out images of the new span would show whether it was learned."
    if held_out is not None and (held_out.fell or held_out.rose):
        told = f"On {TITLES[HELD_OUT]} mAP changed by {held_out.shown}."
        limit = Limit(0.0, STANDARD_ERRORS)
        return symptom("new_kept", held_out.value / held_out.std_error, limit, told, otherwise, 1.0)
    lost = _lost(bundle.candidate, lambda point: point.new)
    told = f"On validation images of the new span mAP changed by {-(lost or 0.0):+.1%} of what it was."
    return symptom("new_kept", lost, _KEPT, told, otherwise)


def _lost(record: TrainingRecord | None, part: Callable[[ValidationPoint], float | None]) -> float | None:
    """Between the start and the exported weights, as a share of the start's mAP; None where it was not measured."""
    points = {point.step: part(point) for point in course(record)} if record else {}
    before, after = points.get(0), points.get(exported_step(record)) if record else None
    return None if before is None or after is None or not before > 0 else (before - after) / before


def _bears(bundle: Bundle, lacking: _Lacking | None) -> Signal:
    """Whether the classes, else the sources, that the span lacks bear more of the fall than by their number."""
    golden = evaluated(bundle, GOLDEN)
    names = (lacking.classes or lacking.sources) if lacking else ()
    deltas = golden.deltas if golden else None
    otherwise = (
        "A class or source that the span lacks, and that the golden set has, would show whether it was forgotten."
    )
    parts: Mapping[str, Delta] = {}
    if deltas and lacking:
        parts = deltas.per_class if lacking.classes else _of_attributes(deltas.per_slice, names)
    return bears_the_fall("lacking_bear_the_fall", names, parts, "which the span lacks", otherwise)


def _of_attributes(parts: Mapping[str, Delta], names: Sequence[str]) -> dict[str, Delta]:
    attributes = {name.partition("=")[0] for name in names}
    return {name: delta for name, delta in parts.items() if name.partition("=")[0] in attributes}


def _told(both: Trainings, lacking: _Lacking | None) -> Told:
    now, usual = asked_replay(both.candidate), _usual_replay(both)
    names = lacking.names if lacking else ()
    when = "last time" if both.alike else "usually"
    how = f"{percent(now)} of each batch came from earlier spans ({when} {percent(usual)})"
    what = f"the new span lacks {_named(names)}, and {how}" if names else how
    action = f"training.retrain.replay: {now:g} -> {usual:g}" if now < usual else more_replay(both.candidate)
    return Told(
        supported=f"The model forgot what earlier spans had taught it: {what}.",
        open=f"Forgetting is neither shown nor ruled out: {what}.",
        refuted=f"Nothing was left out of the training: the span lacks no class, and {how}.",
        action=f"{action}, or add images with {_named(names)} to the span." if names else f"{action}.",
    )
