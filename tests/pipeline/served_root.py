"""A pipeline root as runs leave it, made by hand: a few bytes a model, and what ML Metadata would say of them."""

# pyright: reportAttributeAccessIssue=false
# (protobuf's classes are made when their module is imported)

from __future__ import annotations

import datetime
import json
import shutil
from pathlib import Path
from typing import Any

from ml_metadata.proto import metadata_store_pb2 as mlmd

from ratchet.components.registry.registry import Registry
from ratchet.components.registry.storage import DiskStorage
from ratchet.components.stack.mlmd_client import open_client
from ratchet.components.stack.mlmd_server import Server
from ratchet.pipeline.root.claim import take_store
from ratchet.pipeline.root.metadata_store import store_of
from ratchet.pipeline.root.ml_metadata import connection_to
from ratchet.schemas.artifacts.decisions import Decision, Reason, Verdict
from ratchet.schemas.artifacts.evaluation import (
    EVALUATION_FILE,
    EVALUATION_FORMAT,
    DataSetEvaluation,
    Evaluation,
    ModelScores,
)
from ratchet.schemas.artifacts.registry_entries import RecordedDecision, ServedModel
from ratchet.schemas.base.files import LOCAL_FILES
from ratchet.schemas.base.model_digest import model_digest
from tests.builders import record_served, recorded_decision

NOW = datetime.datetime(2026, 3, 1, 12, 0, tzinfo=datetime.timezone.utc)


def model_files(directory: Path, weights: str) -> Path:
    """A SavedModel of two files."""
    (directory / "variables").mkdir(parents=True)
    (directory / "saved_model.pb").write_text("graph")
    (directory / "variables" / "data").write_text(weights)
    return directory


class ServedRoot:
    """A root with the pipeline `digits`; `run` adds a run to it.

    Args:
        root: where; made.
        server: that keeps its ML Metadata; None: SQLite.
    """

    def __init__(self, root: Path, server: Server | None = None) -> None:
        self.root = root
        self.serving = root / "serving" / "digits"
        (root / "registry").mkdir(parents=True)
        self.serving.mkdir(parents=True)
        self.registry = Registry(DiskStorage(f"{root}/registry", str(self.serving)))
        if server is not None:
            take_store(root, server)
        self.store = open_client(connection_to(root))
        self._types = {
            name: self.store.put_artifact_type(mlmd.ArtifactType(name=name))
            for name in ("Model", "ModelBlessing", "ModelEvaluation")
        }
        self._pipeline = self._context("pipeline", "digits")
        self._count = 0

    @property
    def versions(self) -> list[str]:
        """Everything in the serving directory."""
        return sorted(path.name for path in self.serving.iterdir())

    def run(
        self, run_id: str, verdict: Verdict, golden: str = "golden", rule: str = "map_drop", pushed: bool = True
    ) -> None:
        """A run whose candidate was compared with what is served.

        Args:
            run_id: its id, and the weights of its model.
            verdict: how it ended.
            golden: digest of its golden set.
            rule: that blocked, if it was blocked.
            pushed: False if it was killed between blessing and push.
        """
        self._count += 1
        reasons = () if verdict.pushes else (Reason(rule, "no fall", "a fall"),)
        decision = Decision(verdict, reasons)
        evaluation = self.root / "artifacts" / "MapEvaluator" / "evaluation" / str(self._count)
        evaluation.mkdir(parents=True)
        scores = ModelScores({"AP": 0.5 + self._count / 100}, {})
        measured = Evaluation(decision, {"golden": DataSetEvaluation(9, scores, None, None, {}, {})}, golden)
        (evaluation / EVALUATION_FILE).write_text(EVALUATION_FORMAT.write(measured))
        model = self.root / "artifacts" / "DetectorTrainer" / "model" / str(self._count)
        self._train(model / "Format-Serving", run_id)
        self._tell_ml_metadata(run_id, model, evaluation, verdict.pushes)
        if not pushed:
            return
        made = self._decided(run_id, decision, golden, model, evaluation)
        self.registry.record_decision(self._key(made), made)
        self.ended(run_id, verdict.value)
        if verdict.pushes:
            self._push(made, scores.coco["AP"])

    def _train(self, directory: Path, run_id: str) -> None:
        model_files(directory, run_id)

    def _key(self, made: RecordedDecision) -> str:
        return made.run_id

    def ended(self, run_id: str, verdict: str | None) -> None:
        """A directory under runs/; without a result for a run that crashed."""
        directory = self.root / "runs" / run_id
        directory.mkdir(parents=True)
        if verdict:
            # Without its end, so that it ended when the file was written, which tests may change.
            nothing = dict.fromkeys(("map", "baseline_map", "delta", "delta_ci", "model", "pushed_version"))
            values = {"report": "", "run_id": run_id, "span": 1, "seconds": {}, "reasons": [], "observed": []}
            (directory / "result.json").write_text(json.dumps({"verdict": verdict, **nothing, **values}))

    def candidate(self, run_id: str) -> Path:
        """The SavedModel of a run."""
        [made] = [decision for decision in self.registry.decisions() if decision.run_id == run_id]
        return Path(str(made.model), "Format-Serving")

    def blessed_run(self) -> str:
        """The run whose model TFX's strategy would take: of the blessed ones that with the highest id."""
        models = {artifact.id: artifact for artifact in self.store.get_artifacts_by_type("Model")}
        blessings = self.store.get_artifacts_by_type("ModelBlessing")
        blessed = [
            one.custom_properties["current_model_id"].int_value
            for one in blessings
            if one.custom_properties["blessed"].int_value == 1
        ]
        return Path(models[max(blessed)].uri, "Format-Serving", "variables", "data").read_text()

    def served_weights(self) -> str:
        """What TensorFlow Serving serves: the highest number."""
        return Path(self.serving, self.registry.versions_on_disk()[-1], "variables", "data").read_text()

    def _decided(self, run_id: str, decision: Decision, golden: str, model: Path, evaluation: Path) -> RecordedDecision:
        baseline = self.registry.pointer().served
        sign = 1 if decision.verdict.pushes else -1
        return recorded_decision(
            run_id=run_id,
            span=self._count,
            span_version=1,
            data_digest=f"data of {run_id}",
            golden_digest=golden,
            verdict=decision.verdict.value,
            map=0.5,
            baseline_map=None,
            decided_at=(NOW - datetime.timedelta(days=30 - self._count)).isoformat(),
            model=str(model),
            model_digest=model_digest(f"{model}/Format-Serving", LOCAL_FILES),
            baseline_version=baseline and baseline.version,
            baseline_digest=baseline and baseline.digest,
            evaluation=str(evaluation),
            reason=decision.failures[0].sentence if decision.failures else None,
            evaluation_broken=decision.evaluation_broken,
            delta=sign * 0.1,
            delta_ci=(sign * 0.1 - 0.05, sign * 0.1 + 0.05),
        )

    def _push(self, made: RecordedDecision, mean_ap: float) -> None:
        version = str(100 * self._count)
        shutil.copytree(f"{made.model}/Format-Serving", self.serving / version)
        record_served(
            self.registry,
            ServedModel(
                version=version,
                path=str(self.serving / version),
                digest=str(made.model_digest),
                span=made.span,
                golden_digest=made.golden_digest,
                map=mean_ap,
                verdict=made.verdict,
                run_id=made.run_id,
                pushed_at=made.decided_at,
                blessed=True,
            ),
        )

    def _tell_ml_metadata(self, run_id: str, model: Path, evaluation: Path, blessed: bool) -> None:
        [model_id] = self.store.put_artifacts([self._artifact("Model", model)])
        blessing = self._artifact("ModelBlessing", self.root / "artifacts" / "MapEvaluator" / "blessing")
        blessing.custom_properties["current_model"].string_value = str(model)
        blessing.custom_properties["current_model_id"].int_value = model_id
        blessing.custom_properties["blessed"].int_value = int(blessed)
        others = self.store.put_artifacts([blessing, self._artifact("ModelEvaluation", evaluation)])
        contexts = (self._pipeline, self._context("pipeline_run", store_of(self.root).run_name(run_id)))
        attributions = [
            mlmd.Attribution(artifact_id=artifact, context_id=context)
            for artifact in (model_id, *others)
            for context in contexts
        ]
        self.store.put_attributions_and_associations(attributions, [])

    def _artifact(self, kind: str, uri: Path) -> Any:
        return mlmd.Artifact(type_id=self._types[kind], uri=str(uri), state=mlmd.Artifact.LIVE)

    def _context(self, kind: str, name: str) -> int:
        type_id = self.store.put_context_type(mlmd.ContextType(name=kind))
        known = self.store.get_context_by_type_and_name(kind, name)  # another root of the same name has it, too
        return known.id if known else self.store.put_contexts([mlmd.Context(type_id=type_id, name=name)])[0]


def blocked_root(root: Path, server: Server | None = None) -> ServedRoot:
    """A root with a first model, a good one that is served, and a bad one that was blocked."""
    world = ServedRoot(root, server)
    world.run("first", Verdict.BOOTSTRAPPED)
    world.run("good", Verdict.PUSHED)
    world.run("bad", Verdict.BLOCKED)
    return world
