"""Keeps pytest from importing TensorFlow and TFX when it looks for doctests."""

from tests.test_architecture import GLUE

collect_ignore = ["setup.py", *(f"{module.replace('.', '/')}.py" for module in sorted(GLUE))]
