"""What images that chose nothing say of a candidate, beside every model that it could have lost to; pure.

The golden set chooses what is served, so by and by the served model is the one that it flatters most, and true mAP may
fall while the measured one rises. On images that no choice ever depended on, luck has no direction. The simulation
behind these rules: docs/second-opinion.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ratchet.components.map_evaluator.held_out import HeldOutImages
from ratchet.components.map_evaluator.matches import DataSetMatches
from ratchet.components.map_evaluator.scoring import MIN_GROUPS, delta_of
from ratchet.components.map_evaluator.settings import EvaluatorSettings, SecondOpinionSettings
from ratchet.components.map_evaluator.slice_rules import MIN_UNITS, regression_p_value
from ratchet.components.metrics.average_precision import detection_metrics
from ratchet.components.metrics.bootstrap import paired_deltas
from ratchet.components.metrics.match_table import MatchTable, join_tables
from ratchet.schemas.artifacts.decisions import Reason
from ratchet.schemas.artifacts.evaluation import BASELINE, CANDIDATE, Delta, HeldOutComparison, SecondOpinion
from ratchet.schemas.artifacts.references import EARLIER, Reference
from ratchet.schemas.base.formatting import difference_with_interval, many

RULE = "second_opinion"


def compare_held_out(
    matches: Sequence[DataSetMatches],
    images: HeldOutImages,
    labels: Mapping[int, str],
    references: Sequence[Reference],
    settings: EvaluatorSettings,
    missing: Sequence[str] = (),
) -> SecondOpinion:
    """Compares the candidate with every reference.

    Args:
        matches: what all models hit, of each data set of held-out images.
        images: those images.
        labels: the classes to compare over, which every model and every span knows, by label.
        references: the models, the baseline among them.
        settings: resampling, and the attribute that makes images depend on each other.
        missing: references that could not be had, in words.
    """
    models = (CANDIDATE, *(reference.name for reference in references))
    tables = {name: _joined([part.tables[name] for part in matches], labels) for name in models} if matches else {}
    groups = _groups(matches, settings.bootstrap_by)

    def delta(new: str, old: str) -> Delta:
        estimates = paired_deltas(tables[new], tables[old], settings.resamples, settings.seed, groups)
        return delta_of(estimates.overall)

    comparisons = [
        HeldOutComparison(
            reference=reference.name,
            version=reference.version,
            pushes_ago=reference.pushes_ago,
            candidate=_map(tables[CANDIDATE]),
            map=_map(tables[reference.name]),
            delta=delta(CANDIDATE, reference.name),
            baseline_delta=None if reference.name == BASELINE else delta(BASELINE, reference.name),
        )
        for reference in (references if tables else ())
    ]
    count = sum(len(part.image_ids) for part in matches)
    return SecondOpinion(
        images=count,
        units=count if groups is None else len(np.unique(groups)),
        objects=int(np.count_nonzero(tables[CANDIDATE].truth["valid"] & 1)) if tables else 0,
        spans=images.spans,
        copies=images.copies,
        unused=images.unused,
        classes=tuple(labels.values()),
        comparisons=tuple(comparisons),
        missing=(*missing, *images.missing),
    )


def _joined(tables: Sequence[MatchTable], labels: Mapping[int, str]) -> MatchTable:
    return join_tables(tables).of_labels(list(labels))


def _map(table: MatchTable) -> float:
    return detection_metrics(table).coco["AP"]


def _groups(matches: Sequence[DataSetMatches], by: str | None) -> np.ndarray | None:
    """The group of each image in the order of the joined table, [i] int64; None where images are independent."""
    if by is None or not matches:
        return None
    order = np.argsort(np.concatenate([part.image_ids for part in matches]), kind="stable")
    values = np.concatenate([part.attributes[by] for part in matches])[order]
    return np.unique(values, return_inverse=True)[1].astype(np.int64)


def second_opinion_reasons(opinion: SecondOpinion | None, settings: EvaluatorSettings) -> list[Reason]:
    """What the rules on held-out images say.

    Args:
        opinion: the comparisons; None where there is nothing to compare with.
        settings: the rules.

    Returns:
        A reason a comparison, or a warning that nothing was tested; and a warning about what is missing.
    """
    rules = settings.second_opinion
    if opinion is None or rules is None:
        return []
    reasons = [_too_few(opinion, rules, settings.bootstrap_by)] if not _is_enough(opinion, rules, settings) else []
    if not reasons:
        chance = settings.significance / max(1, len(opinion.comparisons))
        reasons = [_reason(made, opinion, rules, chance, settings.significance) for made in opinion.comparisons]
    if opinion.missing:
        expected = "every reference and every earlier span at hand"
        reasons.append(Reason(f"{RULE}:missing", expected, "; ".join(opinion.missing), passed=True, warning=True))
    return reasons


def _is_enough(opinion: SecondOpinion, rules: SecondOpinionSettings, settings: EvaluatorSettings) -> bool:
    units = MIN_GROUPS if settings.bootstrap_by else 0
    return (
        opinion.images >= rules.min_images and opinion.objects >= rules.min_objects and opinion.units >= units
    )  # fmt: skip


def _too_few(opinion: SecondOpinion, rules: SecondOpinionSettings, by: str | None) -> Reason:
    groups, values = (f" with {MIN_GROUPS} values of {by!r}", f" and {opinion.units} values") if by else ("", "")
    copies = f", {opinion.copies} more are copies of images that chose something" if opinion.copies else ""
    return Reason(
        rule=RULE,
        expected=f"at least {rules.min_images} held-out images{groups} and {rules.min_objects} objects, to see on "
        "images that chose nothing whether the candidate fell",
        actual=f"not tested: {many(opinion.images, 'image')}{values} and {many(opinion.objects, 'object')} of "
        f"{many(opinion.spans, 'span')}{copies}; every further span adds data.held_out_fraction of its images",
        passed=True,
        warning=True,
    )


def _reason(
    made: HeldOutComparison,
    opinion: SecondOpinion,
    rules: SecondOpinionSettings,
    chance: float,
    significance: float,
) -> Reason:
    shown = difference_with_interval(made.delta.value, made.delta.interval, "undefined")
    expected = (
        f"mAP on held-out images not below that of {described(made)}, or a real gain of {rules.gain:g} still possible"
    )
    actual = f"{shown} on {many(opinion.images, 'image')} of {many(opinion.spans, 'span')}"
    units = _units(made.delta, opinion)
    if made.delta.value is None or made.delta.std_error is None or units < MIN_UNITS:
        return Reason(f"{RULE}:{made.reference}", expected, f"{actual}: not tested", passed=True, warning=True)
    p_value = regression_p_value(made.delta.value, made.delta.std_error, -rules.gain, units)
    passed = made.delta.value >= 0 or p_value >= chance
    if not passed:
        actual += ", which rules a real gain out"
    if not passed and _fell_before(made, opinion, significance):
        actual += (
            f"; the served model itself has fallen there, by {_shown(made.baseline_delta)}: ratchet rollback --to "
            f"{made.version} --by NAME --reason TEXT brings the better one back"
        )
    measure = f"p = {p_value:.2g} of being so low with such a gain" if made.delta.value < 0 else ""
    return Reason(f"{RULE}:{made.reference}", expected, actual, passed=passed, measure=measure)


def _fell_before(made: HeldOutComparison, opinion: SecondOpinion, significance: float) -> bool:
    before = made.baseline_delta
    if before is None or before.value is None or before.std_error is None:
        return False
    units = _units(before, opinion)
    return units >= MIN_UNITS and regression_p_value(before.value, before.std_error, 0.0, units) < significance


def _units(delta: Delta, opinion: SecondOpinion) -> float:
    """Effective number of independent units behind a difference."""
    return opinion.units if delta.units is None else delta.units


def _shown(delta: Delta | None) -> str:
    return difference_with_interval(delta and delta.value, delta and delta.interval)


def described(made: HeldOutComparison) -> str:
    """Which model a reference is.

    >>> no = Delta(None, None, None, None)
    >>> described(HeldOutComparison("earlier", "17", 5, 0.5, 0.5, no))
    'version 17, served 5 pushes ago'
    """
    if made.reference == BASELINE:
        return f"the served version {made.version}"
    ago = f"served {many(made.pushes_ago, 'push')} ago"
    return f"version {made.version}, {ago}" + (
        "" if made.reference == EARLIER else ", the earliest that the golden set cannot tell from the best"
    )
