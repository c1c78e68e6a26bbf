"""A root with all that the doctor reads: training records, signed-off blessings, executions, results, examples."""

# pyright: reportAttributeAccessIssue=false
# (protobuf's classes are made when their module is imported)

from __future__ import annotations

import datetime
import hashlib
from pathlib import Path

from ml_metadata.proto import metadata_store_pb2 as mlmd

from ratchet.components.registry.publication import decision_key
from ratchet.components.registry.push import EvaluatedCandidate, decision_on
from ratchet.pipeline.past.run_record import begin_run
from ratchet.pipeline.root.root_file import write_file
from ratchet.pipeline.serving.approve import ApproveRequest, approve
from ratchet.pipeline.serving.rollback import RollbackRequest, rollback
from ratchet.schemas.artifacts.blessing import Blessing
from ratchet.schemas.artifacts.decisions import Decision, Verdict
from ratchet.schemas.artifacts.evaluation import EVALUATION_FILE, EVALUATION_FORMAT
from ratchet.schemas.artifacts.registry_entries import RecordedDecision
from ratchet.schemas.artifacts.root_file import RootFile
from ratchet.schemas.artifacts.run_files import RunRecord
from ratchet.schemas.artifacts.run_result import RUN_RESULT_FORMAT, RunResult
from ratchet.schemas.artifacts.training_record import RECORD_FILE, TRAINING_RECORD_FORMAT
from ratchet.schemas.base.files import LOCAL_FILES
from ratchet.schemas.base.model_digest import model_digest
from ratchet.schemas.data.dataset import DATASET_FILE
from tests.builders import trained_data, training_record
from tests.entry_file import EntryFile, entry_file
from tests.pipeline.served_root import NOW, ServedRoot, model_files

LATER = NOW + datetime.timedelta(days=1)


class LifelikeRoot(ServedRoot):
    """A root whose every file is as runs leave it, without an image."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self._execution = self.store.put_execution_type(mlmd.ExecutionType(name="Step"))
        write_file(root, RootFile("digits", {"name": "digits"}, "digits", str(root.resolve())))

    def file(self, name: str) -> Path:
        """A file of the registry."""
        return self.root / "registry" / name

    def entry(self, name: str) -> EntryFile:
        """An entry of the registry."""
        return entry_file(self.root, name)

    def decision_file(self, run_id: str) -> EntryFile:
        """The decision on a run."""
        [made] = [decision for decision in self.registry.decisions() if decision.run_id == run_id]
        return self.entry(f"decisions/{decision_key(made)}.json")

    def begin(self, span: int, command: str) -> Path:
        """A run that was interrupted."""
        record = RunRecord(span, {"span": span}, None, command, NOW.isoformat(), "code")
        return self.root / "runs" / begin_run(self.root, record)

    def approve(self) -> str:
        """Lets the blocked candidate into service."""
        return approve(ApproveRequest("bad", self.root, "Ana", "checked", "2026-12-31"), NOW).version

    def roll_back(self, to: str | None = None) -> str:
        """Serves an earlier version again."""
        return rollback(RollbackRequest(self.root, "Ana", "checked", to), NOW).version

    def _train(self, directory: Path, run_id: str) -> None:
        model_files(directory, run_id)
        examples = self.root / "artifacts" / "DetectionExampleGen" / "examples" / str(self._count)
        examples.mkdir(parents=True)
        (examples / DATASET_FILE).write_text("{}")
        data = trained_data(span=self._count, digest=f"data of {run_id}", examples=str(examples))
        record = directory / RECORD_FILE
        record.parent.mkdir(parents=True)
        record.write_text(TRAINING_RECORD_FORMAT.write(training_record(data=(data,))))

    def _key(self, made: RecordedDecision) -> str:
        return decision_key(made)

    def _decided(self, run_id: str, decision: Decision, golden: str, model: Path, evaluation: Path) -> RecordedDecision:
        measured = EVALUATION_FORMAT.read((evaluation / EVALUATION_FILE).read_text(), EVALUATION_FILE)
        blessing = self._blessing_of(model, evaluation)
        trained = trained_data(span=self._count, digest=f"data of {run_id}")
        candidate = EvaluatedCandidate(run_id, str(model), trained, str(evaluation), measured, blessing)
        return decision_on(candidate, decision, NOW - datetime.timedelta(days=30 - self._count))

    def _blessing_of(self, model: Path, evaluation: Path) -> Blessing:
        served = self.registry.pointer().served
        said = {
            "model_digest": model_digest(f"{model}/Format-Serving", LOCAL_FILES),
            "baseline_digest": served.digest if served else "",
            "baseline_version": served.version if served else "",
            "evaluation": str(evaluation),
            "evaluation_digest": hashlib.sha256((evaluation / EVALUATION_FILE).read_bytes()).hexdigest(),
        }
        return Blessing.from_properties(said)

    def _tell_ml_metadata(self, run_id: str, model: Path, evaluation: Path, blessed: bool) -> None:
        super()._tell_ml_metadata(run_id, model, evaluation, blessed)
        blessing = max(self.store.get_artifacts_by_type("ModelBlessing"), key=lambda artifact: artifact.id)
        for name, value in self._blessing_of(model, evaluation).to_properties().items():
            blessing.custom_properties[name].string_value = value
        self.store.put_artifacts([blessing])
        self.store.put_executions([mlmd.Execution(type_id=self._execution)])

    def ended(self, run_id: str, verdict: str | None) -> None:
        super().ended(run_id, None)
        if verdict is None:
            return
        [made] = [decision for decision in self.registry.decisions() if decision.run_id == run_id]
        result = RunResult(
            verdict=Verdict(verdict),
            reasons=(),
            map=made.map,
            baseline_map=None,
            delta=None,
            delta_ci=None,
            model=made.model,
            pushed_version=str(100 * self._count) if Verdict(verdict).pushes else None,
            report="",
            run_id=run_id,
            span=self._count,
            seconds={},
            ended_at=made.decided_at,
        )
        (self.root / "runs" / run_id / "result.json").write_text(RUN_RESULT_FORMAT.write(result))


def lifelike_root(root: Path) -> LifelikeRoot:
    """A root with a first model, a good one that is served, and a bad one that was blocked."""
    world = LifelikeRoot(root)
    world.run("first", Verdict.BOOTSTRAPPED)
    world.run("good", Verdict.PUSHED)
    world.run("bad", Verdict.BLOCKED)
    return world


def tree(root: Path) -> dict[str, bytes | None]:
    """Every path below a root, with the content of files; locks and the indexes of runs apart, which say when."""
    made_anew = {root / "runs" / name for name in ("index.html", "index.json")}
    paths = [path for path in sorted(root.rglob("*")) if path.name != "lock" and path not in made_anew]
    return {str(path.relative_to(root)): path.read_bytes() if path.is_file() else None for path in paths}
