from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any


class Signer:
    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Signer | None:
        return None

    def sign(self, kind: str, values: Mapping[str, Any]) -> str:
        return ""

    def check(self, kind: str, values: Mapping[str, Any], signature: str | None, what: str) -> None:
        pass
