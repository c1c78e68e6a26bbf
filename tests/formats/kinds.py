"""Every kind of persisted file: how it is read and written. Its golden files are in `golden/KIND/FORMAT.json`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ratchet.components.registry.entry_files import entry_json, parse_entry, parse_pointer, pointer_json
from ratchet.components.registry.entry_index import index_text
from ratchet.components.registry.override_log import follow, read_log
from ratchet.pipeline.past.run_index import runs_text
from ratchet.schemas.artifacts.adoption import ADOPTION_FORMAT
from ratchet.schemas.artifacts.data_evidence import DATA_DECISION_FORMAT, EVIDENCE_FORMAT, PICTURES_FORMAT
from ratchet.schemas.artifacts.diagnosis import DIAGNOSIS_FORMAT
from ratchet.schemas.artifacts.evaluation import EVALUATION_FORMAT
from ratchet.schemas.artifacts.golden_sets import GOLDEN_SETS_FORMAT
from ratchet.schemas.artifacts.history import HISTORY_FORMAT
from ratchet.schemas.artifacts.metadata_file import METADATA_FILE_FORMAT
from ratchet.schemas.artifacts.overrides import OVERRIDE_FORMAT
from ratchet.schemas.artifacts.promotions import PROMOTION_FORMAT, promotion_line
from ratchet.schemas.artifacts.publication import PUBLICATION_FORMAT
from ratchet.schemas.artifacts.references import REFERENCES_FORMAT
from ratchet.schemas.artifacts.registry_entries import (
    ENTRY_INDEX_FORMAT,
    POINTER_FORMAT,
    RECORDED_DECISION_FORMAT,
    SERVED_MODEL_FORMAT,
    RecordedDecision,
    ServedModel,
)
from ratchet.schemas.artifacts.root_file import ROOT_FILE_FORMAT
from ratchet.schemas.artifacts.run_files import ABANDONED_FORMAT, CRASH_FORMAT, PRUNED_FORMAT, RUN_RECORD_FORMAT
from ratchet.schemas.artifacts.run_index import RUN_INDEX_FORMAT
from ratchet.schemas.artifacts.run_result import RUN_RESULT_FORMAT
from ratchet.schemas.artifacts.step_record import STEP_RECORD_FORMAT
from ratchet.schemas.artifacts.training_record import TRAINING_RECORD_FORMAT
from ratchet.schemas.base.persisted import PersistedFormat
from ratchet.schemas.data.dataset import DATASET_FORMAT

GOLDEN = Path(__file__).parent / "golden"
ROOT = "/data/root"  # where the root of the examples lies
SOURCE = "file.json"


@dataclass(frozen=True)
class Kind:
    """A kind of file: its format, and what reads and writes it."""

    form: PersistedFormat[Any]
    read: Callable[[str], Any]
    write: Callable[[Any], str]


def _plain(form: PersistedFormat[Any], end: str = "") -> Kind:
    return Kind(form, lambda text: form.read(text, SOURCE), lambda value: form.write(value) + end)


KINDS = {
    "served": Kind(
        POINTER_FORMAT, lambda text: parse_pointer(text, SOURCE, ROOT), lambda value: pointer_json(value, ROOT)
    ),
    "version": Kind(
        SERVED_MODEL_FORMAT,
        lambda text: parse_entry(text, SOURCE, ServedModel, ROOT),
        lambda value: entry_json(value, ROOT),
    ),
    "registry_index": Kind(
        ENTRY_INDEX_FORMAT,
        lambda text: ENTRY_INDEX_FORMAT.read(text, SOURCE),
        lambda value: index_text(value.entries),
    ),
    "registry_decision": Kind(
        RECORDED_DECISION_FORMAT,
        lambda text: parse_entry(text, SOURCE, RecordedDecision, ROOT),
        lambda value: entry_json(value, ROOT),
    ),
    "overrides": Kind(
        OVERRIDE_FORMAT, lambda text: read_log(text, SOURCE)[0].override, lambda value: f"{follow([], value).line}\n"
    ),
    "overrides_with_adoption": Kind(
        OVERRIDE_FORMAT, lambda text: read_log(text, SOURCE)[0].override, lambda value: f"{follow([], value).line}\n"
    ),
    "adoption": _plain(ADOPTION_FORMAT),
    "evaluation": _plain(EVALUATION_FORMAT),
    "data_decision": _plain(DATA_DECISION_FORMAT),
    "data_evidence": _plain(EVIDENCE_FORMAT),
    "data_pictures": _plain(PICTURES_FORMAT),
    "dataset": _plain(DATASET_FORMAT),
    "training_record": _plain(TRAINING_RECORD_FORMAT),
    "history": _plain(HISTORY_FORMAT),
    "golden_sets": _plain(GOLDEN_SETS_FORMAT),
    "run_index": Kind(
        RUN_INDEX_FORMAT, lambda text: RUN_INDEX_FORMAT.read(text, SOURCE), lambda value: runs_text(value.runs)
    ),
    "references": _plain(REFERENCES_FORMAT),
    "publication": _plain(PUBLICATION_FORMAT),
    "diagnosis": _plain(DIAGNOSIS_FORMAT),
    "run_result": _plain(RUN_RESULT_FORMAT),
    "run_result_with_cause": _plain(RUN_RESULT_FORMAT),
    "run_request": _plain(RUN_RECORD_FORMAT),
    "abandoned": _plain(ABANDONED_FORMAT),
    "pruned": _plain(PRUNED_FORMAT),
    "crashed": _plain(CRASH_FORMAT),
    "step": _plain(STEP_RECORD_FORMAT),
    "root_file": _plain(ROOT_FILE_FORMAT, end="\n"),
    "metadata_file": _plain(METADATA_FILE_FORMAT),
    "promotion": Kind(
        PROMOTION_FORMAT, lambda text: PROMOTION_FORMAT.read(text, SOURCE), lambda value: promotion_line(value)
    ),
}


def golden_files() -> list[tuple[str, str]]:
    """Kind and name of every golden file; the name is its format, and what it lacks: `2-without-KEY`."""
    return sorted((path.parent.name, path.stem) for path in GOLDEN.glob("*/*.json"))


def golden_text(kind: str, name: str | int) -> str:
    """The content of a golden file."""
    return (GOLDEN / kind / f"{name}.json").read_text(encoding="utf-8")
