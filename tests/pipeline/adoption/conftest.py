"""Fixtures of adoptions."""

from __future__ import annotations

from tests.pipeline.adoption.stubbed import adopting

__all__ = ["adopting"]
