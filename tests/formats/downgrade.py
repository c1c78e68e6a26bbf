"""Takes a pipeline root back to format 0: its files as they were before they had a number, and none of `ratchet.json`.

The functions by kind are held to the golden files of format 0 by `test_downgrade.py`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from ratchet.schemas.base.files import LOCAL_FILES
from ratchet.schemas.base.model_digest import model_digest
from tests.entry_file import in_files

Values = dict[str, Any]
_PAST_RUN = (
    "run_id",
    "span",
    "verdict",
    "map",
    "baseline_map",
    "decided_at",
    "golden_digest",
    "evaluation",
    "reason",
)

_LATER_OF_COMPARISONS = ("reference", "moved_before", "moved_in_halves", "first", "from_first", "allowed")


def _without(values: Values, *keys: str) -> Values:
    return {key: value for key, value in values.items() if key not in ("format", *keys)}


def _renamed(values: Values, **names: str) -> Values:
    return {names.get(key, key): value for key, value in values.items()}


def _with_old_reasons(values: Any) -> Any:
    if isinstance(values, list):
        return [_with_old_reasons(value) for value in values]
    if not isinstance(values, dict):
        return values
    later = ("tested", "strength", "cause", "measure") if {"rule", "expected"} <= values.keys() else ()
    return {key: _with_old_reasons(value) for key, value in values.items() if key not in later}


def _entry(values: Values, root: str) -> Values:
    old = _without(values, "signature", "rule", "evaluation_digest")
    return old | {key: _absolute(old[key], root) for key in ("path", "model", "evaluation") if key in old}


def _history(values: Values, root: str) -> Values:
    runs = [{key: _entry(run, root)[key] for key in _PAST_RUN} for run in values["runs"]]
    made = [_without(override, "given") for override in values["overrides"]]
    current = values["current"] and _without(values["current"], "given")
    told = {"runs": [{**run, "reason": run["reason"] or ""} for run in runs]}
    return _without(values) | told | {"overrides": made, "current": current}


def _dataset(values: Values, root: str) -> Values:
    new = ("mended_areas", "facts", "told", "left_out", "exif", "oriented", "record_files")
    old = _renamed(_without(values, *new), source_format="format")
    return {**old, "bad_boxes": _renamed(_without(old["bad_boxes"], "drawn"), guessed_format="reading")}


def _evaluation(values: Values, root: str) -> Values:
    new = (
        "candidate_digest",
        "baseline_digest",
        "serving",
        "post_processing",
        "high_water",
        "second_opinion",
        "shadow",
    )
    old = _with_old_reasons(_without(values, *new))
    return {**old, "data_sets": {name: _scores(data) for name, data in old["data_sets"].items()}}


def _scores(values: Values) -> Values:
    old = _without(values, "max_detections")
    old["deltas"] = old["deltas"] and _deltas(old["deltas"])
    for key in ("class_support", "slice_support"):
        old[key] = {name: _without(support, "groups") for name, support in old[key].items()}
    return {**old, "shared": _scores(old["shared"])} if old.get("shared") else old


def _deltas(values: Values) -> Values:
    parts = ("per_class", "per_slice")
    of_parts = {part: {name: _without(delta, "units") for name, delta in values[part].items()} for part in parts}
    return {"overall": _without(values["overall"], "units"), **of_parts}


def _training_record(values: Values, root: str) -> Values:
    later = ("asked", "validation_images", "diverged", "label_map", "post_processing", "baseline_for_comparison")
    later += ("dynamics", "numerics", "devices_from", "wants_upright_images", "trainer", "plan")
    old = _renamed(_without(values, *later), continual="keep")
    places = [
        {**_without(data, "exif"), "examples": _absolute(data["examples"], f"{root}/artifacts")} for data in old["data"]
    ]
    return {**old, "data": places}


def _absolute(place: str, below: str) -> str:
    return place if place.startswith("/") else f"{below}/{place}"


def _drawn(picture: Values) -> Values:
    return {**_without(picture, "views"), "jpeg": picture["views"][0]["jpeg"]}


DOWNGRADES: dict[str, Callable[[Values, str], Values]] = {
    "served": lambda values, root: _entry(values["served"], root),
    "version": _entry,
    "registry_decision": _entry,
    "overrides": lambda values, root: _without(values, "given"),
    "evaluation": _evaluation,
    "data_decision": lambda values, root: _with_old_reasons(_without(values)),
    "data_evidence": lambda values, root: {
        "comparisons": [
            _renamed(_without(entry, *_LATER_OF_COMPARISONS), effect_size="moved") for entry in values["comparisons"]
        ]
    },
    "data_pictures": lambda values, root: {
        rule: [_drawn(picture) for picture in pictures] for rule, pictures in values["pictures"].items()
    },
    "dataset": _dataset,
    "training_record": _training_record,
    "history": _history,
    "run_result": lambda values, root: _with_old_reasons(_without(values)),
}
_PLACES = {
    "served": "registry/served.json",
    "version": "registry/versions/*.json",
    "registry_decision": "registry/decisions/*.json",
    "evaluation": "artifacts/**/evaluation.json",
    "data_decision": "artifacts/**/decision.json",
    "data_evidence": "artifacts/**/evidence.json",
    "data_pictures": "artifacts/**/pictures.json",
    "dataset": "artifacts/**/dataset.json",
    "history": "artifacts/**/history.json",
    "run_result": "runs/*/result.json",
}
_LATER = (
    "ratchet.json",
    "runs/*/request.json",
    "artifacts/**/diagnosis.json",
    "artifacts/**/publication.json",
    "artifacts/**/references.json",
    "artifacts/**/golden_sets.json",
    "artifacts/**/serving_probe.npz",
    "artifacts/**/golden/boxes.npz",
)


def downgrade(root: Path) -> None:
    """Rewrites a root in which no publication was interrupted.

    Args:
        root: pipeline root; its models get other digests, for their training record is rewritten.
    """
    in_files(root)
    for pattern in _LATER:
        for path in list(root.glob(pattern)):
            path.unlink()
    digests = _downgrade_models(root)
    digests |= _downgrade_log(root / "registry" / "overrides.jsonl", digests)
    for kind, pattern in _PLACES.items():
        for path in root.glob(pattern):
            values = json.loads(path.read_text())
            if type(values.get("format")) is int:  # not taken back before, nor empty as in hand-made roots
                path.write_text(_with(digests, json.dumps(DOWNGRADES[kind](values, str(root)), indent=1)))


def _with(digests: Mapping[str, str], text: str) -> str:
    for before, after in digests.items():
        text = text.replace(before, after)
    return text


def _downgrade_log(log: Path, digests: Mapping[str, str]) -> dict[str, str]:
    """New digests of the lines of the log by those before; each line names the one before it."""
    before = log.read_text().splitlines() if log.exists() else []
    lines: list[str] = []
    for line in before:
        old = DOWNGRADES["overrides"](json.loads(_with(digests, line)), "")
        lines.append(json.dumps({**old, "previous": _sha256(lines[-1]) if lines else old["previous"]}))
    if before:
        log.write_text("".join(f"{line}\n" for line in lines))
    return {_sha256(old): _sha256(new) for old, new in zip(before, lines)}


def _sha256(line: str) -> str:
    return hashlib.sha256(line.encode()).hexdigest()


def _downgrade_models(root: Path) -> dict[str, str]:
    """New digests by those before; a model's record names the digest of the model that it was made from."""
    models: dict[str, list[Path]] = {}
    for directory in _models(root):
        models.setdefault(model_digest(str(directory), LOCAL_FILES), []).append(directory)
    digests: dict[str, str] = {}

    def rewrite(digest: str) -> None:
        for directory in models[digest]:
            path = directory / "assets.extra" / "training_record.json"
            if path.exists():
                values = json.loads(path.read_text())
                values = DOWNGRADES["training_record"](values, str(root)) if "format" in values else values
                baseline = values["baseline_digest"]
                if baseline in models and baseline not in digests:
                    rewrite(baseline)
                values["baseline_digest"] = digests.get(baseline, baseline)
                path.write_text(json.dumps(values, indent=1, sort_keys=True))
            digests[digest] = model_digest(str(directory), LOCAL_FILES)

    for digest in models:
        if digest not in digests:
            rewrite(digest)
    return digests


def _models(root: Path) -> Iterator[Path]:
    for part in ("serving", "artifacts"):
        yield from (path.parent for path in (root / part).rglob("saved_model.pb"))
