"""Keeps pytest from importing TensorFlow and TFX when it looks for doctests, and the user's root out of the tests."""

import os

import pytest

from tests.nightly import choose_profile
from tests.test_architecture import GLUE

collect_ignore = ["setup.py", *(f"{module.replace('.', '/')}.py" for module in sorted(GLUE))]
os.environ.pop("RATCHET_ROOT", None)
choose_profile()

_ONE_ROOT = "tests/e2e/"  # what these tests look at is trained once


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """With several processes (pytest-xdist's `--dist loadgroup`), what shares a fixture stays in one of them."""
    for item in items:
        file = item.nodeid.partition("::")[0]
        item.add_marker(pytest.mark.xdist_group(_ONE_ROOT if file.startswith(_ONE_ROOT) else file))
