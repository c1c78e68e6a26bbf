"""What a run cannot know: models on images that neither trained nor chose anything, measured as the evaluator does.

Importing this module starts TensorFlow.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np

from ratchet.components.detector.detections import renumbered, renumbering
from ratchet.components.detector.served import ServedDetector
from ratchet.components.example_gen.dataset import Source, read_source
from ratchet.components.map_evaluator.matches import Collector, DataSetMatches
from ratchet.components.map_evaluator.scoring import score
from ratchet.components.map_evaluator.settings import EvaluatorSettings
from ratchet.pipeline.bench.case_result import Measured
from ratchet.schemas.artifacts.evaluation import BASELINE, CANDIDATE, Delta
from ratchet.schemas.artifacts.training_record import read_training_record
from ratchet.schemas.base.files import LOCAL_FILES
from ratchet.schemas.base.progress import Progress
from ratchet.schemas.data.columns import TruthColumns

_BATCH = 20


class TruthSet:
    """A truth set, with what is kept of models that are compared with again and again.

    Args:
        truth: the data set.
        baseline: SavedModel that every candidate is compared with.
        kept: directory to keep the matches of baseline and controls in.
    """

    def __init__(self, truth: Path, baseline: Path, kept: Path) -> None:
        self._truth, self._baseline, self._kept = truth, baseline, kept
        self._names = read_source(str(truth)).label_map.names

    def measure(self, candidate: Path, seed: int, is_control: bool) -> tuple[Measured, Delta | None]:
        """A candidate beside the baseline, and minus the control of its seed.

        Args:
            candidate: its SavedModel.
            seed: of the case.
            is_control: whether it is the control itself, to be kept.

        Returns:
            Both; no difference to the control where it is the control, or that has not run.
        """
        found, control = matches_of(candidate, self._truth), self._kept / f"control-{seed}.npz"
        beside = compared(found, matches_of(self._baseline, self._truth, self._kept / "baseline.npz"), self._names)
        if is_control:
            found.save(str(control))
            return beside, None
        if not control.exists():
            return beside, None
        return beside, compared(found, DataSetMatches.load(str(control)), self._names).delta


def matches_of(model: Path, truth: Path, kept: Path | None = None) -> DataSetMatches:
    """What a model hits on a truth set.

    Args:
        model: a SavedModel of ours.
        truth: a data set.
        kept: file that keeps it for the next time.
    """
    if kept is not None and kept.exists():
        return DataSetMatches.load(str(kept))
    source = read_source(str(truth))
    found = _collected(model, source)
    if kept is not None:
        kept.parent.mkdir(parents=True, exist_ok=True)
        found.save(str(kept))
    return found


def _collected(model: Path, source: Source) -> DataSetMatches:
    detector = ServedDetector("the model", str(model))
    own = read_training_record(str(model), LOCAL_FILES).class_names
    numbers = renumbering(own, source.label_map.names)
    collector, progress = Collector(sample_share=0.0), Progress("measuring the truth", len(source.records))
    done = 0
    for shard in source.shards:
        for start in range(0, len(shard.records), _BATCH):
            records = shard.records[start : start + _BATCH]
            encoded = [Path(path).read_bytes() for path in shard.paths[start : start + _BATCH]]
            ids = np.array([record.image_id for record in records], np.int64)
            found = renumbered(detector.detect(detector.preprocess(encoded), ids, len(own)), numbers)
            collector.add_columns(ids, TruthColumns.of([record.truth for record in records]), {CANDIDATE: found})
            done += len(records)
            progress.update(done)
    return collector.finish()


def compared(candidate: DataSetMatches, baseline: DataSetMatches, names: tuple[str, ...]) -> Measured:
    """Two models on one truth set, paired image by image.

    Args:
        candidate: of `matches_of`.
        baseline: of the other model.
        names: classes of the truth set, in label order.
    """
    tables = {CANDIDATE: candidate.tables[CANDIDATE], BASELINE: baseline.tables[CANDIDATE]}
    scored = score(dataclasses.replace(candidate, tables=tables), names, EvaluatorSettings())
    return Measured(
        images=scored.images,
        candidate=_defined(scored.candidate.coco["AP"]),
        baseline=_defined(scored.baseline.coco["AP"]) if scored.baseline else None,
        delta=scored.deltas.overall if scored.deltas else Delta(None, None, None, None),
    )


def gain(truth: Path, candidate: Path, baseline: Path) -> float:
    """Difference of mAP on a truth set between two SavedModels; 0 where it is undefined."""
    names = read_source(str(truth)).label_map.names
    return compared(matches_of(candidate, truth), matches_of(baseline, truth), names).delta.value or 0.0


def _defined(value: float) -> float | None:
    return None if value < 0 else value
