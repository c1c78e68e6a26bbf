"""Whether two trainings were measured alike, by what their configurations and logs say of the validation; pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ratchet.components.diagnosis.bundle import Bundle
from ratchet.components.diagnosis.plans.pair import OtherTraining, PlanPair
from ratchet.components.diagnosis.weighing import weighed
from ratchet.schemas.artifacts.diagnosis import EVALUATION_SET, CauseFinding, CauseState, Role, Signal
from ratchet.schemas.base.formatting import listed, percent
from ratchet.schemas.data.training_plan import Point

_FEWEST = 5  # points of a curve of which all are alike, or written by hand
_BY_MODEL = 0.5  # of the labels; a person's boxes coincide with a detection by chance in a few of a hundred
_DIGITS = 2  # that a person writes
_FLOAT32 = 1e-7  # how far from them TensorBoard's events have them
_MOST_NAMED = 2


def examine(bundle: Bundle, pair: PlanPair) -> Sequence[CauseFinding]:
    """Findings where something is wrong; none where nothing is, which is no proof of a sound evaluation.

    Where both models were measured on one golden set, how each was validated while it trained decides nothing.
    """
    own = list(_labelled_by_model(pair))
    if bundle.evaluation is not None:
        return own
    return [*own, *_exchanged(pair), *_on_training_images(pair), *_written_by_hand(pair)]


def _labelled_by_model(pair: PlanPair) -> Iterator[CauseFinding]:
    """A golden set that the first model labelled says that it is right."""
    share = pair.data.golden_labels_by_model if pair.data else None
    if share is not None and share >= _BY_MODEL:
        told = f"{percent(share)} of the golden set's labels are detections of the model before, to the pixel"
        action = "Have a person label the golden set, without the model's boxes to begin with."
        yield _finding("broken_metric", f"{told}: it is measured by itself.", action, told, True)


def _exchanged(pair: PlanPair) -> Iterator[CauseFinding]:
    """Two logs with mAP on other images say nothing beside each other; result files on one golden set do."""
    changes = pair.change("eval_data")
    if not changes:
        return
    plan = pair.after.plan
    is_told = plan is not None and all(map(_is_of_images, plan.eval_data))  # two of a data.yaml may share their images
    how = "were" if is_told else "may have been"
    told = f"The two trainings {how} validated on other images ({changes[0].before} -> {changes[0].after})"
    logged = is_told and all(each.curves and each.curves.map for each in (pair.before, pair.after))
    effect = (
        "so that mAP in their logs cannot be compared" if logged else "so that their own figures cannot be compared"
    )
    action = "Measure both models on the same labelled images: --gt, --before and --after."
    yield _finding("exchanged", f"{told}, {effect}.", action, told, True if logged else None)


def _on_training_images(pair: PlanPair) -> Iterator[CauseFinding]:
    for name, training in (("before", pair.before), ("after", pair.after)):
        plan = training.plan
        both = sorted(filter(_is_of_images, set(plan.train_data) & set(plan.eval_data))) if plan else []
        if both:
            told = f"The training {name} is validated on what it is trained on ({listed(both, _MOST_NAMED)})"
            action = "Keep images apart that no model is trained on, and measure both models on those."
            yield _finding("leak", f"{told}, so that its mAP says how well it learned by heart.", action, told, True)


def _is_of_images(name: str) -> bool:
    """Whether a name is of images alone: a `data.yaml` and a set of tfds have splits, of which each part takes one."""
    return not name.lower().endswith((".yaml", ".yml")) and not name.startswith("tfds ")


def _written_by_hand(pair: PlanPair) -> Iterator[CauseFinding]:
    for name, training in (("before", pair.before), ("after", pair.after)):
        what = _odd(training)
        if what:
            told = f"mAP in the log of the training {name} {what}"
            action = "Measure both models anew from what they find: --gt, --before and --after."
            yield _finding("broken_metric", f"{told}: no measurement does that.", action, told, True)


def _odd(training: OtherTraining) -> str:
    """What is odd about the figures of a validation; empty where nothing is."""
    curve: Sequence[Point] = training.curves.map if training.curves else ()
    values = [value for _, value in curve]
    if len(values) < _FEWEST:
        return ""
    if len(set(values)) == 1 and values[0] > 0:
        return f"is {values[0]:g} in all {len(values)} rounds"
    is_short = all(abs(round(value, _DIGITS) - value) <= _FLOAT32 for value in values)
    if is_short and len(set(values)) > 1 and max(values) > 0.05:
        return f"has no more than {_DIGITS} digits in any of {len(values)} rounds"
    return ""


def _finding(detail: str, sentence: str, action: str, told: str, breaks: bool | None) -> CauseFinding:
    signals = [
        Signal(f"validation_{detail}", Role.SUSPECT, 1.0, 1.0, "yes or no", True, f"{told}."),
        Signal("logs_not_comparable", Role.PROOF, 1.0, 1.0, "yes or no", breaks, "No mAP in the logs stands on it."),
    ]
    return weighed(CauseFinding(EVALUATION_SET, detail, CauseState.OPEN, 0.0, sentence, action), signals)
