"""A person lets a blocked candidate into service: the bytes that were measured, for what they were compared with."""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from ratchet.components.object_store.files import files_of
from ratchet.components.registry.publication import Publication
from ratchet.components.registry.registry import Registry
from ratchet.pipeline.past.shown import show_runs
from ratchet.pipeline.root.places import Place, place, uri_of
from ratchet.pipeline.root.roots import check_root, registry_at, settled
from ratchet.pipeline.serving.change import (
    ServingChange,
    last_day,
    move_labels,
    one_line,
    serve,
    tell_ml_metadata,
    tell_vertex,
    told_before,
)
from ratchet.pipeline.serving.rehearsal import Rehearsed, rehearsed
from ratchet.schemas.artifacts.decisions import Verdict
from ratchet.schemas.artifacts.evaluation import EVALUATION_FILE, EVALUATION_FORMAT, PROBE_FILE
from ratchet.schemas.artifacts.overrides import Override, OverrideKind
from ratchet.schemas.artifacts.registry_entries import APPROVED, RecordedDecision, ServedModel
from ratchet.schemas.artifacts.run_result import RESULT_FILE, RUN_RESULT_FORMAT
from ratchet.schemas.base.errors import InputError, StateError
from ratchet.schemas.base.model_digest import model_digest

_APPROVABLE = (Verdict.BLOCKED.value, Verdict.INCONCLUSIVE.value)
_LISTED = 5


@dataclass(frozen=True)
class ApproveRequest:
    """What a person asks for.

    Attributes:
        run: the run's id, or its beginning.
        root: pipeline root.
        by: who approves.
        reason: why.
        expires: the last day of the approval, YYYY-MM-DD.
        evaluation_broken: whether the person knows that the evaluation itself failed.
    """

    run: str
    root: Path
    by: str
    reason: str
    expires: str
    evaluation_broken: bool = False


def approve(request: ApproveRequest, now: datetime.datetime) -> Override:
    """Serves the blocked candidate of a run; given again, it says what the first time had done.

    Args:
        request: which, and on whose responsibility.
        now: the present, UTC.

    Returns:
        The approval as it was logged.

    Raises:
        InputError: that run cannot be approved, or not so; nothing was changed.
        StateError: the pipeline root contradicts itself, or the candidate was changed; nothing was changed.
    """
    root = check_root(request.root)
    registry = registry_at(root)
    settled(registry)
    done = _done(request, registry)
    made = told_before(done) if done else serve(registry, plan_approval(request, registry, now), now)
    tell_ml_metadata(root, registry)
    tell_vertex(root, registry)
    move_labels(root, registry)
    show_runs(root, pages=False)
    return made


def rehearse_approval(request: ApproveRequest, now: datetime.datetime) -> Rehearsed:
    """What `approve` would do; it raises what that would, and changes nothing."""
    registry = registry_at(check_root(request.root))
    done = None if registry.pointer().pushing else _done(request, registry)
    return rehearsed(registry, done, lambda: plan_approval(request, registry, now), now)


def plan_approval(request: ApproveRequest, registry: Registry, now: datetime.datetime) -> ServingChange:
    """Checks whether a run may be approved, and says what is to be done; see `approve`."""
    by, reason = one_line("--by", request.by), one_line("--reason", request.reason)
    expires = last_day(request.expires, now.date())
    decision, hint = _decision(request, registry)
    check_blocked(decision, hint)
    registry.check_signature(decision)
    _check_evaluation(decision, request.evaluation_broken)
    served = registry.served()
    _check_baseline(decision, served, hint)
    _check_golden(decision, served, registry.decisions())
    model = _entry(decision, now)
    override = Override(
        kind=OverrideKind.APPROVED,
        at=now.isoformat(timespec="seconds"),
        by=by,
        reason=reason,
        run_id=decision.run_id,
        version="",
        previous_version=served.version if served else None,
        model_digest=model.digest,
        golden_digest=decision.golden_digest,
        expires=expires,
        evaluation_broken=decision.evaluation_broken,
    )
    over = (served.version, served.digest) if served else None
    probe = place(decision.evaluation, PROBE_FILE)
    return ServingChange(Publication(model, str(candidate_of(decision)), over, override), probe)


def _decision(request: ApproveRequest, registry: Registry) -> tuple[RecordedDecision, str]:
    """The decision on the run, and which runs could be approved instead, for errors."""
    decisions = registry.decisions()
    hint = approvable(decisions, registry.pointer().served)
    return find_decision(request.run, request.root, decisions, hint), hint


def _done(request: ApproveRequest, registry: Registry) -> Override | None:
    """The approval that this very command had made before, if its model is served."""
    current = registry.current_override()
    if current is None or current.kind is not OverrideKind.APPROVED:
        return None
    asked = (request.by.strip(), request.reason.strip(), request.expires.strip())
    same = (current.by, current.reason, current.expires) == asked
    return current if same and _decision(request, registry)[0].run_id == current.run_id else None


def _check_evaluation(decision: RecordedDecision, known: bool) -> None:
    if decision.evaluation_broken and not known:
        raise InputError(
            f"run {decision.run_id}: its evaluation itself failed ({decision.reason}), so its figures say nothing for "
            f"or against the candidate. Mend that and run again; to serve a model that was never measured soundly, "
            f"give --evaluation-broken, which the log will say"
        )
    if known and not decision.evaluation_broken:
        raise InputError(
            f"run {decision.run_id}: its evaluation was sound and said no ({decision.reason}); leave "
            f"--evaluation-broken out, or the log would lie"
        )


def _check_baseline(decision: RecordedDecision, served: ServedModel | None, hint: str) -> None:
    if served and served.run_id == decision.run_id:
        raise InputError(f"run {decision.run_id} is served already, as version {served.version}{hint}")
    if (served.digest if served else None) != decision.baseline_digest:
        then = f"version {decision.baseline_version}" if decision.baseline_version else "no model"
        now = f"version {served.version}" if served else "no model"
        raise InputError(
            f"run {decision.run_id} was compared with {then}, but {now} is served now, with which it was never "
            f"compared; run again on its span{hint}"
        )


def _check_golden(decision: RecordedDecision, served: ServedModel | None, decisions: list[RecordedDecision]) -> None:
    """A candidate is judged by the set that counts: the served model's own, or the one that took its place since."""
    newest = decisions[-1].golden_digest
    if decision.golden_digest in (newest, served.golden_digest if served else newest):
        return
    of_served = f"the served model was accepted on {served.golden_digest[:12]} and " if served else ""
    raise InputError(
        f"run {decision.run_id} was decided on the golden set {decision.golden_digest[:12]}, but {of_served}the "
        f"newest decision was made on {newest[:12]}: its figures answer a question that is no longer asked; run again "
        f"on its span"
    )


def candidate_of(decision: RecordedDecision) -> Place:
    """The candidate's SavedModel, with the bytes that were measured.

    Raises:
        StateError: it is gone, or other bytes are there.
    """
    source = place(decision.model, "Format-Serving")
    if not (source / "saved_model.pb").is_file():
        raise StateError(f"{source}: the candidate of run {decision.run_id} is gone; restore it, or run with --again")
    found = model_digest(str(source), files_of(str(source)))
    if found != decision.model_digest:
        raise StateError(
            f"{source}: content digest {found[:12]} of the candidate is not the {decision.model_digest[:12]} "
            f"that was measured in run {decision.run_id}; restore the files of that run, or run with --again"
        )
    return source


def _map(decision: RecordedDecision) -> float:
    """The candidate's mAP over all classes; the decision's is over those that the baseline knows too."""
    path = place(decision.evaluation, EVALUATION_FILE)
    if not path.is_file():
        raise StateError(f"{path}: the evaluation of run {decision.run_id} is gone; restore it, or run with --again")
    content = path.read_bytes()
    evaluation = EVALUATION_FORMAT.read(content, str(path))
    is_recorded = decision.evaluation_digest in (None, hashlib.sha256(content).hexdigest())
    if not is_recorded or evaluation.candidate_digest not in ("", decision.model_digest):
        raise StateError(
            f"{path}: this is not the evaluation by which run {decision.run_id} was decided; restore it, or run with "
            "--again"
        )
    return evaluation.golden.candidate.coco["AP"]


def _entry(decision: RecordedDecision, now: datetime.datetime) -> ServedModel:
    return ServedModel(
        version="",
        path="",
        digest=decision.model_digest,
        span=decision.span,
        golden_digest=decision.golden_digest,
        map=_map(decision),
        verdict=APPROVED,
        run_id=decision.run_id,
        pushed_at=now.isoformat(timespec="seconds"),
        blessed=True,
    )


def find_decision(run: str, root: Path, decisions: Sequence[RecordedDecision], hint: str) -> RecordedDecision:
    """The decision on a run.

    Args:
        run: its id, or the beginning of it if no other run begins so.
        root: pipeline root.
        decisions: all there are, the oldest first.
        hint: `approvable`, for errors.

    Raises:
        InputError: there is no such run, there are several, or it never came to a decision.
    """
    run_id = _run_id(run, root, decisions, hint)
    found = [decision for decision in decisions if decision.run_id == run_id]
    return found[-1] if found else _undecided(run_id, root, hint)


def check_blocked(decision: RecordedDecision, hint: str) -> None:
    """Whether a decision was a no that a person may overrule.

    Args:
        decision: on the run.
        hint: `approvable`, for errors.

    Raises:
        InputError: it was a yes.
    """
    if decision.verdict not in _APPROVABLE:
        raise InputError(
            f"run {decision.run_id} was {decision.verdict}: its model went into service without an approval{hint}"
        )


def approvable(decisions: Sequence[RecordedDecision], served: ServedModel | None) -> str:
    """The end of a sentence that names the runs that could be approved, the newest first.

    Args:
        decisions: all there are, the oldest first.
        served: what the candidates must have been compared with.
    """
    baseline = served.digest if served else None
    runs = [
        f"{made.run_id} ({made.verdict})"
        for made in decisions
        if made.verdict in _APPROVABLE and made.baseline_digest == baseline
    ]
    if not runs:
        return ". No run could be approved now: none has a blocked candidate that was compared with the served model"
    more = f", and {len(runs) - _LISTED} older" if len(runs) > _LISTED else ""
    return f". Runs that could be approved: {', '.join(reversed(runs[-_LISTED:]))}{more}"


def _run_id(run: str, root: Path, decisions: Sequence[RecordedDecision], hint: str) -> str:
    directories = [path.name for path in root.glob("runs/*") if path.is_dir()]
    known = sorted({*directories, *(decision.run_id for decision in decisions)})
    if run in known:
        return run
    found = [run_id for run_id in known if run and run_id.startswith(run)]
    if len(found) > 1:
        more = ", ..." if len(found) > _LISTED else ""
        raise InputError(f"run {run!r} could be {', '.join(found[:_LISTED])}{more}: give more of its id")
    if not found:
        raise InputError(f"run {run!r}: no run of {uri_of(root)} begins so{hint}")
    return found[0]


def _undecided(run_id: str, root: Path, hint: str) -> NoReturn:
    result = root / "runs" / run_id / RESULT_FILE
    if not result.is_file():
        raise InputError(
            f"run {run_id} did not end, so there is no candidate to approve: give its `ratchet run` again, which goes "
            f"on where it stopped; its log is {result.parent / 'log.txt'}{hint}"
        )
    verdict = RUN_RESULT_FORMAT.read(result.read_bytes(), str(result)).verdict
    if verdict is Verdict.DATA_REJECTED:
        raise InputError(
            f"run {run_id} was rejected by the data gate, so no candidate was trained: give its `ratchet run` again "
            f"with --set data_gate.mode=observe, then approve that run if it is blocked{hint}"
        )
    raise InputError(
        f"run {run_id} ended as {verdict.value}, but the registry has no decision on it; run with --again{hint}"
    )
