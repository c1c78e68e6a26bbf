"""Guards of the structure: imports run one way, and pure modules stay free of heavy libraries."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
DRAWN = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
PACKAGES = ("schemas", "components", "pipeline", "kubeflow")
HEAVY = {
    *("tensorflow", "tf_keras", "tfx", "apache_beam", "official", "tensorflow_data_validation", "ml_metadata", "kfp"),
    *("tensorflow_model_analysis", "tensorflow_serving"),
}
# The modules that are glue to TFX and TensorFlow; everything else is pure.
COMMANDS = (
    *("run", "demo", "evaluate", "status", "history", "review", "approve", "rollback", "prune", "doctor"),
    *("check", "convert", "schema", "log-sample", "digits", "bench", "new-span", "config", "explain", "completion"),
    *("diff", "shadow", "promote", "adopt", "watch"),
)
# Packages that every component may use.
SHARED = (
    *("services", "stack", "coco", "metrics", "detector", "imaging", "labels", "pages", "toolkits", "object_store"),
    *("requests", "shadow"),
)
# Rooms of a package, each using only those before it; modules that lie in none of them are left out.
ROOMS = {
    "schemas": ("base", "data", "artifacts"),
    "pipeline": (
        *("terminal", "config", "pipeline", "root", "past", "retention", "serving", "notify", "run"),
        *("data", "report", "adoption", "doctor", "explain", "demo", "bench", "cli"),
    ),
}
# The one package that may use what libraries keep to themselves, and what counts as that besides private names.
STACK = "components.stack"
ONE_VERSION = (
    *("tf_keras", "importlib.util", "tfx.dsl.compiler", "tfx.orchestration.portable", "tfx.orchestration.local"),
    *("tfx.proto.orchestration", "tensorflow.python", "keras"),
)
NAMES_OF_ONE_VERSION = ("TF_USE_LEGACY_KERAS", "TF_CPP_MIN_LOG_LEVEL")
DOCUMENTED = {"_replace", "_fields", "_asdict", "_exit"}  # of namedtuple and of os, whatever their names look like
GLUE = {
    "components.adoption.foreign",
    "components.adoption.frozen",
    "components.adoption.wrapped",
    "components.data_gate.album",
    "components.data_gate.beam_looks",
    "components.data_gate.comparing",
    "components.data_gate.component",
    "components.data_gate.examine",
    "components.data_gate.executor",
    "components.data_gate.inputs",
    "components.data_gate.training_images",
    "components.detector.answers",
    "components.detector.kept_images",
    "components.detector.sampling",
    "components.detector.served",
    "components.detector.stored_examples",
    "components.detector.stored_looks",
    "components.detector.warmup",
    "components.diagnosis.component",
    "components.diagnosis.executor",
    "components.example_gen.component",
    "components.example_gen.convert",
    "components.example_gen.converting",
    "components.example_gen.executor",
    "components.example_gen.generate",
    "components.map_evaluator.beam_evaluation",
    "components.map_evaluator.coco_files",
    "components.map_evaluator.compared",
    "components.map_evaluator.component",
    "components.map_evaluator.earlier_models",
    "components.map_evaluator.executor",
    "components.map_evaluator.golden_checks",
    "components.map_evaluator.inputs",
    "components.map_evaluator.shadow_look",
    "components.map_evaluator.tfma_files",
    "components.map_evaluator.trial",
    "components.registry.component",
    "components.registry.executor",
    "components.requests.log",
    "components.review.component",
    "components.review.executor",
    "components.review.tfma_view.data",
    "components.shadow.look",
    "components.stack.beam_executors",
    "components.stack.beam_options",
    "components.stack.beam_pipelines",
    "components.stack.devices",
    "components.stack.keras2",
    "components.stack.mlmd_client",
    "components.stack.tf_models",
    "components.stack.tf_models_optimizers",
    "components.stack.tf_models_sampling",
    "components.stack.tfx_cluster",
    "components.stack.tfx_executors",
    "components.stack.tfx_runs",
    "components.trainer.accumulation",
    "components.trainer.checkpoints",
    "components.trainer.component",
    "components.trainer.devices",
    "components.trainer.dynamics",
    "components.trainer.earlier_spans",
    "components.trainer.environment",
    "components.trainer.export",
    "components.trainer.images.augment",
    "components.trainer.images.batches",
    "components.trainer.images.examples",
    "components.trainer.images.observed",
    "components.trainer.job",
    "components.trainer.learner",
    "components.trainer.model.backbone",
    "components.trainer.model.families",
    "components.trainer.model.family",
    "components.trainer.model.faster_rcnn",
    "components.trainer.model.features",
    "components.trainer.model.retinanet",
    "components.trainer.model.warm_start",
    "components.trainer.model.weights",
    "components.trainer.optimizers",
    "components.trainer.origin_files",
    "components.trainer.own.checks",
    "components.trainer.own.contract",
    "components.trainer.own.letterbox",
    "components.trainer.own.run",
    "components.trainer.own.task",
    "components.trainer.own.writing",
    "components.trainer.run_fn",
    "components.trainer.serving",
    "components.trainer.strategy",
    "components.trainer.tensorboard",
    "components.trainer.validation",
    "kubeflow.graph",
    "kubeflow.step.components",
    "components.vertex_registry.component",
    "components.vertex_registry.executor",
    "pipeline.bench.other_training",
    "pipeline.data.check_steps",
    "pipeline.pipeline",
    "pipeline.retention.artifacts",
    "pipeline.root.claim",
    "pipeline.root.ml_metadata",
    "pipeline.root.ml_metadata_sync",
    "pipeline.run.golden_cache",
    "pipeline.run.runner",
}


@cache
def modules() -> tuple[tuple[str, str], ...]:
    """Every module with its source."""
    files = [file for package in PACKAGES for file in sorted((ROOT / package).rglob("*.py"))]
    names = [".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__") for file in files]
    return tuple(zip(names, [file.read_text(encoding="utf-8") for file in files]))


def offending(
    found: Callable[[str, str], list[str]], among: Callable[[str], bool] = lambda module: True
) -> dict[str, list[str]]:
    """What is found in each module, without modules in which nothing is; one test for all of them is quick."""
    looked_at = [(module, source) for module, source in modules() if among(module)]
    assert looked_at
    return {module: wrong for module, source in looked_at if (wrong := found(module, source))}


@cache
def imported(source: str, top_level_only: bool = False) -> frozenset[str]:
    """What a module imports; our own without `ratchet.`, as the directories are named."""
    tree = ast.parse(source)
    nodes = tree.body if top_level_only else list(ast.walk(tree))
    names: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return frozenset(name.removeprefix("ratchet.") for name in names)


def wrong_direction(module: str, source: str) -> list[str]:
    """Imports of a package that stands above the module's own, or of another component."""
    own = module.split(".")
    names = sorted(name for name in imported(source) if name.split(".")[0] in PACKAGES)
    wrong = (_goes_up, _goes_across, _goes_to_a_later_room)
    return [name for name in names if any(goes(name.split("."), own) for goes in wrong)]


def _goes_up(other: list[str], own: list[str]) -> bool:
    return PACKAGES.index(other[0]) > PACKAGES.index(own[0])


def _goes_across(other: list[str], own: list[str]) -> bool:
    return own[0] == other[0] == "components" and len(other) > 1 and other[1] not in (own[1], *SHARED)


def _goes_to_a_later_room(other: list[str], own: list[str]) -> bool:
    rooms = ROOMS.get(own[0], ())
    if own[0] != other[0] or len(own) < 2 or len(other) < 2 or own[1] not in rooms or other[1] not in rooms:
        return False
    return rooms.index(other[1]) > rooms.index(own[1])


def heavy(source: str) -> list[str]:
    return sorted(name for name in imported(source, top_level_only=True) if name.split(".")[0] in HEAVY)


def slow_top(source: str) -> list[str]:
    top = ("tfx.v1", "tensorflow_models")
    return sorted(name for name in imported(source) if name in top or name.startswith("tfx.v1."))


def tied_to_one_version(source: str) -> list[str]:
    """Uses of what other packages keep to themselves: private names that are not the module's own, and ONE_VERSION."""
    tree = ast.parse(source)
    names = [name for name in imported(source) if not name.startswith(PACKAGES)]
    private = [name for name in names if any(part.startswith("_") and part[1] != "_" for part in name.split("."))]
    internal = [name for name in names if name.startswith(ONE_VERSION)]
    texts = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    return sorted({*private, *internal, *(texts & set(NAMES_OF_ONE_VERSION)), *_foreign_attributes(tree)})


def _foreign_attributes(tree: ast.AST) -> set[str]:
    """Private attributes that the module uses and does not define, or takes from a class above."""
    own, used, above = set[str](), set[str](), set[str]()
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                own.add(name)
            case ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()):
                own.add(name)
            case ast.Attribute(attr=name, value=ast.Call(func=ast.Name(id="super"))):
                above.add(name)
            case ast.Attribute(attr=name):
                used.add(name)
            case ast.Call(func=ast.Name(id="getattr" | "setattr" | "hasattr"), args=[_, ast.Constant(value=name), *_]):
                used.add(str(name))
    names = ((used - own) | above) - DOCUMENTED
    return {name for name in names if name.startswith("_") and not name.startswith("__")}


def test_what_ties_to_one_version_of_a_library_stands_in_one_package() -> None:
    found = offending(lambda _, source: tied_to_one_version(source), lambda module: not module.startswith(STACK))
    assert found == {}


def asked_for(module: str) -> set[str]:
    """The heavy packages that a module of ours, or one that it imports, asks for when it is imported."""
    sources = dict(modules())
    seen, coming = set[str](), [module]
    while coming:
        name = coming.pop()
        if name in sources and name not in seen:
            seen.add(name)
            parents = [name.rsplit(".", part)[0] for part in range(1, name.count(".") + 1)]
            coming += [*parents, *imported(sources[name], top_level_only=True)]
    return {top.split(".")[0] for name in seen for top in heavy(sources[name])}


# What each step asks for beside TFX, which starts TensorFlow and Beam by itself when a step is one of its own classes.
STEPS = {
    "components.registry.executor": set(),
    "components.trainer.component": set(),
    "components.example_gen.executor": {"apache_beam", "tensorflow"},
    "components.map_evaluator.executor": {"apache_beam", "tensorflow", "tensorflow_model_analysis"},
    "components.data_gate.executor": {"apache_beam", "tensorflow", "tensorflow_data_validation"},
    "components.review.executor": {"tensorflow", "tensorflow_model_analysis"},
    "components.trainer.run_fn": {"tensorflow", "tf_keras", "official", "tensorflow_serving"},
}


@pytest.mark.parametrize("step", STEPS)
def test_a_step_imports_the_libraries_that_it_needs_and_no_other(step: str) -> None:
    assert asked_for(step) - {"tfx"} == STEPS[step]


def test_imports_run_one_way() -> None:
    assert offending(wrong_direction) == {}


def test_pure_modules_import_nothing_heavy() -> None:
    assert offending(lambda _, source: heavy(source), lambda module: module not in GLUE) == {}


def test_no_step_imports_the_slow_top_of_tfx() -> None:
    assert offending(lambda _, source: slow_top(source), lambda module: module in GLUE) == {}
    assert slow_top("from tfx.v1.dsl import Pipeline")


def test_every_package_of_a_parted_package_is_a_room() -> None:
    for package, rooms in ROOMS.items():
        inside = {name.split(".")[1] for name, _ in modules() if name.startswith(f"{package}.")}
        assert inside == set(rooms), package


@pytest.mark.parametrize(
    "place", sorted(set(re.findall(r"`((?:schemas|components|pipeline|kubeflow|docs|tests)/[\w./-]+)`", DRAWN)))
)
def test_what_the_architecture_names_is_there(place: str) -> None:
    assert (ROOT / place).exists()


@pytest.mark.parametrize("directory", [*PACKAGES, "tests", "benchmarks", "requirements", "examples"])
def test_nothing_is_imported_past_the_one_import_name(directory: str) -> None:
    """A checkout on the path has `components` as well; a class imported by both names is two classes."""
    past = re.compile(rf"^\s*(?:from|import) (?:{'|'.join(PACKAGES)})\b", re.MULTILINE)
    files = sorted((ROOT / directory).rglob("*.py"))
    assert files
    assert [str(file) for file in files if past.search(file.read_text(encoding="utf-8"))] == []


def test_the_list_of_glue_names_only_modules_that_exist() -> None:
    assert {name for name, _ in modules()} >= GLUE


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("schemas.data.records", "import ratchet.components.metrics.boxes"),
        ("components.metrics.boxes", "from ratchet.pipeline.config.pipeline_settings import load_config"),
        ("components.trainer.loop", "from ratchet.components.data_gate import rules"),
        ("pipeline.run.local", "def f():\n    from kubeflow import compile"),
        ("pipeline.root.roots", "from ratchet.pipeline.cli import options"),
        ("schemas.base.files", "from ratchet.schemas.data.features import LABEL"),
    ],
)
def test_the_direction_guard_can_fail(module: str, source: str) -> None:
    assert wrong_direction(module, source)


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("def f(optimizer):\n    optimizer._create_all_weights([])", "_create_all_weights"),
        ("class A(B):\n    def f(self):\n        return self._context", "_context"),
        ("class A(B):\n    def _GetFnArgs(self):\n        return super()._GetFnArgs()", "_GetFnArgs"),
        ("def f(optimizer):\n    return getattr(optimizer, '_optimizer', optimizer)", "_optimizer"),
        ("from pydantic._internal import _fields", "pydantic._internal"),
        ("def f():\n    import importlib.util", "importlib.util"),
        ("import tf_keras", "tf_keras"),
        ("import os\nos.environ['TF_USE_LEGACY_KERAS'] = '1'", "TF_USE_LEGACY_KERAS"),
    ],
)
def test_the_guard_of_one_version_can_fail(source: str, found: str) -> None:
    assert found in tied_to_one_version(source)


def test_the_guard_of_one_version_lets_a_modules_own_private_names_pass() -> None:
    source = "class A:\n    def __init__(self):\n        self._a = 1\n    def f(self, other):\n        return other._a"
    assert tied_to_one_version(source) == []


def test_the_heavy_guard_can_fail() -> None:
    assert heavy("import tensorflow as tf") == ["tensorflow"]
    assert heavy("def f():\n    import tensorflow") == []


def test_help_does_not_start_tensorflow() -> None:
    commands = [["--help"], *([name, "--help"] for name in COMMANDS)]
    code = (
        "import sys\nfrom ratchet.pipeline.cli.main import main\n"
        f"for command in {commands!r}:\n"
        "    try:\n        main(command)\n    except SystemExit as end:\n        assert end.code == 0, command\n"
        f"    started = [name for name in {sorted(HEAVY)!r} if name in sys.modules]\n"
        "    assert not started, (command, started)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stderr.strip() == ""
    assert done.returncode == 0
    assert done.stdout.count("usage: ratchet") >= len(commands)


def test_a_diagnosis_is_imported_without_what_takes_long() -> None:
    slow = sorted({*HEAVY, "scipy", "pandas", "PIL"})
    code = (
        "import sys\nimport ratchet.components.diagnosis.reading\n"
        f"sys.exit(str([name for name in {slow!r} if name in sys.modules] or ''))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stderr.strip() == ""


def test_nothing_speaks_of_the_machine_it_was_written_on() -> None:
    words = ("/wo" + "rk/", "/ro" + "ot/", "/tm" + "p/")
    for module, source in modules():
        assert not any(word in source for word in words), module
