"""The mutants: of each module its tests, and changes of a few characters that would break a promise.

A change is (the code, once in the module; what takes its place; the promise). `python -m tests.mutants.run` tries them;
test_mutants.py holds that each still fits, so whoever moves or rewrites code moves its mutants, too.
"""

from __future__ import annotations

from tests.mutants.mutant import Mutant, mutants_of
from tests.mutants.of_data import DATA
from tests.mutants.of_deliveries import DELIVERIES
from tests.mutants.of_measuring import GATE, METRICS
from tests.mutants.of_stores import STORES
from tests.mutants.of_training import SERVING, TRAINING

_PEOPLE = (
    *mutants_of(
        "pipeline/serving/approve.py",
        "tests/pipeline/serving/test_approve.py tests/pipeline/serving/test_signed.py",
        (
            "if (served.digest if served else None) != decision.baseline_digest:",
            "if False:",
            "an approval is for what the candidate was compared with",
        ),
        ("if found != decision.model_digest:", "if False:", "the bytes that were measured are approved"),
        ("if decision.evaluation_broken and not known:", "if False:", "who approves knows that it was not measured"),
        ("if known and not decision.evaluation_broken:", "if False:", "the log does not lie of a sound evaluation"),
        ("if not is_recorded or", "if", "the evaluation that decided is approved"),
        ("    registry.check_signature(decision)\n", "", "a forged decision is not approved"),
        ("if decision.golden_digest in (newest,", "if True or (newest,", "an approval answers a question still asked"),
    ),
    *mutants_of(
        "pipeline/serving/change.py",
        "tests/pipeline/serving/test_approve.py",
        ("if day < today:", "if day <= today:", "an approval may end today"),
        ("if day > today + _LONGEST_APPROVAL:", "if False:", "an approval lasts a year at most"),
        ("if not stripped:", "if False:", "who and why are on record"),
    ),
    *mutants_of(
        "pipeline/serving/approve.py",
        "tests/pipeline/serving/test_approve.py",
        ("if decision.verdict not in _APPROVABLE:", "if False:", "only a no can be overruled"),
        ("if len(found) > 1:", "if False:", "one run is approved, not the first that begins so"),
    ),
    *mutants_of(
        "pipeline/serving/rollback.py",
        "tests/pipeline/serving/test_rollback.py tests/pipeline/serving/test_signed.py",
        ("    registry.check_signature(target)\n", "", "a forged entry is not served again"),
        ("if not target.blessed:", "if False:", "a version that was left behind is not served again"),
        ("if not registry.storage.holds(target", "if False and (target", "damaged bytes are not served again"),
        (
            "if one.blessed and one.digest != pointer.digest",
            "if one.digest != pointer.digest",
            "no step back to a bad one",
        ),
        (
            "expires=approval.expires if approval else None",
            "expires=None",
            "an approval's last day outlives a rollback",
        ),
        (
            "(current.by, current.reason) ==",
            "True or (current.by, current.reason) ==",
            "another person's rollback is another",
        ),
        ("int(target.version) < int(model.version)", "False", "what was rolled back from is left behind"),
    ),
    *mutants_of(
        "schemas/artifacts/run_result.py",
        "tests/pipeline/past/test_result.py",
        ("Verdict.INCONCLUSIVE: 3", "Verdict.INCONCLUSIVE: 0", "an exit code of 0 means pushed"),
        ("Verdict.DATA_REJECTED: 4", "Verdict.DATA_REJECTED: 3", "rejected data have an exit code of their own"),
        ("in self.deciding if not", "in self.deciding[::-1] if not", "the first reason is the decisive one"),
    ),
    *mutants_of(
        "pipeline/past/run_record.py",
        "tests/pipeline/past/test_run_record.py",
        ("is_pruned(root, run_id) or", "", "a run that lost its artifacts is not resumed"),
        ('if _key(root / "runs" / run) == key', "if True", "another request is another run"),
        ("in reversed(_attempts(", "in (_attempts(", "the newest run of a request counts"),
        ("key=lambda name: int(", "key=lambda name: str(", "attempt 10 comes after attempt 9"),
    ),
    *mutants_of(
        "pipeline/past/status.py",
        "tests/pipeline/past/test_status.py",
        ("return 0 if self.problem is None else 2", "return 0", "a root that contradicts itself is no success"),
    ),
    *mutants_of(
        "pipeline/run/nothing_new.py",
        "tests/pipeline/run/test_nothing_new.py",
        ("and not _was_accident(run)", "", "an accident at the door has decided nothing"),
        ("is_own or (is_baseline", "(is_baseline", "a model that was pushed or approved is not made again"),
        ("compared.get(run.run_id, run.baseline)", "run.baseline", "what a run was really compared with counts"),
        ("_settings(then) == _settings(now)", "_settings(then)", "another setting makes a run"),
    ),
    *mutants_of(
        "pipeline/past/run_index.py",
        "tests/pipeline/run/test_nothing_new.py",
        ('"span", "bootstrap", "code"', '"span", "bootstrap"', "a new version of the code retrains nothing by itself"),
    ),
    *mutants_of(
        "pipeline/run/preflight.py",
        "tests/pipeline/run/test_preflight.py",
        ('        "golden": content_digest(golden),\n', "", "another golden set is another run"),
        ('        "data": content_digest(span),\n', "", "other data are another run"),
        ('        "bootstrap": request.bootstrap,\n', "", "a first model is another run"),
        ('        "schema": _digest([schema_file(request.settings)]),\n', "", "another schema is another run"),
        ('        "code": code_version(),\n', "", "other code is another run"),
        ("        notify=NotifySettings(),\n", "", "whom it tells does not part a run from itself"),
        ("for earlier in plan.replayed:", "for earlier in ():", "spans that are replayed are there before training"),
        ("for source in (span, golden):", "for source in (span,):", "missing golden images are named before a run"),
    ),
    *mutants_of(
        "pipeline/run/outcome.py",
        "tests/pipeline/run/test_local.py",
        (
            "(publication.version is not None) != decision",
            "False and decision",
            "a verdict that was not acted on fails",
        ),
        (
            "decision = publication.final(evaluation.decision)",
            "decision = evaluation.decision",
            "kept out means blocked",
        ),
    ),
    *mutants_of(
        "pipeline/run/local.py",
        "tests/pipeline/run/test_local.py",
        ("if undecided:", "if False:", "a step that did not run fails the run"),
    ),
    *mutants_of(
        "pipeline/run/starting.py",
        "tests/pipeline/doctor/test_messages.py",
        ("return artifacts.is_dir() and any(", "return False and any(", "a new ML Metadata overwrites no artifacts"),
    ),
    *mutants_of(
        "pipeline/notify/deliver.py",
        "tests/pipeline/notify/test_webhook.py tests/pipeline/notify/test_mailbox.py",
        ("build_opener(_NoRedirects)", "build_opener()", "a message goes where its URL says, or nowhere"),
        (
            "elif not target.implicit_tls and target.user is not None",
            "elif False",
            "no password over an open line",
        ),
    ),
    *mutants_of(
        "pipeline/notify/notifier.py",
        "tests/pipeline/notify/test_notifier.py",
        (
            "except Exception as error:  # a bug",
            "except KeyError as error:  # a bug",
            "no message becomes a run's error",
        ),
        ("if event not in self._on or", "if", "nobody is told what was not asked for"),
    ),
    *mutants_of(
        "pipeline/doctor/registry_checks.py",
        "tests/pipeline/doctor/test_registry_checks.py",
        (
            "if override is None and not _was_pushed",
            "if False and not _was_pushed",
            "nothing serves that nobody decided",
        ),
    ),
    *mutants_of(
        "pipeline/terminal/failures.py",
        "tests/pipeline/terminal/test_failures.py",
        ("(InputError, StateError))", "InputError)", "2 is for what the user can mend"),
        ("INTERRUPTED = 130", "INTERRUPTED = 1", "Ctrl-C ends with 130"),
    ),
)

_ROOT = (
    *mutants_of(
        "pipeline/retention/protection.py",
        "tests/pipeline/retention/test_retention_plan.py",
        ('yield facts.served, "is served"', "yield from ()", "the archived model of what is served stays"),
        ("for model in rollback_targets(facts, settings):", "for model in ():", "what a rollback may need stays"),
        ("if lineage is None:", "if False:", "where replay is unknown all examples stay"),
        ("max(same, key", "min(same, key", "the newest copy of the golden set stays"),
        ('(parts.resumable, "can', '((), "can', "what a run can be resumed from stays"),
    ),
    *mutants_of(
        "pipeline/retention/protection.py",
        "tests/pipeline/retention/test_retention_plan.py",
        ("int(model.version) < int(served.version)", "True", "a version above the served one stays"),
        ("if model.blessed and is_other", "if is_other", "what was left behind does not take a place"),
        ("seconds(model.pushed_at) < old", "True", "a young version stays"),
    ),
    *mutants_of(
        "pipeline/retention/protection.py",
        "tests/pipeline/retention/test_retention_plan.py",
        ("finished[-settings.runs :]", "finished[: settings.runs]", "the newest runs are kept, not the oldest"),
        ("run.at_s >= now_s", "run.at_s > now_s", "a run as old as the limit is kept"),
        ("or run is ordered[-1]", "", "the newest run can be resumed however old it is"),
    ),
    *mutants_of(
        "pipeline/retention/plan.py",
        "tests/pipeline/retention/test_retention_plan.py",
        ("if one.modified_s < since", "if True", "the state of a training that can be resumed stays"),
        ("not found.in_use and", "", "what a living process writes stays"),
        ("if path not in protected:", "if True:", "what is protected stays"),
        ("now_s - LEFTOVER_S", "now_s", "what is just being written stays"),
    ),
    *mutants_of(
        "pipeline/retention/prune.py",
        "tests/pipeline/retention/test_prune.py tests/pipeline/retention/test_prune_refusals.py",
        ("        settled(registry_at(root))", "        pass", "an interrupted publication is completed first"),
        ('with hold_root(root, "retraining"):', "if True:", "no pruning beside a run"),
        ("    store.mark_deleted(gone)\n", "", "TFX takes no artifact that is gone"),
    ),
    *mutants_of(
        "pipeline/root/root_file.py",
        "tests/pipeline/root/test_root_file.py",
        ('not in ("", home_of(root))', 'in ("", home_of(root))', "a moved root is known as one"),
    ),
    *mutants_of(
        "schemas/artifacts/root_file.py",
        "tests/pipeline/root/test_root_file.py",
        ('or ".." in PurePath(artifacts).parts', "", "a root writes nothing outside of itself"),
    ),
    *mutants_of(
        "schemas/base/persisted.py",
        "tests/schemas/base/test_persisted.py",
        ("        if self.is_newer(values):", "        if False:", "a newer format is not guessed at"),
        ("if number >= found else", "if number > found else", "an old format is migrated, its own step included"),
        ("strict=True", "strict=False", "a number in quotes is no number"),
    ),
    *mutants_of(
        "pipeline/root/root_settings.py",
        "tests/pipeline/root/test_root_settings.py",
        ('if whole["name"] != there.name:', "if False:", "one root has one name"),
        ("if difference and not _fits_served(", "if False and not _fits_served(", "one root has one architecture"),
        (
            "Adoption):\n            return True\n",
            "Adoption):\n            return False\n",
            "what was adopted binds no training to an architecture",
        ),
        ("kept = [url for url in urls if _REFERENCE.fullmatch(url)]", "kept = urls", "no secret is kept in a root"),
        ("if there.left_out and not any(", "if False and not any(", "a run does not silently tell fewer people"),
    ),
    *mutants_of(
        "pipeline/root/rebuild.py",
        "tests/pipeline/root/test_root_settings.py",
        ("if AUTO in (wanted, there):", "if False:", "`auto` agrees with what was derived"),
    ),
    *mutants_of(
        "components/review/error_analysis.py",
        "tests/components/review/test_error_analysis.py",
        (
            "np.lexsort((-candidate, -change))",
            "np.lexsort((candidate, -change))",
            "of equally worse images the worst is first",
        ),
        ("candidate - baseline", "baseline - candidate", "the images that got worse are shown"),
        ("np.count_nonzero(change > 0)", "np.count_nonzero(change >= 0)", "an image that stayed is not worse"),
    ),
    *mutants_of(
        "components/review/boxes.py",
        "tests/components/review/test_error_analysis.py",
        ("found.scores >= points", "found.scores > points", "a detection at the operating point is shown"),
    ),
    *mutants_of(
        "components/review/sections/verdict.py",
        "tests/components/review/test_page.py",
        ('if first.rule == "map_drop":', "if False:", "the page says first that mAP fell"),
    ),
    *mutants_of(
        "components/review/sections/verdict.py",
        "tests/components/review/test_page_noise.py",
        ("if noise:", "if False:", "a difference whose interval contains 0 is no fall"),
        ('fell = "fell" if', 'fell = "fell" if True or', "without an interval nobody knows that mAP fell"),
    ),
    *mutants_of(
        "schemas/artifacts/run_result.py",
        "tests/pipeline/past/test_noise.py",
        ("(self.is_noise and reason.rule in _MAP_RULES)", "False", "a class that fell is told before no difference"),
    ),
    *mutants_of(
        "pipeline/past/told_apart.py",
        "tests/pipeline/past/test_told_apart.py",
        ("None if decision.evaluation_broken else", "", "a broken evaluation says nothing of a golden set"),
        ("== made[-1].golden_digest", "!= ''", "what a replaced golden set could tell is not told of the new one"),
    ),
    *mutants_of(
        "pipeline/past/history.py",
        "tests/pipeline/past/test_history.py",
        ("(entry.at, entry.run_id))), tuple", "(entry.run_id,))), tuple", "runs come in the order in which they ended"),
        ("if len(found) > 1:", "if False:", "one run is meant, not the first that begins so"),
        ("return history.finished[-1]", "return history.finished[0]", "the newest run is meant"),
    ),
    *mutants_of(
        "components/review/shown_boxes.py",
        "tests/components/review/test_error_analysis.py",
        ("lexsort((-found.scores", "lexsort((found.scores", "of too many boxes the surest are drawn"),
    ),
)

_BENCH = (
    *mutants_of(
        "pipeline/bench/engine.py",
        "tests/pipeline/bench/test_engine.py",
        ("draws[row] if", "2.0 if", "an image that was added is not told by its place"),
        (
            "kept = [entry for row, entry in enumerate(images[:own]) if row not in rows] +",
            "kept = images[:own] +",
            "nor by how many there are",
        ),
    ),
    *mutants_of(
        "pipeline/bench/bench.py",
        "tests/pipeline/bench/test_bench.py",
        ("todo.append((case, len(earlier) + 1))", "todo.append((case, 1))", "every attempt at a case is kept"),
        ("if not result.error and", "if", "a case that failed is tried again"),
        (
            '{**_shared_digests(place), "case": case.digest}',
            "_shared_digests(place)",
            "a case of which something else is planted runs again",
        ),
    ),
    *mutants_of(
        "pipeline/bench/cases.py",
        "tests/pipeline/bench/test_cases.py",
        ("hidden = blind and bool(below)", "hidden = False", "a blind bench declares nothing"),
        ("for place in order)]", "for place in sorted(order))]", "a number says nothing of what is planted"),
    ),
    *mutants_of(
        "pipeline/bench/judging.py",
        "tests/pipeline/bench/test_judging.py",
        (" and delta.hi < 0", "", "what may be chance is no regression"),
        ("is Group.FAULT and is_mismeasured", "is Group.PAIR and is_mismeasured", "a flawed golden set is a fault"),
        ("first_is_right(question, ranking) and all", "all", "a pair with another cause first is wrong"),
        ("or (UNKNOWN,) for", "or ('annotation',) for", "no answer is no right answer"),
        ("and not is_mismeasured(case)]", "]", "to block on a flawed golden set is no mistake"),
    ),
    *mutants_of(
        "pipeline/bench/comparators.py",
        "tests/pipeline/bench/test_comparators.py",
        (
            "[case for case in faults if case.split is Split.CALIBRATION] or faults",
            "faults",
            "comparators are fitted on calibration cases",
        ),
        ("_share_right(fitting, answers(limit)))\n", "-limit)\n", "a signal alone has its best limit"),
    ),
    *mutants_of(
        "pipeline/bench/leak_tree.py",
        "tests/pipeline/bench/test_leak_tree.py",
        ("if other is not case]", "]", "no case is asked of a tree that has seen it"),
        ("chance_of(right,", "1.0 - 0 * chance_of(right,", "a leak is found"),
    ),
    *mutants_of(
        "pipeline/bench/export.py",
        "tests/pipeline/bench/test_export.py",
        ("    _even_out(Path(", "    (Path(", "a list of an export's files tells nothing"),
        ("Key(calibration))", "Key(tuple(questions)))", "the answers to scored cases are not handed out"),
    ),
    *mutants_of(
        "pipeline/bench/answers.py",
        "tests/pipeline/bench/test_export.py",
        ("if case in answers:", "if False:", "a case is answered once"),
        ("if each.split is Split.SCORE] or", "] or", "calibration cases, whose answers are given out, are not scored"),
    ),
    *mutants_of(
        "pipeline/bench/goals.py",
        "tests/pipeline/bench/test_report.py",
        ("(reached and share.n < _ENOUGH)", "False", "few cases reach no goal"),
    ),
)

MUTANTS: tuple[Mutant, ...] = (
    *METRICS,
    *GATE,
    *DATA,
    *DELIVERIES,
    *TRAINING,
    *SERVING,
    *STORES,
    *_PEOPLE,
    *_ROOT,
    *_BENCH,
)
