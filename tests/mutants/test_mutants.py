"""The list of mutants fits the code; trying them takes minutes and is `make mutants`."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.mutants.mutant import LostMutantError, Mutant, lost_because, mutated
from tests.mutants.mutants import MUTANTS
from tests.mutants.run import NOTICED, SURVIVED, TREE, Copies


def test_every_mutant_still_fits_the_code() -> None:
    lost = list(filter(None, (lost_because(mutant, TREE) for mutant in MUTANTS)))
    assert not lost, "\n".join(lost)


def test_no_mutant_is_there_twice() -> None:
    assert len({(mutant.path, mutant.original, mutant.replacement) for mutant in MUTANTS}) == len(MUTANTS)


def tree_with(tmp_path: Path, code: str) -> Path:
    (tmp_path / "components").mkdir()
    (tmp_path / "components/__init__.py").touch()  # or a checkout's own, later on the path, would come first
    (tmp_path / "components/gate.py").write_text(code)
    (tmp_path / "test_gate.py").write_text(
        "from components.gate import is_pushed\n\n\ndef test_a_fall_is_blocked():\n    assert not is_pushed(0.4, 0.5)\n"
    )
    return tmp_path


GATE = "def is_pushed(new, old):\n    return new >= old\n"


def mutant(original: str, replacement: str) -> Mutant:
    return Mutant("components/gate.py", original, replacement, "a regression is blocked", ("test_gate.py",))


@pytest.mark.parametrize(
    ("original", "replacement", "why"),
    [
        ("new > old", "new < old", "0 places have this code, not 1; mend the list"),
        ("new", "old", "2 places have this code"),
        ("return new >= old", "return new >=", "no Python"),
        ("new >= old", "(new >= old)", "changes no code"),
    ],
)
def test_a_mutant_that_no_longer_fits_is_named(tmp_path: Path, original: str, replacement: str, why: str) -> None:
    with pytest.raises(LostMutantError, match=rf"components/gate.py: .*{why}"):
        mutated(mutant(original, replacement), tree_with(tmp_path, GATE))


def test_code_that_moved_is_found_elsewhere(tmp_path: Path) -> None:
    tree = tree_with(tmp_path, GATE)
    (tree / "components/gate.py").rename(tree / "components/door.py")
    (tree / "components/gate.py").write_text("")
    with pytest.raises(LostMutantError, match=r"found in components/door.py"):
        mutated(mutant("new >= old", "new <= old"), tree)


def test_a_mutant_that_breaks_its_promise_is_noticed_and_another_survives(tmp_path: Path) -> None:
    (tmp_path / "tree").mkdir()
    tree = tree_with(tmp_path / "tree", GATE)
    subprocess.run(["git", "init", "-q"], cwd=tree, check=True)
    copies = Copies(tree, tmp_path / "copies", 1)

    def outcome(tried: Mutant | None) -> str:
        return copies.try_out(tried, ["test_gate.py"]).what

    assert outcome(None) == SURVIVED
    assert outcome(mutant("new >= old", "new <= old")) == NOTICED
    assert outcome(mutant("new >= old", "new > old")) == SURVIVED
    assert outcome(mutant("def is_pushed", "def is_served")).startswith("could not be tried")
    assert (tmp_path / "copies/0/components/gate.py").read_text() == GATE
