from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.lock import locked
from schemas.errors import StateError


def test_a_second_process_is_kept_out_of_a_root_by_the_first(tmp_path: Path) -> None:
    code = (
        "import sys\nfrom pathlib import Path\nfrom pipeline.lock import locked\n"
        f"with locked(Path({str(tmp_path)!r})):\n    print('locked', flush=True)\n    sys.stdin.read()"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdin=-1, stdout=-1, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "locked\n"
        with pytest.raises(StateError, match=f"process {other.pid} is working in it"), locked(tmp_path):
            pass
        other.communicate("")
    with locked(tmp_path):
        pass
