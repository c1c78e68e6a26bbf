"""A configuration proposed from data as a command is given it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ratchet.components.example_gen.dataset import Source, read_source
from ratchet.components.example_gen.spans import find_span
from ratchet.pipeline.config.pipeline_settings import PipelineSettings, load_settings
from ratchet.pipeline.config.proposal.figures import figures_of
from ratchet.pipeline.config.proposal.given import with_fitting_anchors, with_given
from ratchet.pipeline.config.proposal.machine import this_machine
from ratchet.pipeline.config.proposal.proposal import Proposal, propose
from ratchet.pipeline.data.check import find_data
from ratchet.pipeline.root.own_settings import write_new
from ratchet.pipeline.run.preflight import schema_file
from ratchet.schemas.base.errors import InputError
from ratchet.schemas.base.files import LOCAL_FILES, reason_of
from ratchet.schemas.data.tfdv_schema import read_class_names

_HOW_DATA_ARE_READ = ("data.reading", "data.golden_reading", "data.exif")


def propose_for(data: Path, span: int | None, overrides: Sequence[str]) -> Proposal:
    """Proposes a configuration for a data set, or for a span of several.

    Args:
        data: a data set, or the directory of the `span-N` directories.
        span: N; None for the newest, or for a data set of its own.
        overrides: `a.b=value` texts, which the proposal has as they are.

    Raises:
        InputError: data or overrides cannot be used.
    """
    settings = load_settings({}, overrides)
    return _proposal(_read(find_data(data, span).directory, settings), overrides)


def propose_for_root(data: Path, golden: Path, span: int | None, overrides: Sequence[str]) -> Proposal:
    """The same for a run, whose golden set has to be sound as well before anything is written.

    Args:
        data: directory of the `span-N` directories.
        golden: the golden set.
        span: N; None for the newest.
        overrides: `a.b=value` texts; those of name and model, and of how data are read, stand in the proposal, for they
            are the same in every run.

    Raises:
        InputError: data or overrides cannot be used.
    """
    settings = load_settings({}, overrides)
    source = _read(find_span(str(data), span, marker=settings.data.marker).directory, settings)
    how = settings.data
    read_source(
        *(str(golden), LOCAL_FILES, True, _class_names(settings), how.golden_reading.reading, how.exif),
    )
    return _proposal(source, [given for given in overrides if _is_of_the_root(given)])


def write_proposal(text: str, out: Path) -> None:
    """Writes a configuration where no file is.

    Raises:
        InputError: there is one, or it cannot be written.
    """
    try:
        write_new(out, text)
    except FileExistsError as error:
        raise InputError(f"--out {out}: exists; a configuration is not overwritten, give another file") from error
    except OSError as error:
        raise InputError(f"--out {out}: cannot be written ({reason_of(error)}); give another file") from error


def _read(directory: str, settings: PipelineSettings) -> Source:
    how = settings.data
    return read_source(directory, class_names=_class_names(settings), reading=how.reading.reading, exif=how.exif)


def _class_names(settings: PipelineSettings) -> tuple[str, ...] | None:
    return read_class_names(schema_file(settings), LOCAL_FILES)


def _is_of_the_root(override: str) -> bool:
    key = override.partition("=")[0].strip()
    return key.partition(".")[0] in ("name", "model") or key.startswith(_HOW_DATA_ARE_READ)


def _proposal(source: Source, overrides: Sequence[str]) -> Proposal:
    figures = figures_of(source.directory, source.records, source.label_map)
    proposal = with_given(propose(figures, this_machine()), overrides)
    model = load_settings(proposal.values, ()).model
    return with_fitting_anchors(proposal, model, figures)
