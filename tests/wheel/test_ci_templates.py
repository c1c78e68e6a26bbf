"""The steps of action.yml and templates/gate.yml, run in a shell as they are written."""

from __future__ import annotations

import json
import re
import subprocess
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import yaml

from tests.wheel.conftest import ROOT, Installed, bare_environment

ACTION = yaml.safe_load((ROOT / "action.yml").read_text())
GITLAB_SPEC, GITLAB = yaml.safe_load_all((ROOT / "templates/gate.yml").read_text())
CATEGORIES = [{"id": 1, "name": "cat"}, {"id": 2, "name": "a|b"}]
BOXES = {1: [10, 10, 40, 40], 2: [60, 60, 30, 30]}


def truth(images: int = 120) -> dict[str, Any]:
    """Images with a cat and another object each."""
    boxes = [(image, category, BOXES[category]) for image in range(images) for category in BOXES]
    return {
        "images": [{"id": i, "file_name": f"{i:04}.jpg", "width": 100, "height": 100} for i in range(images)],
        "categories": CATEGORIES,
        "annotations": [
            {"id": n, "image_id": image, "category_id": category, "bbox": box, "area": box[2] * box[3], "iscrowd": 0}
            for n, (image, category, box) in enumerate(boxes, start=1)
        ],
    }


def found(of: dict[str, Any], missed: int = 0) -> list[dict[str, Any]]:
    """All objects, without those of the first images; scores fall from image to image."""
    kept = ("image_id", "category_id", "bbox")
    seen = [one for one in of["annotations"] if one["image_id"] >= missed]
    return [{**{key: one[key] for key in kept}, "score": 1 - one["id"] / 1000} for one in seen]


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """A repository whose candidate misses a third of what the baseline finds."""
    (tmp_path / "gt.json").write_text(json.dumps(truth()))
    (tmp_path / "good results.json").write_text(json.dumps(found(truth(), missed=4)))
    (tmp_path / "bad.json").write_text(json.dumps(found(truth(), missed=40)))
    return tmp_path


def run(lines: str, directory: Path, environment: Mapping[str, str], *shell: str) -> subprocess.CompletedProcess[str]:
    given = {**bare_environment(), **environment}
    return subprocess.run([*shell, lines], cwd=directory, env=given, capture_output=True, text=True, check=False)


class TestGitHub:
    @staticmethod
    def evaluate(light: Installed, workspace: Path, **given: str) -> subprocess.CompletedProcess[str]:
        step = next(step for step in ACTION["runs"]["steps"] if step.get("id") == "evaluate")
        inputs = {name: about.get("default", "") for name, about in ACTION["inputs"].items()} | given
        (workspace / "temp").mkdir(exist_ok=True)
        if not (workspace / "temp/ratchet").exists():
            (workspace / "temp/ratchet").symlink_to(light.directory)
        environment = {
            **{name: expanded(text, inputs) for name, text in step["env"].items()},
            "RUNNER_TEMP": str(workspace / "temp"),
            "GITHUB_STEP_SUMMARY": str(workspace / "shown.md"),
            "GITHUB_OUTPUT": str(workspace / "output"),
        }
        # As GitHub starts `shell: bash`.
        return run(step["run"], workspace, environment, "bash", "--noprofile", "--norc", "-eo", "pipefail", "-c")

    def test_a_fall_of_map_fails_the_step_and_says_why(self, light: Installed, workspace: Path) -> None:
        files = {"gt": "gt.json", "dt": "bad.json", "baseline-dt": "good results.json"}
        done = self.evaluate(light, workspace, **files)
        assert done.returncode == 3, done.stderr
        assert "BLOCKED" in (workspace / "shown.md").read_text().splitlines()[0]
        assert (workspace / "output").read_text() == "verdict=BLOCKED\n"
        assert (workspace / "ratchet-report/index.html").is_file()

    def test_a_candidate_alone_passes(self, light: Installed, workspace: Path) -> None:
        done = self.evaluate(light, workspace, gt="gt.json", dt="bad.json", report="reports/map")
        assert done.returncode == 0, done.stderr
        assert (workspace / "output").read_text() == "verdict=BOOTSTRAPPED\n"
        assert (workspace / "reports/map/summary.md").read_text() == (workspace / "shown.md").read_text()

    def test_settings_are_passed_on(self, light: Installed, workspace: Path) -> None:
        files = {"gt": "gt.json", "dt": "good results.json", "baseline-dt": "good results.json"}
        done = self.evaluate(light, workspace, **files, set="evaluator.margin=0.02\nevaluator.floor=2\n")
        assert done.returncode == 2
        assert "evaluator.floor" in done.stderr

    def test_which_image_ids_are_meant_is_passed_on(self, light: Installed, workspace: Path) -> None:
        done = self.evaluate(light, workspace, gt="gt.json", dt="bad.json", **{"dt-ids": "names"})
        assert done.returncode == 2
        assert "--dt-ids: invalid choice: 'names'" in done.stderr

    def test_bad_input_fails_the_step_without_another_ones_summary(self, light: Installed, workspace: Path) -> None:
        self.evaluate(light, workspace, gt="gt.json", dt="bad.json")
        (workspace / "shown.md").unlink()
        (workspace / "output").unlink()
        done = self.evaluate(light, workspace, gt="gt.json", dt="none.json")
        assert done.returncode == 2
        assert "none.json" in done.stderr
        assert (workspace / "shown.md").read_text().startswith("## mAP was not measured\n\n    ratchet: ")
        assert not (workspace / "output").exists()

    def test_a_name_in_the_data_gives_the_runner_no_command(self, light: Installed, workspace: Path) -> None:
        named = truth() | {"categories": [{"id": 1, "name": "::add-mask::0"}, {"id": 2, "name": "dog"}]}
        (workspace / "gt.json").write_text(json.dumps(named))
        done = self.evaluate(light, workspace, gt="gt.json", dt="bad.json")
        first, *lines = done.stdout.splitlines()
        token = first.removeprefix("::stop-commands::")
        assert token != first
        assert lines[-1] == f"::{token}::"
        assert any(line.startswith("::add-mask::0") for line in lines)

    def test_names_of_files_may_begin_with_a_dash(self, light: Installed, workspace: Path) -> None:
        (workspace / "bad.json").rename(workspace / "-d.json")
        assert self.evaluate(light, workspace, gt="gt.json", dt="-d.json").returncode == 0

    def test_what_is_given_is_not_run(self, light: Installed, workspace: Path) -> None:
        done = self.evaluate(light, workspace, gt="gt.json", dt='$(touch hacked)"; touch hacked #')
        assert done.returncode == 2
        assert not (workspace / "hacked").exists()

    def test_no_step_lets_github_put_text_into_a_script(self) -> None:
        assert not [step for step in ACTION["runs"]["steps"] if "${{" in step.get("run", "")]

    def test_every_input_is_used(self) -> None:
        used = set(re.findall(r"inputs\.([\w-]+)", json.dumps(ACTION["runs"])))
        assert used == set(ACTION["inputs"])


def expanded(text: str, inputs: Mapping[str, str]) -> str:
    """What GitHub makes of `${{ inputs.NAME }}`."""
    return re.sub(r"\$\{\{ inputs\.([\w-]+) \}\}", lambda match: inputs[match[1]], text)


class TestGitLab:
    @staticmethod
    def job(**given: str) -> dict[str, Any]:
        about = GITLAB_SPEC["spec"]["inputs"]
        inputs = {name: one.get("default") for name, one in about.items()} | given
        assert None not in inputs.values()
        in_json = {name: json.dumps(value)[1:-1] for name, value in inputs.items()}
        text = re.sub(r"\$\[\[ inputs\.([\w-]+) \]\]", lambda match: in_json[match[1]], json.dumps(GITLAB))
        return json.loads(text)["map-gate"]

    @pytest.mark.parametrize("shell", ["sh", "bash"])
    def test_a_fall_of_map_fails_the_job_which_keeps_the_report(
        self, light: Installed, workspace: Path, shell: str
    ) -> None:
        files = {"gt": "gt.json", "dt": "bad.json", "baseline-dt": "good results.json"}
        job = self.job(**files, ratchet="unused", report="out")
        (workspace / ".ratchet").symlink_to(light.directory)
        done = run("\n".join(job["script"]), workspace, job["variables"], shell, "-ec")
        assert done.returncode == 3, done.stderr
        kept = [*job["artifacts"]["paths"], job["artifacts"]["reports"]["junit"]]
        assert all((workspace / path).exists() for path in kept)
        suite = ElementTree.parse(workspace / "out/junit.xml").getroot()
        assert list(suite.iter("failure"))

    def test_which_image_ids_are_meant_is_passed_on(self, light: Installed, workspace: Path) -> None:
        job = self.job(gt="gt.json", dt="bad.json", ratchet="unused", **{"dt-ids": "names"})
        (workspace / ".ratchet").symlink_to(light.directory)
        done = run("\n".join(job["script"]), workspace, job["variables"], "sh", "-ec")
        assert done.returncode == 2
        assert "--dt-ids: invalid choice: 'names'" in done.stderr

    @pytest.mark.parametrize("shell", ["sh", "bash"])
    def test_settings_are_passed_on(self, light: Installed, workspace: Path, shell: str) -> None:
        settings = "evaluator.margin=0.02\nevaluator.floor=$(id)"
        job = self.job(gt="gt.json", dt="bad.json", ratchet="unused", set=settings)
        (workspace / ".ratchet").symlink_to(light.directory)
        done = run("\n".join(job["script"]), workspace, job["variables"], shell, "-ec")
        assert done.returncode == 2
        assert "evaluator.floor" in done.stderr

    def test_a_candidate_alone_passes(self, light: Installed, workspace: Path) -> None:
        job = self.job(gt="gt.json", dt="bad.json", ratchet="unused")
        (workspace / ".ratchet").symlink_to(light.directory)
        done = run("\n".join(job["script"]), workspace, job["variables"], "sh", "-ec")
        assert done.returncode == 0, done.stderr

    def test_ratchet_is_installed_from_what_is_given(self, workspace: Path) -> None:
        job = self.job(gt="gt.json", dt="bad.json", ratchet=str(wheel_of_its_name(workspace)))
        done = run("\n".join(job["before_script"]), workspace, job["variables"], "sh", "-ec")
        assert done.returncode == 0, done.stderr
        assert (workspace / ".ratchet/bin/ratchet").is_file()


def wheel_of_its_name(directory: Path) -> Path:
    """A wheel with nothing but the command, for the whole one is built and installed by `light`."""
    wheel, about = directory / "ratchet_detector-1-py3-none-any.whl", "ratchet_detector-1.dist-info"
    files = {
        "ratchet.py": "main = print\n",
        f"{about}/METADATA": "Metadata-Version: 2.1\nName: ratchet-detector\nVersion: 1\n",
        f"{about}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{about}/entry_points.txt": "[console_scripts]\nratchet = ratchet:main\n",
    }
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
        archive.writestr(f"{about}/RECORD", "".join(f"{name},,\n" for name in [*files, f"{about}/RECORD"]))
    return wheel
