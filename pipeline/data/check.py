"""`ratchet check`: what the pipeline would find out about a span before training, without a pipeline."""

from __future__ import annotations

import contextlib
import shlex
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ratchet.components.example_gen.dataset import read_source
from ratchet.components.example_gen.spans import FoundSpan, find_span, spans_in
from ratchet.components.pages.fact_words import fact_rows
from ratchet.pipeline.config.pipeline_settings import PipelineSettings
from ratchet.pipeline.data.check_text import facts_text, findings_text
from ratchet.pipeline.root import OWN_SETTINGS_FILE
from ratchet.pipeline.root.places import home_of, named, uri_of
from ratchet.pipeline.root.root_settings import has_settings
from ratchet.pipeline.root.roots import registry_of, settled_if_possible
from ratchet.pipeline.run.preflight import schema_file, tell_of
from ratchet.pipeline.terminal.console import output_to, own_stderr, progress_on
from ratchet.pipeline.terminal.failures import tracebacks_to
from ratchet.schemas.artifacts.data_evidence import DATA_DECISION_FORMAT, PAGE_FILE
from ratchet.schemas.artifacts.decisions import DataDecision, DataVerdict
from ratchet.schemas.artifacts.history import History
from ratchet.schemas.artifacts.registry_entries import ServedModel
from ratchet.schemas.base.errors import InputError
from ratchet.schemas.base.files import LOCAL_FILES
from ratchet.schemas.base.progress import LOGGER
from ratchet.schemas.base.visible import visible_line
from ratchet.schemas.data.facts import NOTHING_COUNTED, DataSetFacts
from ratchet.schemas.data.tfdv_schema import read_class_names


@dataclass(frozen=True)
class CheckRequest:
    """What to check.

    Attributes:
        settings: the configuration.
        data: a data set, or the directory of the `span-N` directories.
        golden: the golden set; None: what needs one is not checked.
        span: N; None for the newest.
        root: pipeline root, whose served model the span is compared with; it may not be there yet.
        command: what a person gave, to propose the next one by; empty for nobody.
        out: directory for decision, evidence and page; None: a directory named after the span.
    """

    settings: PipelineSettings
    data: Path
    golden: Path | None
    span: int | None
    root: Path
    command: str = ""
    out: Path | None = None


@dataclass(frozen=True)
class CheckResult:
    """What was found.

    Attributes:
        decision: verdict and reasons.
        directory: the data set.
        page: for a person to look at.
        baseline: version of the served model; None if there is none.
        root: the pipeline root that it was looked for in.
        span: number of the span; 0 for a data set of its own.
        command: what a person gave; empty for nobody.
        facts: what was counted in the data set.
    """

    decision: DataDecision
    directory: str
    page: Path
    baseline: str | None
    root: Path
    span: int = 0
    command: str = ""
    facts: DataSetFacts = NOTHING_COUNTED

    @property
    def exit_code(self) -> int:
        """What `ratchet check` exits with."""
        return 0 if self.decision.passed else 4

    def to_json(self) -> dict[str, Any]:
        """The contract of `ratchet check --json`."""
        return {
            **DATA_DECISION_FORMAT.values_of(self.decision),
            "directory": self.directory,
            "baseline": self.baseline,
            "page": str(self.page),
            "facts": dict(fact_rows(self.facts)),
            "counts": {state.value: count for state, count in self.decision.counts.items()},
        }

    def to_text(self) -> str:
        """The findings for a terminal: the cause, what follows from it, what else there is, and the next command."""
        decision = self.decision
        verdict = decision.verdict.value
        if decision.passed and decision.verdict is DataVerdict.REJECT:
            verdict += ", only observed"
        against = self.baseline and f"served version {self.baseline}"
        lines = [f"{verdict}  {visible_line(self.directory)}" + (f"  (compared with {against})" if against else ""), ""]
        lines += findings_text(decision)
        lines += facts_text(self.facts)
        if self.baseline is None:
            lines.append(f"no served model in {uri_of(self.root)}: no drift, and no labels against what a model finds")
        return "\n".join([*lines, "", f"Page: {self.page}", *self._next()])

    def _next(self) -> list[str]:
        if not self.command:
            return []
        words = shlex.split(self.command)
        if not self.decision.passed:
            return ["Next, once it is corrected:", f"  {shlex.join(words)}"]
        if words[1:2] != ["check"] or self.span == 0:
            return []
        command = self._run_instead(words)
        return [self._before_it(command), f"  {shlex.join(command)}"]

    def _before_it(self, command: Sequence[str]) -> str:
        """Says of a first run what settings it will take, for it is not told any."""
        is_told = any(word.partition("=")[0] == "--config" for word in command)
        if is_told or has_settings(self.root):
            return "Next:"
        own = named(self.root, self.root / OWN_SETTINGS_FILE)
        return f"Next; it proposes settings from this data and writes them to {own}, since --config is not given:"

    def _run_instead(self, words: Sequence[str]) -> list[str]:
        """The command that trains on what was looked at: the same options, but those that a run does not have."""
        kept = ["ratchet", "run"]
        rest = iter(words[2:])
        for word in rest:
            if word == "--out":
                next(rest, None)
            elif word != "--json" and not word.startswith("--out="):
                kept.append(word)
        return kept if self.baseline is not None else [*kept, "--bootstrap"]


def check_data(request: CheckRequest) -> CheckResult:
    """Checks one data set.

    Args:
        request: what to check.

    Raises:
        InputError: something that the user gave cannot be used.
        StateError: the pipeline root contradicts itself.
    """
    number, delivery, directory = find_data(request.data, request.span)
    _read_annotations(request, directory)
    served, history = _served(request)
    out = request.out or Path("ratchet-check") / Path(directory).name
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"--out {out}: cannot be made ({error.strerror}); give another directory") from error
    with contextlib.ExitStack() as stack:
        stack.enter_context(progress_on(stack.enter_context(own_stderr())))
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ratchet-check-")))
        LOGGER.info("starting TensorFlow, which takes a while; its log is %s", out / "log.txt")
        with output_to(out / "log.txt"), tracebacks_to(out / "log.txt"):
            from ratchet.pipeline.data.check_steps import CheckSteps, run_steps

            decision, facts = run_steps(
                CheckSteps(
                    settings=request.settings,
                    directory=directory,
                    span=number,
                    version=delivery,
                    golden=str(request.golden) if request.golden else None,
                    schema_file=schema_file(request.settings),
                    served=served,
                    history=history,
                    artifacts=f"{home_of(request.root)}/artifacts",
                ),
                scratch,
                out,
            )
    version = served.version if served else None
    return CheckResult(decision, directory, out / PAGE_FILE, version, request.root, number, request.command, facts)


def _read_annotations(request: CheckRequest, directory: str) -> None:
    """Finds what is wrong with the annotations before TensorFlow is started and anything is written."""
    names = read_class_names(schema_file(request.settings), LOCAL_FILES)
    data = request.settings.data
    tell_of(read_source(directory, class_names=names, reading=data.reading.reading, exif=data.exif))
    if request.golden is not None:
        reading = data.golden_reading.reading
        tell_of(read_source(str(request.golden), strict=True, class_names=names, reading=reading, exif=data.exif))


def find_data(data: Path, span: int | None) -> FoundSpan:
    """Finds what a command is to look at.

    Args:
        data: a data set, or the directory of the `span-N` directories.
        span: N; None for the newest, or for a data set of its own, whose number is 0.

    Raises:
        DataError: there is no such span.
    """
    directory = str(data)
    if span is None and LOCAL_FILES.isdir(directory) and not spans_in(directory, LOCAL_FILES):
        return FoundSpan(0, 1, directory)
    return find_span(directory, span)


def _served(request: CheckRequest) -> tuple[ServedModel | None, History]:
    root = request.root
    registry = registry_of(root, request.settings.name)
    settled_if_possible(registry)
    return registry.served(), registry.history()
