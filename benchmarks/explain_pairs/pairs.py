"""All pairs."""

from __future__ import annotations

from benchmarks.explain_pairs.data_pairs import DATA_PAIRS
from benchmarks.explain_pairs.training_pairs import TRAINING_PAIRS

PAIRS = (*TRAINING_PAIRS, *DATA_PAIRS)
