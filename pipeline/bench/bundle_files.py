"""What is kept of a case's run, so that it can be diagnosed again without training: `cases/NNN/bundle/`.

decision/     decision.json and evidence.json of the data gate
evaluation/   all that the evaluator wrote but TFMA's files; missing where the gate let nothing pass
candidate/    records that travel in the model, no weights; missing with it
baseline/     the same of the baseline
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import ratchet
from ratchet.components.diagnosis.bundle import Bundle
from ratchet.components.diagnosis.diagnose import diagnose
from ratchet.components.diagnosis.reading import RunPlaces, read_bundle
from ratchet.pipeline.bench.case_result import Outcome, Ranked
from ratchet.schemas.artifacts.decisions import DataVerdict, Verdict
from ratchet.schemas.artifacts.diagnosis import Diagnosis
from ratchet.schemas.artifacts.training_record import LABELS_FILE, RECORD_FILE
from ratchet.schemas.base.files import LOCAL_FILES

_CODE = ("components/diagnosis", "components/labels", "schemas/artifacts/diagnosis.py")
_RECORDS = (RECORD_FILE, LABELS_FILE)
_DECISION = ("decision.json", "evidence.json")


@dataclass(frozen=True)
class Answers:
    """What the product said of a case.

    Attributes:
        observing: with a gate that only warns.
        enforcing: with a gate that stops the run.
        signals: of the first, by `CAUSE/NAME`.
    """

    observing: Outcome
    enforcing: Outcome
    signals: dict[str, float | None]


def keep_bundle(places: RunPlaces, out: Path) -> None:
    """Copies what a diagnosis looks at.

    Args:
        places: of the run.
        out: made anew.
    """
    shutil.rmtree(out, ignore_errors=True)
    _copy(Path(places.decision), out / "decision", _DECISION)
    for name, model in (("candidate", places.candidate), ("baseline", places.baseline)):
        if model is not None:
            _copy(Path(model), out / name, _RECORDS)
    if places.evaluation is not None:
        ignored = shutil.ignore_patterns("*.tfrecord*", "eval_config.json", "serving_probe.npz")
        shutil.copytree(places.evaluation, out / "evaluation", ignore=ignored)


def _copy(source: Path, out: Path, names: tuple[str, ...]) -> None:
    for name in names:
        if (source / name).exists():
            (out / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source / name, out / name)


def places_in(bundle: Path) -> RunPlaces:
    """Where the parts of a kept bundle are."""

    def there(name: str) -> str | None:
        return str(bundle / name) if (bundle / name).is_dir() else None

    return RunPlaces(str(bundle / "decision"), there("candidate"), there("baseline"), there("evaluation"))


def answers(bundle: Path, blind: bool) -> Answers:
    """Diagnoses a kept bundle, as a pure function of it.

    Args:
        bundle: of `keep_bundle`.
        blind: whether what the candidate's record declares is kept from the diagnosis.
    """
    seen = read_bundle(places_in(bundle), LOCAL_FILES)
    if blind and seen.candidate is not None:
        seen = dataclasses.replace(seen, candidate=dataclasses.replace(seen.candidate, declared_changes=()))
    observing = diagnose(seen)
    enforcing, stopped = observing, seen.verdict
    if seen.data.verdict is DataVerdict.REJECT and seen.candidate is not None:
        stopped = Verdict.DATA_REJECTED
        enforcing = diagnose(_rejected(seen))
    return Answers(_outcome(observing, seen.verdict), _outcome(enforcing, stopped), _signals(observing))


def _rejected(bundle: Bundle) -> Bundle:
    """What a run has that its gate has stopped."""
    return dataclasses.replace(bundle, verdict=Verdict.DATA_REJECTED, candidate=None, evaluation=None, golden=None)


def _outcome(diagnosis: Diagnosis, verdict: Verdict) -> Outcome:
    ranking = tuple(Ranked(each.title, each.probability, each.state) for each in diagnosis.findings)
    return Outcome(verdict, diagnosis.cause, ranking, verdict.pushes)


def _signals(diagnosis: Diagnosis) -> dict[str, float | None]:
    return {
        f"{finding.title}/{signal.name}": signal.value for finding in diagnosis.findings for signal in finding.signals
    }


@functools.cache
def diagnosis_digest() -> str:
    """Digest of the code that an answer depends on."""
    root, digest = Path(ratchet.__file__).parent, hashlib.sha256()
    for place in _CODE:
        files = sorted((root / place).rglob("*.py")) if (root / place).is_dir() else [root / place]
        for path in files:
            digest.update(f"{path.relative_to(root)}\0".encode() + path.read_bytes())
    return digest.hexdigest()


def with_answers(seconds: Mapping[str, float], spent: float) -> dict[str, float]:
    """Seconds of a case's parts with those of its diagnosis."""
    return {**seconds, "diagnosis": round(spent, 3)}
