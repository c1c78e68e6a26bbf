from __future__ import annotations

from tests.components.conftest import browser as browser
