"""Keeps pytest from importing TensorFlow and TFX when it looks for doctests, and the user's root out of the tests."""

import os

from tests.test_architecture import GLUE

collect_ignore = ["setup.py", *(f"{module.replace('.', '/')}.py" for module in sorted(GLUE))]
os.environ.pop("RATCHET_ROOT", None)
