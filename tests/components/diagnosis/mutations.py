"""Files that are no longer what was written: values, keys, lists, bytes and arrays replaced, by a seeded generator."""

from __future__ import annotations

import io
import json
import random
import shutil
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

Mutation = Callable[[Path, random.Random], None]

NUMBERS: tuple[Any, ...] = (0, -1, 0.5, 1e-308, 1e6, 1e308, -1e308, 10**18, float("nan"), float("inf"), float("-inf"))
# Among them names that records have, so that they stand where they do not belong.
STRINGS = (
    "",
    "x" * 1000,
    "a:b/c>d=e",
    "labels:size",
    "drift:qa/brightness",
    "part:trust:leak",
    "log_width",
    "embedding",
)
OTHERS: tuple[Any, ...] = (None, True, "", "\ud800", [], {}, [[]], [None], {"": None}, 10**400)
_KINDS = (np.float64, np.float32, np.int8, np.int64, np.uint64, np.bool_, np.str_, np.complex128)
_FIGURES = ("1e400", "NaN", "null", '"x"', "-5", "99999999999999999999", "[]")  # in a line of a COCO file


def mutate_file(path: Path, chance: random.Random) -> None:
    """Changes a file in a way that its kind allows, or, of ten times once, in one that any file allows."""
    kinds: dict[str, Mutation] = {".json": _mutate_json, ".npz": _mutate_arrays}
    if chance.random() < 1 / 10:
        mutate = chance.choice([_torn, _flipped, _flipped, _gone, _emptied, _a_directory])
    elif path.name.startswith(("ground_truth", "candidate_detections", "baseline_detections")):
        mutate = _mutate_lines  # which is read line by line
    else:
        mutate = kinds[path.suffix]
    mutate(path, chance)


def mutated(values: Any, chance: random.Random, soft: bool) -> Any:
    """The same JSON with one thing in it, somewhere, replaced, dropped, cut, repeated or turned about.

    Args:
        values: any JSON.
        chance: where and how.
        soft: whether kinds stay, which no reader refuses: numbers become other numbers, and so on.
    """
    if isinstance(values, dict) and values:
        name = chance.choice(sorted(values))
        if chance.random() < (0.0 if soft else 0.1):
            return {key: value for key, value in values.items() if key != name}
        return {**values, name: mutated(values[name], chance, soft)}
    if isinstance(values, list) and values:
        place = chance.randrange(len(values))
        if chance.random() < 0.2:
            return chance.choice([values[:place], values[:place] + values[place + 1 :], values * 2, values[::-1]])
        return [*values[:place], mutated(values[place], chance, soft), *values[place + 1 :]]
    if not soft and chance.random() < 0.5:
        return chance.choice(OTHERS)
    if isinstance(values, bool):
        return not values
    if isinstance(values, (int, float)):
        odd = chance.choice([*NUMBERS, -values, 10**6 * values])
        return int(odd) if isinstance(values, int) and abs(odd) < 1e300 else odd if isinstance(values, float) else 0
    return chance.choice(STRINGS) if isinstance(values, str) else values


def _mutate_json(path: Path, chance: random.Random) -> None:
    values, soft = json.loads(path.read_text()), chance.random() < 0.8
    for _ in range(chance.choice([1, 3, 10, 40] if soft else [1, 2])):
        values = mutated(values, chance, soft)
    path.write_text(json.dumps(values))


def _mutate_lines(path: Path, chance: random.Random) -> None:
    lines = path.read_text().split("\n")
    place = chance.randrange(len(lines))
    head, colon, rest = lines[place].rpartition(":")
    changed = f"{head}{colon}{chance.choice(_FIGURES)}{rest[rest.find('}') :]}"
    lines[place : place + 1] = chance.choice([[], [lines[place]] * 2, [changed], [changed], [changed]])
    path.write_text("\n".join(lines))


def _mutate_arrays(path: Path, chance: random.Random) -> None:
    with np.load(path, allow_pickle=False) as file:
        arrays = dict(file)
    for _ in range(chance.randint(1, 2)):
        name = chance.choice(sorted(arrays))
        if chance.random() < 0.1 and len(arrays) > 1:
            del arrays[name]
        elif name == "rest":
            arrays[name] = np.array(json.dumps(mutated(json.loads(arrays[name].item()), chance, False)))
        else:
            arrays[name] = _other_array(arrays[name], chance)
    file = io.BytesIO()
    np.savez(file, **arrays)
    path.write_bytes(file.getvalue())


def _other_array(values: np.ndarray, chance: random.Random) -> np.ndarray:
    """One of another shape or kind, or of the same with one row to all rows that hold something odd."""
    way = chance.randrange(7)
    if way == 0:
        return values[: chance.randint(0, len(values))] if values.ndim else values.reshape(1)
    if way == 1:
        return values.reshape(-1) if chance.random() < 0.5 else values[..., None]
    rows = np.random.default_rng(chance.randrange(2**32)).random(values.shape) < chance.choice([0.01, 0.5, 1.0])
    odd = np.array(float(chance.choice([*NUMBERS, 1, 10**6])))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if way == 2:
            return (
                np.zeros(values.shape, chance.choice(_KINDS))
                if values.dtype.names
                else values.astype(chance.choice(_KINDS))
            )
        return np.where(rows, odd.astype(values.dtype), values)


def _torn(path: Path, chance: random.Random) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: chance.randrange(len(content))])


def _flipped(path: Path, chance: random.Random) -> None:
    content = bytearray(path.read_bytes())
    for _ in range(chance.randint(1, 20)):
        content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
    path.write_bytes(content)


def _gone(path: Path, chance: random.Random) -> None:
    path.unlink()


def _emptied(path: Path, chance: random.Random) -> None:
    path.write_bytes(b"")


def _a_directory(path: Path, chance: random.Random) -> None:
    path.unlink()
    path.mkdir()


def restore(path: Path, content: bytes) -> None:
    """Undoes whatever was done to a file."""
    if path.is_dir():
        shutil.rmtree(path)
    path.write_bytes(content)
