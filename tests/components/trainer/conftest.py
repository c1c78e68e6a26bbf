from __future__ import annotations

import pytest

from tests.components.trainer.spans import write_examples


@pytest.fixture(scope="session")
def first_span(tmp_path_factory: pytest.TempPathFactory) -> str:
    """URI of the examples of a span of 80 scenes."""
    return write_examples(tmp_path_factory.mktemp("spans"), 1, 80)


@pytest.fixture(scope="session")
def second_span(tmp_path_factory: pytest.TempPathFactory) -> str:
    """URI of the examples of a span of 60 darker scenes."""
    return write_examples(tmp_path_factory.mktemp("spans"), 2, 60, lighting=0.5)
