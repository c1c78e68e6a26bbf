"""What a data gate would have said of a training whose data people bring: decision and evidence for a diagnosis; pure.

Rules have the gate's names, for it is by them that the diagnosis knows what they are about. What cannot be told from
what was brought is not there: a rule that was not asked has not passed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ratchet.components.data_gate.copies import Copies, SpanCopies
from ratchet.components.data_gate.coping import Coping, coping_of
from ratchet.components.data_gate.fact_rules import DetectorSight, class_shares, fact_reasons
from ratchet.components.data_gate.rules import Baseline, Findings, decide
from ratchet.components.data_gate.settings import DataGateSettings
from ratchet.components.data_gate.trust import Trust
from ratchet.components.imaging.copies import Copy, Originals, find_repeats
from ratchet.pipeline.explain.compared import Compared, Judged, compare_golden, compare_training
from ratchet.pipeline.explain.data_facts import Leaks, are_too_many, copies_in, facts_of_sets
from ratchet.pipeline.explain.data_found import DataFound
from ratchet.pipeline.explain.data_sets import ReadDataSet, objects_of_classes
from ratchet.pipeline.explain.familiar import where_it_can_judge
from ratchet.pipeline.explain.labels_seen import LabelsFound, Seen, labels_found
from ratchet.schemas.artifacts.data_evidence import DataEvidence
from ratchet.schemas.artifacts.decisions import DataDecision, Reason
from ratchet.schemas.artifacts.history import History
from ratchet.schemas.base.formatting import joined
from ratchet.schemas.data.dataset import EVAL_SPLIT, SPLITS, TRAIN_SPLIT, DataSetInfo

_OF_FILES = ("facts:blank", "facts:outside_content")
_UNFAMILIAR = "labels were judged without knowing whether the images look as those that the model before knows"
_NEVER_ASKED = ("schema", "golden_unchanged", "span_version")


@dataclass(frozen=True, eq=False)
class DataInputs:
    """What a person brought; all of it may be missing.

    Attributes:
        before: what the model before was trained on, last.
        after: what the model after was trained on.
        golden: the golden set.
        earlier: what the model before was trained on before that, the first one first.
        seen_golden: what the model before finds in the golden set.
        seen_after: what it finds in the training data after, or in some of its images.
        sight: how small objects the model after can see.
    """

    before: ReadDataSet | None = None
    after: ReadDataSet | None = None
    golden: ReadDataSet | None = None
    earlier: tuple[ReadDataSet, ...] = ()
    seen_golden: Seen | None = None
    seen_after: Seen | None = None
    sight: DetectorSight | None = None


def data_evidence(given: DataInputs, settings: DataGateSettings | None = None) -> DataFound:
    """Compares, audits and judges whatever there is.

    Args:
        given: what a person brought.
        settings: the gate's; None: as they come along.
    """
    settings = settings or DataGateSettings()
    before, after, golden = given.before, given.after, given.golden
    names = before.class_names if before else given.seen_golden.class_names if given.seen_golden else ()
    sides = _sides(given)
    trusted = _trusted(given, sides) if sides else None
    labels = labels_found(*sides, names, settings, trusted) if sides and names else None
    compared = Compared()
    if before and after:
        judged = _judged(after, sides, names, settings) if sides else None
        compared = compare_training(before, after, settings, given.earlier, judged)
    of_golden = compare_golden(golden, before, settings, given.earlier) if golden and before else ()
    originals = Originals(golden.looks) if golden and golden.looks else None
    leaked = copies_in(after, originals)
    decision = _decided(given, compared, labels, leaked, settings) if after else _of_labels(labels)
    leaks = Leaks(copies_in(before, originals), leaked)
    return DataFound(
        decision=decision,
        evidence=DataEvidence((*compared.comparisons, *of_golden), labels.evidence if labels else None),
        facts=facts_of_sets(before, after, golden, leaks, given.seen_after, given.seen_golden),
        notes=(*_notes(given, originals), *([_UNFAMILIAR] if labels and trusted is None else [])),
    )


def _notes(given: DataInputs, originals: Originals | None) -> tuple[str, ...]:
    sets = [data for data in (given.before, given.after, given.golden) if data]
    notes = [f"{data.title}: {note}" for data in sets for note in data.notes]
    many = [data.title for data in (given.before, given.after) if data and are_too_many(data, originals)]
    if many:
        notes.append(
            f"golden images in {joined(many)} were looked for as they are: turned or cropped ones are not found"
        )
    return tuple(notes)


def _sides(given: DataInputs) -> tuple[Seen, Seen] | None:
    """The training data after and the golden set as the model before sees them, of the images that are compared."""
    if given.seen_after is None or given.seen_golden is None:
        return None
    return _of_compared(given.seen_after, given.after), _of_compared(given.seen_golden, given.golden)


def _of_compared(seen: Seen, data: ReadDataSet | None) -> Seen:
    names = {record.file_name for record in data.compared} if data else set[str]()
    return seen.in_order_of_names(sorted(names) if names & set(seen.file_names) else None)


def _rows(seen: Seen, data: ReadDataSet) -> np.ndarray | None:
    """Places in `compared` of images that a model was shown; None where the data set does not name all of them."""
    place = {record.file_name: row for row, record in enumerate(data.compared)}
    rows = [place[name] for name in seen.file_names if name in place]
    return np.array(rows, np.int64) if len(rows) == len(seen.file_names) else None


def _trusted(given: DataInputs, sides: tuple[Seen, Seen]) -> Trust | None:
    """Where the model before can judge labels; None where it is not known how the images look."""
    if given.before is None or given.after is None or given.golden is None:
        return None
    rows = [_rows(seen, data) for seen, data in zip(sides, (given.after, given.golden))]
    if rows[0] is None or rows[1] is None:
        return None
    return where_it_can_judge(given.after, rows[0], given.golden, rows[1], (*given.earlier, given.before))


def _judged(
    after: ReadDataSet, sides: tuple[Seen, Seen], names: Sequence[str], settings: DataGateSettings
) -> Judged | None:
    """How the model before does in the training data after; None where that does not name the images it was shown."""
    rows = _rows(sides[0], after)
    if rows is None:
        return None
    span, golden = (side.profile(names) for side in sides)

    def copes_in(images: np.ndarray, alternatives: int) -> Coping | None:
        return coping_of(span.of_images(images), golden, settings.coping, asked=alternatives)

    return Judged(rows, coping_of(span, golden, settings.coping), copes_in)


def _of_labels(labels: LabelsFound | None) -> DataDecision:
    reasons = labels.reasons if labels else ()
    return DataDecision(all(reason.passed for reason in reasons), reasons)


def _decided(
    given: DataInputs,
    compared: Compared,
    labels: LabelsFound | None,
    leaked: list[Copy] | None,
    settings: DataGateSettings,
) -> DataDecision:
    """The gate's own decision, without the rules that were not asked."""
    before, after, golden = given.before, given.after, given.golden
    assert after is not None
    copies = _copies(after, golden, leaked)
    findings = Findings(
        anomalies=(),
        schema_classes=None,
        leaked=copies.leaked,
        repeated=copies.repeated,
        labels=labels.reasons if labels else (),
        drift=compared.reasons,
        image_names={record.image_id: record.file_name for record in after.records},
        history=History(()),
        facts=_facts(given, settings),
    )
    baseline = Baseline(before.class_names, "", len(before.records)) if before else None
    decision = decide(_info(after), golden and _info(golden), baseline, findings, settings)
    unasked = {*_NEVER_ASKED, *([] if leaked is not None else ["leak"])}
    unasked |= set() if after.has_images else {"repeated_images"}
    reasons = tuple(reason for reason in decision.reasons if reason.rule not in unasked)
    return DataDecision(all(reason.passed for reason in reasons), reasons)


def _copies(after: ReadDataSet, golden: ReadDataSet | None, leaked: list[Copy] | None) -> SpanCopies:
    if after.looks is None:
        return SpanCopies.none()
    looks, of_golden = after.looks, SpanCopies.none().leaked
    if golden is not None and golden.looks is not None and leaked is not None:
        of_golden = Copies.of(looks, golden.looks, leaked)
    return SpanCopies(of_golden, Copies.of(looks, looks, find_repeats(looks)))


def _facts(given: DataInputs, settings: DataGateSettings) -> list[Reason]:
    before, after, golden = given.before, given.after, given.golden
    assert after is not None
    trained_on = class_shares(before.sample, before.class_names) if before else None
    reasons = fact_reasons(after.facts, golden and golden.facts, trained_on, given.sight, settings.facts)
    return [reason for reason in reasons if after.has_images or reason.rule not in _OF_FILES]


def _info(data: ReadDataSet) -> DataSetInfo:
    """As the gate's rules read it; all of its images are in the split that each of them asks."""
    images, boxes = len(data.records), sum(objects_of_classes(data).values())
    return DataSetInfo(
        source=data.path,
        source_format=data.format,
        span=1,
        version=1,
        digest="",
        class_names=data.class_names,
        category_ids=tuple(range(1, len(data.class_names) + 1)),
        images=dict.fromkeys(SPLITS, 0) | {TRAIN_SPLIT: images, EVAL_SPLIT: images},
        boxes=dict.fromkeys(SPLITS, 0) | {TRAIN_SPLIT: boxes, EVAL_SPLIT: boxes},
        bad_boxes=data.bad_boxes,
        mended_areas=data.mended_areas,
        facts=data.facts,
    )
