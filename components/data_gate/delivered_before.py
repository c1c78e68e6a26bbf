"""Whether a span was delivered before, whole or in part, under whatever number; pure.

The same name must mean the same data: otherwise nobody could say what a model was trained on. And the same data under
another name is trained on twice, as if it were news.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ratchet.schemas.artifacts.decisions import Reason
from ratchet.schemas.artifacts.history import History
from ratchet.schemas.artifacts.registry_entries import RecordedDecision
from ratchet.schemas.artifacts.training_record import TrainedData
from ratchet.schemas.base.formatting import joined, percent
from ratchet.schemas.data.dataset import DataSetInfo
from ratchet.schemas.data.fingerprints import Fingerprints

_RULE = "span_version"
_EXPECTED = "data that was not trained on before, or a new version of it"
_WORTH_TELLING = 0.01  # share of images; single ones are what `leak` and `repeated_images` are for


@dataclass(frozen=True)
class TrainedBefore:
    """Images of a span that the served model or an ancestor was trained on.

    Attributes:
        images: of the span's training part.
        same: by the number of the span that they came with, how many with the same labels.
        relabelled: the same of those that have other labels now.
        is_known: whether the served model says what it was trained on, as an adopted one does not.
    """

    images: int = 0
    same: Mapping[int, int] = field(default_factory=dict)
    relabelled: Mapping[int, int] = field(default_factory=dict)
    is_known: bool = True

    @classmethod
    def find(cls, span: Fingerprints, lineage: Fingerprints) -> TrainedBefore:
        """Compares by the bytes of the files; by hashes with what an older version recorded.

        Args:
            span: the images that would be trained on.
            lineage: those that the served model and its ancestors were trained on.
        """
        known: dict[bytes, dict[bytes | None, int]] = {}
        for row, digest in enumerate(lineage.files):
            labels = lineage.labels[row] if digest is not None else None
            key = digest if digest is not None else lineage.hashes[row].tobytes()
            known.setdefault(key, {})[labels] = int(lineage.spans[row])
        same: Counter[int] = Counter()
        relabelled: Counter[int] = Counter()
        for row, digest in enumerate(span.files):
            before = known.get(digest or b"") or known.get(span.hashes[row].tobytes())
            if not before:
                continue
            if span.labels[row] in before or None in before:
                same[before.get(span.labels[row], before.get(None, 0))] += 1
            else:
                relabelled[next(iter(before.values()))] += 1
        return cls(len(span), dict(same), dict(relabelled))


def not_delivered_before(
    span: DataSetInfo, history: History, lineage: Sequence[TrainedData], before: TrainedBefore
) -> Reason:
    """Judges by name, then by the digest of the whole, then image by image.

    Args:
        span: the new span.
        history: what was decided before.
        lineage: the spans that the served model and its ancestors were trained on.
        before: their images in this span.
    """
    named = history.trained_on(span.span, span.version)
    if named is not None and named.data_digest != span.digest:
        return Reason(
            _RULE,
            _EXPECTED,
            f"span {span.span} version {span.version} is not what run {named.run_id} trained on under this name; "
            f"deliver it as span-{span.span}-version-{span.version + 1}",
            measure=f"digest {named.data_digest[:12]} then, {span.digest[:12]} now",
        )
    runs = [run for run in history.runs if run.data_digest == span.digest]
    numbers = [data.span for data in lineage if data.digest == span.digest]
    if runs or numbers:
        return _told(_identical(span, runs[-1] if runs else None, numbers), strength=1 / _WORTH_TELLING)
    known = sum(before.same.values()) + sum(before.relabelled.values())
    share = known / max(1, before.images)
    if share <= _WORTH_TELLING:
        told = "not trained on before"
        if not before.is_known:
            told += " by any run; what the served model was trained on is not known, for it was adopted"
        return Reason(_RULE, _EXPECTED, told, passed=True, strength=share / _WORTH_TELLING)
    is_correction = set(before.same) | set(before.relabelled) == {span.span} and span.version > 1
    return _told(_in_part(before, history), share / _WORTH_TELLING, warning=not is_correction)


def _told(words: str, strength: float, warning: bool = True) -> Reason:
    return Reason(_RULE, _EXPECTED, words, passed=True, warning=warning, strength=strength)


def _identical(span: DataSetInfo, run: RecordedDecision | None, numbers: Sequence[int]) -> str:
    number = run.span if run is not None else numbers[-1]
    copied = "" if number == span.span else f"it holds exactly what span {number} held, which was "
    if run is None:
        return f"{copied or 'it was '}already trained on: nothing in it is new"
    return f"{copied}already trained on by run {run.run_id}, which ended {run.verdict}"


def _in_part(before: TrainedBefore, history: History) -> str:
    parts = []
    for number in sorted({*before.same, *before.relabelled}):
        same, other = before.same.get(number, 0), before.relabelled.get(number, 0)
        runs = [run.run_id for run in history.runs if run.span == number]
        words = f"{_share(same + other, before.images)} were trained on as span {number}"
        words += f" (run {runs[-1]})" if runs else ""
        if other:
            words += f", {'all' if not same else other} of them with other labels than now, as after a correction"
        parts.append(words)
    known = sum(before.same.values()) + sum(before.relabelled.values())
    new = before.images - known
    return f"of its {before.images} images, {joined(parts)}; " + (
        f"{_share(new, before.images)} are new" if new else "none is new"
    )


def _share(count: int, of: int) -> str:
    return f"{count:,} ({percent(count / max(1, of))})"
