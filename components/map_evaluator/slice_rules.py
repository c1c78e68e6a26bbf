"""The rules for single classes and slices: is a fall more than chance, and is one of many falls; pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ratchet.components.map_evaluator.settings import EvaluatorSettings, SliceRules
from ratchet.schemas.artifacts.decisions import Reason
from ratchet.schemas.artifacts.evaluation import DataSetEvaluation, Delta, Support
from ratchet.schemas.base.differences import found
from ratchet.schemas.base.formatting import difference_with_interval, listed, many, score

# Independent units of equal weight that a test needs: of fewer, false alarms are rare but a lost class is not found
# either (decision 0007).
MIN_UNITS = 5
_LISTED = 8
_ROUNDING = 1e-9  # five equal units may come out as 4.999...


@dataclass(frozen=True)
class _Part:
    """One class or slice of the golden set and the limits that hold for it."""

    rule: str  # class or slice
    name: str
    ap: float  # of the candidate
    candidate: float  # over the classes that the baseline knows, as all below
    baseline: float | None
    delta: Delta | None
    support: Support
    limits: SliceRules
    drop: float | None

    def is_testable(self, settings: EvaluatorSettings) -> bool:
        return (
            self.support.objects >= settings.min_objects
            and self.support.images >= settings.min_object_images
            and self.delta is not None
            and self.delta.std_error is not None
            and self.units >= MIN_UNITS - _ROUNDING
        )

    @property
    def units(self) -> float:
        """Effective number of independent units, of which those that hold few objects count less."""
        return self.support.units if self.delta is None or self.delta.units is None else self.delta.units

    @property
    def is_limited(self) -> bool:
        # A limit of 1 cannot be broken, so its test would only cost the others their significance.
        return self.drop is not None and self.drop < 1

    @property
    def key(self) -> str:
        return f"{self.rule}:{self.name}"


def slice_reasons(golden: DataSetEvaluation, settings: EvaluatorSettings) -> list[Reason]:
    """What the rules for classes and slices say.

    Args:
        golden: scores, differences and support on the golden set.
        settings: the limits.

    Returns:
        One reason for every class or slice that fails, one that sums up the tests, and a warning with the
        classes and slices that have too little ground truth to be tested.
    """
    parts = [*_parts("class", golden, settings), *_parts("slice", golden, settings)]
    reasons = [reason for part in parts for reason in _fixed_limits(part)]
    if golden.deltas is None:
        return reasons
    parts = [part for part in parts if part.delta is not None]  # a new class has not fallen
    reasons += _regressions([part for part in parts if part.is_limited and part.is_testable(settings)], settings)
    return reasons + _untestable([part for part in parts if not part.is_testable(settings)], settings)


def _parts(kind: str, golden: DataSetEvaluation, settings: EvaluatorSettings) -> list[_Part]:
    group = f"per_{kind}"
    compared = golden.compared
    own_limits: dict[str, SliceRules] = getattr(settings, group)
    support: dict[str, Support] = getattr(golden, f"{kind}_support") | getattr(compared, f"{kind}_support")
    whole: dict[str, float] = getattr(golden.candidate, group)
    candidate: dict[str, float] = getattr(compared.candidate, group)
    baseline: dict[str, float] = getattr(compared.baseline, group) if compared.baseline else {}
    deltas: dict[str, Delta] = getattr(compared.deltas, group) if compared.deltas else {}
    general: float | None = getattr(settings, f"{kind}_drop")
    return [
        _Part(
            rule=kind,
            name=name,
            ap=ap,
            candidate=candidate.get(name, ap),
            baseline=baseline.get(name),
            delta=deltas.get(name, _NO_DELTA) if name in baseline else None,
            support=support[name],
            limits=(limits := own_limits.get(name, SliceRules())),
            drop=general if limits.drop is None else limits.drop,
        )
        for name, ap in whole.items()
        # A class without objects is a gap in the golden set; a size that never occurs is not.
        if kind == "class" or support[name].objects or name in own_limits
    ]


_NO_DELTA = Delta(None, None, None, None)


def _fixed_limits(part: _Part) -> Iterable[Reason]:
    floor, margin = part.limits.min_ap, part.limits.margin
    if floor is not None:
        yield Reason(
            rule=f"{part.rule}_min_ap:{part.name}",
            expected=f"candidate AP at least {floor:g}",
            actual=score(part.ap, "undefined"),
            passed=part.ap >= floor,
        )
    if margin is not None and part.baseline is not None:
        yield Reason(
            rule=f"{part.rule}_margin:{part.name}",
            expected=f"candidate AP at least the baseline's {score(part.baseline)} - {margin:g}",
            actual=found(score(part.candidate), part.candidate - part.baseline, part.delta and part.delta.interval),
            passed=part.candidate >= part.baseline - margin,
        )


def _regressions(parts: list[_Part], settings: EvaluatorSettings) -> list[Reason]:
    p_values = {part.key: _p_value(part) for part in parts}
    fallen = holm(p_values, settings.significance)
    reasons = [_regressed(part, p_values[part.key]) for part in parts if part.key in fallen]
    if parts:
        worst = min(parts, key=lambda part: p_values[part.key])
        fell = f"{len(fallen) or 'none'} of {len(parts)} classes and slices fell"
        actual = f"{fell}; {'most surely' if fallen else 'nearest to it'} {worst.name}: {_shown(worst.delta)}"
        expected = "no class or slice falls by more than its limit, beyond chance"
        measure = f"p = {p_values[worst.key]:.2g} of {worst.name}; Holm's correction at {settings.significance:g}"
        reasons.append(Reason("class_and_slice_drops", expected, actual, passed=not fallen, measure=measure))
    return reasons


def _p_value(part: _Part) -> float:
    if part.delta is None or part.delta.value is None or part.delta.std_error is None or part.drop is None:
        raise ValueError(f"{part.key}: has nothing to test")
    return regression_p_value(part.delta.value, part.delta.std_error, part.drop, part.units)


def _regressed(part: _Part, p_value: float) -> Reason:
    return Reason(
        rule=f"{part.rule}_drop:{part.name}",
        expected=f"no fall of AP by more than {part.drop:g}, beyond chance",
        actual=f"AP fell from {score(part.baseline)} to {score(part.candidate)}: {_shown(part.delta)}",
        measure=f"p = {p_value:.2g} of a fall by no more than that",
    )


def _shown(delta: Delta | None) -> str:
    return difference_with_interval(delta and delta.value, delta and delta.interval, "undefined")


def _untestable(parts: list[_Part], settings: EvaluatorSettings) -> list[Reason]:
    if not parts:
        return []
    unit = "images" if settings.bootstrap_by is None else f"groups ({settings.bootstrap_by})"
    return [
        Reason(
            rule="untestable",
            expected=f"at least {settings.min_objects} objects in {settings.min_object_images} images of every class "
            f"and slice, spread over {MIN_UNITS} independent {unit} or as well as that, to test it for a fall",
            actual=f"not tested: {listed([_extent(part) for part in parts], _LISTED)}",
            passed=True,
            warning=True,
        )
    ]


def _extent(part: _Part) -> str:
    support = part.support
    groups = "" if support.groups is None else f" of {many(support.groups, 'group')}"
    uneven = f", as good as {part.units:.1f}" if part.units < MIN_UNITS - _ROUNDING <= support.units else ""
    return f"{part.name} ({support.objects} in {support.images}{groups}{uneven})"


def regression_p_value(delta: float, std_error: float, drop: float, units: float) -> float:
    """Chance of a difference this low or lower if the true one were -drop (one-sided, Student's t).

    The bootstrap's standard error with the tail of t, not the share of resamples below the limit: with 1,000
    resamples that share cannot be smaller than 1/1,001, which a correction for 80 classes never accepts.

    However small the standard error, t is no further from 0 than the number of units: that is what it would be if all
    units agreed and one more, just at the limit, were added.

    Args:
        delta: candidate minus baseline.
        std_error: of that difference.
        drop: the fall that is still accepted.
        units: independent units behind it, more than 1; the fewer, the less the standard error is to be believed.

    >>> round(regression_p_value(-0.08, 0.01, drop=0.05, units=100_000), 5)
    0.00135
    >>> round(regression_p_value(-0.08, 0.01, drop=0.05, units=20), 5)
    0.00368
    >>> round(regression_p_value(-0.08, 0.0, drop=0.05, units=5), 5)
    0.00375
    """
    beyond = delta + drop
    if beyond >= 0 and std_error == 0:
        return 1.0

    from scipy.special import stdtr  # here, because it takes a tenth of a second: an evaluation may not come so far

    most = units * std_error
    return float(stdtr(units - 1, -units if beyond < -most else beyond / std_error))


def holm(p_values: Mapping[str, float], significance: float) -> frozenset[str]:
    """The tests that are significant together (Holm, Scand. J. Statist. 6, 1979).

    Args:
        p_values: of each test, by name.
        significance: accepted chance of one or more false alarms among all tests.

    >>> sorted(holm({"a": 0.01, "b": 0.04, "c": 0.02}, 0.05))
    ['a', 'b', 'c']
    >>> sorted(holm({"a": 0.01, "b": 0.04, "c": 0.03}, 0.05))
    ['a']
    """
    rejected: set[str] = set()
    for place, name in enumerate(sorted(p_values, key=lambda name: p_values[name])):
        if p_values[name] > significance / (len(p_values) - place):
            break
        rejected.add(name)
    return frozenset(rejected)
