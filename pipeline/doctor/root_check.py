"""`ratchet.json`: lost or torn, it is derived from what is served; and whether the root lies where it did."""

from __future__ import annotations

import dataclasses
from functools import partial
from pathlib import Path

from pipeline.doctor.finding import Finding, Severity
from pipeline.doctor.patient import Patient, free_name
from pipeline.root.rebuild import has_lineage, rebuild
from pipeline.root.root_file import is_moved, read_file, write_file
from schemas.artifacts.root_file import ROOT_FILE, RootFile
from schemas.base.errors import StateError


def check_root_file(patient: Patient) -> list[Finding]:
    """Whether the root says what it is."""
    path = patient.root / ROOT_FILE
    try:
        there, problem = read_file(patient.root), None
    except StateError as error:
        there, problem = None, str(error).removeprefix(f"{path}: ").partition("; `ratchet")[0]
    if there is not None or (problem is None and not has_lineage(patient.root)):
        return []
    try:
        made = rebuild(patient.root)
    except StateError as error:
        return [Finding("root-file", str(path), problem or "it is lost", str(error).partition(": ")[2])]
    fix = (
        f"writes it from what is served (name {made.name!r}); settings that no model tells are those of its preset, or "
        "the defaults"
    )
    # A root of an earlier version has none, and works.
    severity = Severity.WARNING if problem is None else Severity.WRONG
    what = problem or "it is not there, as in a root of an earlier version"
    return [Finding("root-file", str(path), what, fix, severity, partial(_write, patient.root, made))]


def check_place(patient: Patient) -> list[Finding]:
    """Whether the root was moved or copied since it was last written."""
    try:
        there = read_file(patient.root)
    except StateError:
        return []  # check_root_file
    if there is None or not is_moved(there, patient.root):
        return []
    what = f"it was at {there.path} when it was last written: it was moved, or is a copy"
    fix = "tells ML Metadata where its artifacts are now, as the next retraining would"
    return [Finding("moved", str(patient.root), what, fix, Severity.WARNING, partial(_settle, patient.root, there))]


def _settle(root: Path, there: RootFile) -> None:
    """ML Metadata names a moved root's own files; where there is none, only the root says where it is."""
    from pipeline.root.relocate import relocate

    if (root / "metadata.sqlite").exists():
        relocate(root, there.path)
    write_file(root, dataclasses.replace(there, path=str(root.resolve())))


def _write(root: Path, made: RootFile) -> None:
    path = root / ROOT_FILE
    if path.exists():
        path.rename(free_name(path, "torn"))
    # Where nothing tells where it was, it was here.
    write_file(root, dataclasses.replace(made, path=made.path or str(root)))
