"""Settings that differ and stand behind nothing that is compared by itself."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ratchet.components.toolkits.plan_change import PlanChange, ratio_of
from ratchet.components.toolkits.settings_tree import is_below, is_same, number
from ratchet.schemas.data.training_plan import TrainingPlan

_NOT_SET = "not set"
# What a run is called and where it writes: no training differs by these.
_NAMES = {
    *(
        "work_dir",
        "output_dir",
        "out_dir",
        "save_dir",
        "model_dir",
        "log_dir",
        "project",
        "name",
        "exp_name",
        "run_name",
    ),
    *("experiment_name", "experiment", "exist_ok", "verbose", "plots", "show", "profile", "tracker", "timestamp"),
    *("launcher", "device", "gpu_ids", "save_period", "log_level", "workers", "num_workers", "workers_per_gpu"),
    *("exported_after_step", "code"),
}
_SEED = re.compile(r"(?:^|[._])seed$|^randomness\b", re.IGNORECASE)
_AS_A_WHOLE = "optimizer"  # its message holds more than is compared


def other_settings(before: TrainingPlan, after: TrainingPlan) -> Iterator[PlanChange]:
    """Leaves of two files of one toolkit that differ; those that are a name only are left out, seeds come last.

    Args:
        before: the earlier plan.
        after: the later one.
    """
    common = before.settings.keys() & after.settings.keys()
    if before.toolkit != after.toolkit or 2 * len(common) < min(len(before.settings), len(after.settings)):
        return  # two toolkits, or two kinds of files of one: a record and a configuration
    covered = {path for plan in (before, after) for key, path in plan.named.items() if _is_compared(key, before, after)}
    paths = [path for path in dict.fromkeys([*after.settings, *before.settings]) if not _is_covered(path, covered)]
    for path in sorted(paths, key=lambda path: bool(_SEED.search(path))):
        texts = before.settings.get(path, _NOT_SET), after.settings.get(path, _NOT_SET)
        if not is_same(*texts):
            ratio = ratio_of(number(texts[0]), number(texts[1]))
            yield PlanChange("setting", path, *texts, ratio, f"{path}: {texts[0]} -> {texts[1]}")


def _is_compared(key: str, before: TrainingPlan, after: TrainingPlan) -> bool:
    # What only one of the two says is not compared by itself, and has to be shown here.
    if key == _AS_A_WHOLE:
        return False
    root = key.split(".")[0]
    return (getattr(before, root) is None) == (getattr(after, root) is None)


def _is_covered(path: str, covered: set[str]) -> bool:
    if path.rsplit(".", 1)[-1] in _NAMES:
        return True
    # Itself or one that it lies below.
    ends = [found.start() for found in re.finditer(r"[.\[]", path)]
    return any(parent in covered and is_below(path, parent) for parent in (path, *(path[:end] for end in ends)))
