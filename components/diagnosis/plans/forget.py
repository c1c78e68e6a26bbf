"""Whether the model forgot what its new data lack, by data and configurations of any toolkit; pure.

A training that goes on from another's result on new images alone keeps what those show. So does one on images in which
only some classes are labelled: objects of the others are taught as background.
"""

from __future__ import annotations

from collections.abc import Sequence

from ratchet.components.diagnosis.bundle import Bundle
from ratchet.components.diagnosis.data_sets import evaluated
from ratchet.components.diagnosis.forgetting import earlier_fell, missing_classes, new_kept
from ratchet.components.diagnosis.plans.alone import NEED_CONFIGS, NEED_DATA, NEED_RESULTS, other_data
from ratchet.components.diagnosis.plans.pair import PlanPair
from ratchet.components.diagnosis.shared_symptoms import bears_the_fall
from ratchet.components.diagnosis.signals import SHARE, Limit, Told, found, suspect
from ratchet.schemas.artifacts.diagnosis import FORGETTING, CauseFinding, Signal
from ratchet.schemas.artifacts.evaluation import GOLDEN
from ratchet.schemas.base.formatting import listed, percent

_LACKS = Limit(1.0, "classes")
_REPEATED = Limit(0.1, SHARE, is_most=True)  # of the new training images, that were among the earlier ones
_OTHER = Limit(1.0, "data sets")
_MOST_NAMED = 5


def examine(bundle: Bundle, pair: PlanPair) -> Sequence[CauseFinding]:
    """Whether it was forgetting."""
    lacking = _lacking(pair)
    signals = [
        _lacks(pair, lacking),
        _replay(pair),
        earlier_fell(bundle),
        new_kept(bundle),
        _bears(bundle, lacking or ()),
    ]
    return [found(FORGETTING, "classes" if lacking else "replay", signals, _told(pair, lacking or ()))]


def _lacking(pair: PlanPair) -> tuple[str, ...] | None:
    """Classes that earlier data, else the golden set, let expect in the new data; None where one is not known."""
    data = pair.data
    elsewhere = (data.before or data.golden) if data else None
    if data is None or data.after is None or elsewhere is None or not data.after.boxes or not elsewhere.boxes:
        return None
    return missing_classes(data.after.objects, elsewhere.objects)


def _lacks(pair: PlanPair, lacking: tuple[str, ...] | None) -> Signal:
    told = "The new training data have objects of all classes."
    if lacking:
        count = f" ({len(lacking)} classes)" if len(lacking) > _MOST_NAMED else ""
        told = (
            f"The new training data have no {listed(lacking, _MOST_NAMED)} labelled{count}: there are none in its "
            "images, or nobody labelled them."
        )
    otherwise = f"The labels of both would say which classes are gone: {NEED_DATA}."
    return suspect("data_lack", None if lacking is None else float(len(lacking)), _LACKS, told, otherwise)


def _replay(pair: PlanPair) -> Signal:
    """Whether a training that goes on from the first's result sees none of the first's images."""
    repeated = pair.data.after_in_before if pair.data else None
    share = repeated.share if repeated and repeated.of else None
    otherwise = f"Whether earlier images were among the new ones: {NEED_DATA}; whether it went on: {NEED_CONFIGS}."
    other = other_data(pair) if share is None and pair.continues else None
    if other is not None:
        what = f"{other.name}: {other.before} -> {other.after}"
        told = f"It went on from the first training's result on other data ({what})."
        return suspect("other_data", 1.0, _OTHER, told, otherwise)
    if share is None or not pair.continues:
        return suspect("replay", None, _REPEATED, "", otherwise)
    told = f"It went on from the first training's result, and {percent(share)} of its images were among the first's."
    return suspect("replay", share, _REPEATED, told, otherwise)


def _bears(bundle: Bundle, lacking: Sequence[str]) -> Signal:
    golden = evaluated(bundle, GOLDEN)
    per_class = golden.deltas.per_class if golden and golden.deltas else {}
    otherwise = f"Both models' figures by class would show what was forgotten: {NEED_RESULTS}."
    return bears_the_fall("lacking_bear_the_fall", lacking, per_class, "which the new data lack", otherwise)


def _told(pair: PlanPair, lacking: Sequence[str]) -> Told:
    if lacking:
        what = f"The new training data have no {listed(lacking, _MOST_NAMED)} labelled"
        action = (
            f"Label {listed(lacking, _MOST_NAMED)} in the new images too, where they are in them, and mix images of "
            "the earlier data into the training."
        )
    elif not (pair.data and pair.data.after_in_before):
        what = "The training went on from earlier weights on other data, which may lack the earlier images"
        action = "Mix images of the earlier data into the training, if they are not in it: half of each batch is usual."
    else:
        what = "The training went on from earlier weights on new images alone"
        action = "Mix images of the earlier data into the training: half of each batch is a good start."
    return Told(
        supported=f"{what}, so that the model forgot.",
        open=f"{what}; that it forgot does not show."
        if lacking or pair.data or pair.changes
        else "What the new data lack is not known.",
        refuted="The new training data hold what the earlier ones did.",
        action=action,
        test=f"To test it give {NEED_DATA}.",
    )
