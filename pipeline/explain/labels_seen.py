"""Labels beside what the model before sees in the same images, as the data gate audits a span; pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from ratchet.components.coco.reading import CocoAnnotations
from ratchet.components.data_gate.label_audit import LabelAudit, audit_labels
from ratchet.components.data_gate.parts import faults_in_parts, parts_of
from ratchet.components.data_gate.settings import DataGateSettings
from ratchet.components.data_gate.trust import Trust
from ratchet.components.detector.detections import renumbering
from ratchet.components.labels.profile import Profile, in_label_map, single_labels
from ratchet.components.metrics.boxes import overlapping
from ratchet.schemas.artifacts.data_evidence import LabelEvidence
from ratchet.schemas.artifacts.decisions import Reason
from ratchet.schemas.data.columns import Columns, DetectionColumns, TruthColumns, rows_of

_SAME_PX, _SAME_IOU = 0.5, 0.99  # of a label and a detection that are one box
_NEAR_IOU = 0.5


@dataclass(frozen=True, eq=False)
class Seen:
    """Labelled images, and what the model before found in them.

    Attributes:
        file_names: of each image; its place is the position that the columns speak of.
        sizes_px: [i, 2] float64, width and height.
        truth: the labelled objects.
        found: the detections, in the same label map.
        class_names: of the labels.
        attributes: what the data set says of each image; none is fine.
    """

    file_names: tuple[str, ...]
    sizes_px: np.ndarray
    truth: TruthColumns
    found: DetectionColumns
    class_names: tuple[str, ...]
    attributes: tuple[Mapping[str, str], ...] = field(default=())

    @classmethod
    def of(cls, truth: CocoAnnotations, found: DetectionColumns) -> Seen:
        """Of a COCO file and detections that were read for it.

        Where most images have no detection at all, as of any score they do, the model was not shown them, and they are
        left out.

        Args:
            truth: the labels.
            found: of `coco.results.read_results`.
        """
        names = tuple(name or str(key) for name, key in zip(truth.file_names, truth.ids))
        seen = cls(names, truth.sizes_px, truth.objects, found, truth.label_map.names, truth.attributes)
        shown = np.bincount(found.image, minlength=len(names)) > 0
        return seen if 2 * np.count_nonzero(shown) >= len(names) else seen.of_images(shown)

    def of_images(self, keep: np.ndarray) -> Seen:
        """Some of the images, counted anew; `keep` is [i] bool."""
        rows = np.flatnonzero(keep).tolist()
        return replace(
            self,
            file_names=tuple(self.file_names[row] for row in rows),
            sizes_px=self.sizes_px[keep],
            truth=self.truth.of_images(keep),
            found=self.found.of_images(keep),
            attributes=tuple(self.attributes[row] for row in rows) if self.attributes else (),
        )

    def in_order_of_names(self, wanted: Sequence[str] | None = None) -> Seen:
        """The same images by file name; only those of some names, if they are given."""
        allowed = set(self.file_names if wanted is None else wanted)
        kept = self.of_images(np.array([name in allowed for name in self.file_names], np.bool_))
        order = np.array(sorted(range(len(kept.file_names)), key=lambda row: kept.file_names[row]), np.int64)
        place = np.argsort(order)
        return replace(
            kept,
            file_names=tuple(kept.file_names[row] for row in order),
            sizes_px=kept.sizes_px[order],
            truth=_by_image(replace(kept.truth, image=place[kept.truth.image])),
            found=_by_image(replace(kept.found, image=place[kept.found.image])),
            attributes=tuple(kept.attributes[row] for row in order) if kept.attributes else (),
        )

    def profile(self, class_names: Sequence[str]) -> Profile:
        """As the audit reads it, in the label map of the model; classes that it does not know stay apart."""
        own = Profile(self.file_names, self.sizes_px, self.truth, self.found)
        return in_label_map(own, renumbering(self.class_names, class_names))


@dataclass(frozen=True)
class LabelsFound:
    """What the audit of labels says."""

    reasons: tuple[Reason, ...]
    evidence: LabelEvidence


def labels_found(
    after: Seen,
    golden: Seen,
    class_names: tuple[str, ...],
    settings: DataGateSettings,
    trusted: Trust | None = None,
) -> LabelsFound:
    """Audits labels of the training data after, and of parts of it.

    Args:
        after: its images, by file name.
        golden: the golden set.
        class_names: those of the model before.
        settings: the gate's.
        trusted: where the model can judge labels; None: everywhere.
    """
    span, known = after.profile(class_names), golden.profile(class_names)
    parts = parts_of(after.file_names, after.attributes, np.empty((len(after.file_names), 0)))
    trusted = trusted and trusted.beside_parts([part.images for part in parts])
    whole = LabelAudit.of(span, known, class_names, settings.labels, trusted)

    def ask(images: np.ndarray, alternatives: int) -> list[Reason]:
        some = replace(span.of_images(images), asked=alternatives)
        return audit_labels(some, known, class_names, settings.labels, trusted and trusted.of_images(images))

    return LabelsFound(tuple(faults_in_parts(whole.reasons(), parts, ask)), whole.evidence())


def share_made_by_model(seen: Seen) -> float | None:
    """Share of the labels that are a detection of their class, box for box: made with the model's own help.

    Returns:
        None without a label.
    """
    labels = single_labels(seen.truth)
    if not len(labels.labels):
        return None
    found = seen.found
    pairs = overlapping(labels.image, labels.boxes_xywh_px, found.image, found.boxes_xywh_px, least_iou=_NEAR_IOU)
    mine, its = labels.boxes_xywh_px[pairs.one], found.boxes_xywh_px[pairs.other]
    near = np.abs(_corners(mine) - _corners(its)).max(axis=1, initial=0.0) <= _SAME_PX
    same = (near | (pairs.iou >= _SAME_IOU)) & (labels.labels[pairs.one] == found.labels[pairs.other])
    return len(np.unique(pairs.one[same])) / len(labels.labels)


def _by_image(columns: Columns) -> Columns:
    return rows_of(columns, np.argsort(columns.image, kind="stable"))


def _corners(boxes_xywh_px: np.ndarray) -> np.ndarray:
    return np.hstack([boxes_xywh_px[:, :2], boxes_xywh_px[:, :2] + boxes_xywh_px[:, 2:]])
