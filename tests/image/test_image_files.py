"""What describes the images names what is there; that they build and run is tried by `make image`."""

from __future__ import annotations

import fnmatch
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from ratchet.kubeflow.compile import IMAGE_DIRECTORY
from tests.image.dockerfile import Stage, lineage, read_stages

ROOT = Path(__file__).resolve().parents[2]
STAGES = read_stages(ROOT / "Dockerfile")
TARGETS = ("cpu", "gpu")
CLOUD_BUILD: dict[str, Any] = yaml.safe_load((ROOT / "cloudbuild.yaml").read_text(encoding="utf-8"))


def from_context(stage: Stage) -> list[str]:
    """What a stage copies from the checkout."""
    return [source for rest in stage.all("COPY") if not rest.startswith("--from=") for source in rest.split()[:-1]]


def is_ignored(name: str) -> bool:
    """Whether .dockerignore keeps a file from the build: the last line that fits decides."""
    answer = False
    for line in (ROOT / ".dockerignore").read_text().splitlines():
        pattern = line.removeprefix("!").replace("**/", "*")
        above = (name, *(str(parent) for parent in Path(name).parents))
        if line and not line.startswith("#") and any(fnmatch.fnmatch(part, pattern) for part in above):
            answer = not line.startswith("!")
    return answer


def test_what_is_copied_exists_and_is_not_ignored() -> None:
    sources = [source for stage in STAGES.values() for source in from_context(stage)]
    files = {source: list(ROOT.glob(source)) for source in sources}
    assert sources
    assert not [source for source in sources if not files[source]]
    assert not [path for paths in files.values() for path in paths if is_ignored(str(path.relative_to(ROOT)))]


@pytest.mark.parametrize(
    "name", [".git/config", "build/image/pip.conf", "tests/image/build.py", "my-key.json", ".venv/x"]
)
def test_nothing_else_of_the_checkout_reaches_the_build(name: str) -> None:
    assert is_ignored(name)
    assert is_ignored("components/x/__pycache__/x.pyc")
    assert not is_ignored("components/registry/executor.py")


def test_stages_are_there_where_others_take_from_them() -> None:
    taken = {
        name for stage in STAGES.values() for rest in stage.all("COPY") for name in re.findall(r"--from=(\S+)", rest)
    }
    assert taken == {"packages", "product", "tensorflow-cpu", "tensorflow-gpu"}
    assert taken < set(STAGES)
    assert list(STAGES)[-1] == "cpu"  # what a build without a target makes


@pytest.mark.parametrize("target", TARGETS)
def test_an_image_is_for_a_user_without_rights_and_leaves_the_command_to_the_runner(target: str) -> None:
    stages = lineage(STAGES, target)
    users = [user for stage in stages for user in stage.all("USER")]
    assert users == ["${USER_ID}"]
    assert "USER_ID=10001" in [argument for stage in stages for argument in stage.all("ARG")]
    assert not [word for stage in stages for word, _ in stage.instructions if word in ("ENTRYPOINT", "CMD")]
    assert any("TF_USE_LEGACY_KERAS=1" in rest.split() for stage in stages for rest in stage.all("ENV"))


@pytest.mark.parametrize("target", TARGETS)
def test_what_is_built_with_never_reaches_the_image(target: str) -> None:
    assert [stage.base for stage in lineage(STAGES, target)] == ["${BASE}", "runtime"]
    copied = [rest for stage in lineage(STAGES, target) for rest in stage.all("COPY")]
    assert copied[0] == "--from=packages /opt/ratchet /opt/ratchet"
    assert copied[1:] == [f"--from=tensorflow-{target} /tensorflow/ /", "--from=product /product/ /"]


def test_every_installation_is_held_to_hashes_or_has_no_index() -> None:
    installations = [
        command
        for stage in STAGES.values()
        for rest in stage.all("RUN")
        for command in re.split(r"&&|;", rest)
        if " pip " in command
    ]
    assert len(installations) == 4
    assert all("--no-deps" in command for command in installations)
    assert [command for command in installations if "--require-hashes" not in command] == [
        command for command in installations if "--no-index" in command
    ]


def test_the_schema_lies_where_compiled_pipelines_look_for_it() -> None:
    commands = " ".join(STAGES["product"].all("RUN"))
    assert f"--target-directory /product{IMAGE_DIRECTORY}/schemas schemas/*.pbtxt" in commands


def test_cloud_build_makes_tries_and_pushes_every_target_on_bases_by_digest() -> None:
    scripts = {step["id"]: step["script"] for step in CLOUD_BUILD["steps"]}
    assert list(scripts) == ["bases", "build", "try", "push"]
    assert re.findall(r"^build (\S+)", scripts["build"], re.MULTILINE) == list(TARGETS)
    given = set(re.findall(r"--build-arg (\w+)=", scripts["build"]))
    declared = {argument.split("=")[0] for stage in STAGES.values() for argument in stage.all("ARG")}
    assert given == {"PYTHON", "BASE", "BUILD_BASE", "REVISION"} <= declared
    assert "RepoDigests" in scripts["bases"]
    used = {name for script in scripts.values() for name in re.findall(r"\$\{?(_[A-Z_]+)", script)}
    assert used == set(CLOUD_BUILD["substitutions"])


def test_bases_of_the_dockerfile_and_of_cloud_build_are_the_same() -> None:
    defaults = dict(argument.split("=", 1) for argument in STAGES[""].all("ARG"))
    script = CLOUD_BUILD["steps"][0]["script"].replace("$_PYTHON", "${PYTHON}")
    assert f'pin base "${{_BASE:-{defaults["BASE"]}}}"' in script
    assert f'pin build-base "${{_BUILD_BASE:-{defaults["BUILD_BASE"]}}}"' in script
    assert CLOUD_BUILD["substitutions"]["_PYTHON"] == defaults["PYTHON"]


def test_cloud_build_knows_the_version_where_it_looks_for_it() -> None:
    [expression] = re.findall(r"sed -nE '(.*?)' ratchet/__init__\.py", CLOUD_BUILD["steps"][0]["script"])
    assert expression == r's/^__version__ = "(.*)"/\1/p'
    assert re.search(r'^__version__ = "(.*)"', (ROOT / "ratchet/__init__.py").read_text(), re.MULTILINE)
