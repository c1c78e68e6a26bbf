"""Mutants of what trains, and of what brings a model into service."""

from __future__ import annotations

from tests.mutants.mutant import mutants_of

TRAINING = (
    *mutants_of(
        "components/trainer/policy.py",
        "tests/components/trainer/test_policy.py tests/components/trainer/test_policy_optimizers.py",
        (
            "return baseline.learning_rate.bootstrap_peak",
            "return baseline.learning_rate.peak",
            "fractions do not pile up",
        ),
        (
            "if settings.training.optimizer != baseline",
            "if False and baseline",
            "another optimizer begins with its own peak",
        ),
        ("if training.xla and devices > 1", "if False", "XLA is refused on several devices"),
        ("min(training.accumulate, batch_size // devices)", "training.accumulate", "a part has an image"),
        ('share if training.optimizer == "sgd" else', "", "the rate of SGD falls with the batch"),
        ("key not in POST_PROCESSING and", "", "post-processing may change"),
        ("(*known, *(name for name in names if name not in known))", "names", "a lineage keeps its labels"),
        ("retrain.replay if earlier", "retrain.replay if False", "earlier spans are replayed"),
        ("/ (batch_size * (1 - replay))", "/ batch_size", "replay takes no steps from the new span"),
        ("1 - images / wanted", "replay", "of a small span no more images are in a batch than there are"),
        ("math.sqrt(share)", "1.0", "a smaller batch has a smaller rate"),
        ("if data.span != span.data.span", "if True", "a span that comes again is in the lineage once"),
        ("(AUTO, built[key])", "(AUTO, value)", "another architecture than the served one is refused"),
        ("(*earlier, span.data)", "(span.data,)", "the lineage remembers every span"),
        (
            "min(max(steps, retrain.min_steps), retrain.max_steps)",
            "max(steps, retrain.min_steps)",
            "steps have a limit",
        ),
        ("baseline.batch_norm_frozen if frozen is None", "False if frozen is None", "frozen statistics stay frozen"),
        ("if name not in known and not span.boxes", "if not span.boxes", "an old class needs no new boxes"),
    ),
    *mutants_of(
        "components/trainer/changes.py",
        "tests/components/trainer/test_policy.py tests/components/trainer/test_policy_optimizers.py",
        ('if "optimizer" not in training.allow', "if False", "another optimizer is refused unless it is declared"),
        ("return []  # of which `_optimizer` tells", "pass", "rates of two optimizers are not compared"),
        ("(numerics.precision, training.precision)", "(1, 1)", "another precision is told"),
        ("(numerics.weight_decay, training.weight_decay)", "(1, 1)", "another weight decay is told"),
        ("(numerics.momentum, training.momentum)", "(1, 1)", "another momentum is told"),
        ("peak > before * (1 + _ALIKE)", "peak > before * 2", "a retraining's rate may not rise undeclared"),
        ("peak >= first:", "peak > first:", "a retraining's rate is below the first"),
        ("peak < before * (1 - _ALIKE)", "False", "a rate that was lowered is told"),
        ("(before.max_steps, asked.max_steps)", "(asked.max_steps, asked.max_steps)", "fewer steps are told"),
        ('if baseline.mode == "retrain" else ()', "if True else ()", "a first training is not compared in steps"),
        (
            "AUGMENTATIONS[settings.augmentation].digest == baseline.augmentation_digest",
            "settings.augmentation == baseline.augmentation",
            "an augmentation that changed under its name is refused",
        ),
    ),
    *mutants_of(
        "components/map_evaluator/training_rules.py",
        "tests/components/map_evaluator/test_training_rules.py",
        ("if lost is None:", "if True:", "a training that diverged is never served"),
        ("if record.has_chosen:", "if True:", "a checkpoint that nothing chose is told"),
    ),
    *mutants_of(
        "components/trainer/policy.py",
        "tests/components/trainer/test_policy.py tests/components/trainer/test_policy_optimizers.py",
        ("peak * WARMUP_START", "peak * 2", "the rate never exceeds its peak"),
        ("final=peak * FINAL_FRACTION", "final=peak", "the rate ends near zero"),
        ("min(WARMUP_MAX_STEPS, int(steps * WARMUP_FRACTION))", "0", "the rate warms up"),
    ),
    *mutants_of(
        "schemas/artifacts/training_record.py",
        "tests/components/trainer/test_policy.py tests/components/trainer/test_policy_optimizers.py",
        ("math.pi * progress", "math.pi * progress / 2", "the rate ends near zero"),
        ("if step < self.warmup_steps", "if False", "the rate warms up"),
    ),
    *mutants_of(
        "components/trainer/loop.py",
        "tests/components/trainer/test_loop.py tests/components/trainer/test_loop_lost.py",
        (
            "point.map < state.best_map:",
            "point.map <= state.best_map:",
            "of equally good weights the later are kept",
        ),
        ("point.map < state.best_map:", "False:", "the best weights are exported, not the last"),
        ("state.best_map = point.map", "pass", "the best weights are exported, not the last"),
        ("rounds < self.patience", "rounds <= self.patience", "training stops after `patience` rounds"),
        ("and mean > limit:", "and False:", "a training that diverged ends"),
        ("if not math.isfinite(loss):", "if False:", "a loss that is no number ends the training"),
        ("isfinite(weight).all() for", "isfinite(0.0).all() for", "weights that are no numbers are not exported"),
        ("not _is_sound(state)", "False", "weights of a rising loss are not kept where nothing measures them"),
    ),
    *mutants_of(
        "components/trainer/curves.py",
        "tests/components/trainer/test_loop.py tests/components/trainer/test_loop_lost.py",
        ("if not math.isfinite(value):", "if False:", "a step that is no number does not spoil the curve"),
        ("if self.last > self.highest:", "if False:", "a spike between two points of the loss curve is seen"),
    ),
    *mutants_of(
        "components/trainer/moved.py",
        "tests/components/trainer/test_moved.py",
        ("if math.isfinite(moved.distance)", "if True", "the record holds finite numbers alone"),
        ("norm.variance].astype", "norm.mean].astype", "batch norms shift in units of their own sigma"),
    ),
    *mutants_of(
        "components/trainer/line.py",
        "tests/components/trainer/test_line.py",
        ("(1 - share) * first + share * last", "share * first + (1 - share) * last", "the line leads to the end"),
    ),
    *mutants_of(
        "components/trainer/images/figures.py",
        "tests/components/trainer/images/test_figures.py",
        ("[:, ::-1].ravel()", ".ravel()", "a mirrored image is told"),
        ("shown = pixels[content] if content.any() else pixels", "shown = pixels", "padding is no part of an image"),
        ("np.tril(differences < _SAME, -1)", "np.tril(differences < 0, -1)", "a box of several anchors counts once"),
    ),
    *mutants_of(
        "schemas/data/examples_artifact.py",
        "tests/components/trainer/test_lineage.py",
        ("found.info.digest == digest", "True", "what is replayed is what was trained on"),
    ),
    *mutants_of(
        "components/trainer/images/augmentation.py",
        "tests/components/trainer/images/test_augmentation.py",
        ("if value is not None", 'if name != "light"', "a changed augmentation has another digest"),
    ),
)

SERVING = (
    *mutants_of(
        "components/registry/publication.py",
        "tests/components/registry/test_publication.py "
        "tests/components/registry/test_publication_hostile.py tests/components/registry/test_signed.py "
        "tests/pipeline/serving/test_rollback.py",
        ("if seen.served_as != publication.over:", "if False:", "nothing goes over a model it was not compared with"),
        ("settle(registry)\n            seen", "seen", "what was interrupted is completed first"),
        ("    registry.check_signature(intent)\n", "", "a claim that somebody forged is not completed"),
        ("if storage.holds(version, digest):", "if version in storage.served():", "damaged bytes are not served"),
        (
            "intent.staged if storage.holds(intent.staged, digest)",
            "intent.staged if True",
            "damaged bytes are not served",
        ),
        ("replace(other, blessed=False)", "replace(other, blessed=True)", "a rollback leaves versions behind"),
        ("if completed else pointer.served", "if True else pointer.served", "what is gone is not named as served"),
        ("if intent.decision is not None and decided:", "if False:", "a push is on record"),
    ),
    *mutants_of(
        "components/registry/registry.py",
        "tests/components/registry/test_registry.py "
        "tests/components/registry/test_publication.py tests/components/registry/test_publication_hostile.py "
        "tests/components/registry/test_signed.py",
        ("int(version) + 1 for version", "int(version) for version", "a new version has a number of its own"),
        ("is_version(name)), key=int)", "is_version(name)))", "version 10 comes after version 9"),
        ("key=lambda model: int(model.version)", "key=lambda model: model.version", "version 10 comes after version 9"),
        ("if there != seen:", "if False:", "of two that claim at once one wins"),
        ("            self.check_signature(pointer.served)\n", "", "an altered entry is not served from"),
        ("        check_named(logged, named, path)\n", "", "a line that was cut off the log is missed"),
        ("if self._signer is not None:", "if False:", "signatures are checked"),
        ("(decision.decided_at, decision.run_id)", "decision.run_id", "decisions come in the order they were made"),
    ),
    *mutants_of(
        "components/registry/consistency.py",
        "tests/components/registry/test_registry.py",
        ("if not storage.holds(model.version, model.digest):", "if False:", "altered bytes are no baseline"),
        ("if highest != model.version:", "if False:", "the served version is the one that TensorFlow Serving takes"),
        ("if model.blessed and storage.holds", "if storage.holds", "no advice to serve what was left behind"),
        ("if not on_disk and not known:", "if not on_disk:", "a lost pointer is no first run"),
    ),
    *mutants_of(
        "components/registry/override_log.py",
        "tests/components/registry/test_registry.py",
        ("if previous != _last(logged):", "if False:", "an edited line of the log is noticed"),
        ("if digest not in there:", "if False:", "a line that was cut off the log is missed"),
    ),
    *mutants_of(
        "components/registry/storage.py",
        "tests/components/registry/test_publication.py tests/components/registry/test_publication_hostile.py",
        ("os.fsync(descriptor)", "pass", "a model that is served survives a power cut"),
        ("if found != digest:", "if False:", "a copy that came out otherwise is not served"),
        ("and _is_orphan(name)", "and True", "what another process stages is left alone"),
        ("else there.token) != token:", "else there.token) == None:", "of two writers one wins"),
    ),
    *mutants_of(
        "components/registry/locking.py",
        "tests/components/registry/test_locking.py",
        ("fcntl.LOCK_EX", "fcntl.LOCK_SH", "a second process is kept out"),
    ),
    *mutants_of(
        "components/registry/push.py",
        "tests/components/registry/test_push.py",
        ("if candidate.digest == measured:", "if True:", "bytes that nobody measured are not served"),
        ("if candidate.evaluation_digest != said:", "if False:", "an evaluation that was changed decides nothing"),
        ("if not accepted.passed:", "if False:", "a model that does not answer is not served"),
        ("if not candidate.evaluation.decision.verdict.pushes:", "if False:", "a blocked candidate is not served"),
        ("now = _after_all(registry, now)\n", "pass\n", "decisions keep their order although the clock goes back"),
        ("if done is not None:", "if False:", "a step that is repeated publishes once"),
    ),
    *mutants_of(
        "schemas/base/files.py",
        "tests/schemas/base/test_files.py",
        ("            os.fsync(file.fileno())\n", "", "a file that was written survives a power cut"),
        ("os.replace(temporary, path)", "os.rename(temporary, f'{path}.new')", "a file is replaced as a whole"),
    ),
    *mutants_of(
        "schemas/base/model_digest.py",
        "tests/components/registry/test_registry.py",
        ("{path}\\0{contents", "\\0{contents", "a renamed file is another model"),
        ("{contents[path]}\\n", "\\n", "an altered file is another model"),
    ),
    *mutants_of(
        "schemas/base/signing.py",
        "tests/schemas/base/test_signing.py",
        (
            "if not hmac.compare_digest(_signature_or_nothing",
            "if False and (_signature_or_nothing",
            "an altered record is refused",
        ),
        ("kind.encode(), canonical", "canonical", "a signature of one kind is none of another"),
        ("if signature is None:", "if False:", "an unsigned record is refused"),
    ),
    *mutants_of(
        "schemas/artifacts/blessing.py",
        "tests/schemas/artifacts/test_blessing.py",
        (
            'if name != "evaluation"}',
            'if name not in ("evaluation", "model_digest")}',
            "a blessing is signed with its bytes",
        ),
        (
            '("model_digest", "evaluation_digest")',
            '("evaluation_digest",)',
            "a blessing says which bytes were measured",
        ),
    ),
    *mutants_of(
        "schemas/artifacts/decisions.py",
        "tests/schemas/artifacts/test_decisions.py",
        (
            "(Verdict.PUSHED, Verdict.BOOTSTRAPPED)",
            "(Verdict.PUSHED, Verdict.BOOTSTRAPPED, Verdict.INCONCLUSIVE)",
            "what is inconclusive is not served",
        ),
        ('reason.rule.startswith("trust:")', "False", "a broken evaluation is told from a no"),
    ),
    *mutants_of(
        "schemas/artifacts/publication.py",
        "tests/schemas/artifacts/test_publication.py",
        ("Verdict.BLOCKED if refused", "Verdict.BLOCKED if False", "what was kept out at the door is blocked"),
    ),
    *mutants_of(
        "schemas/artifacts/overrides.py",
        "tests/schemas/artifacts/test_overrides.py",
        (
            "fromisoformat(self.expires) < today",
            "fromisoformat(self.expires) <= today",
            "an approval holds on its last day",
        ),
    ),
    *mutants_of(
        "schemas/base/plain_settings.py",
        "tests/schemas/base/test_settings.py",
        ('"extra": "forbid"', '"extra": "ignore"', "a typo in a key is an error"),
        ('"strict": True', '"strict": False', "a number in quotes is an error"),
    ),
)
