"""What it costs to import the diagnosis: the page, `ratchet bench` and the step all do."""

from __future__ import annotations

import subprocess
import sys

from tests.pipeline.cli.test_start import cpu_s
from tests.test_architecture import HEAVY, ROOT

IMPORT = "import ratchet.components.diagnosis.diagnose, ratchet.components.diagnosis.reading"
WATCHED = sorted({*HEAVY, "scipy", "pandas", "sklearn", "matplotlib", "yaml", "PIL", "requests", "tabulate", "asyncio"})
OF_NUMPY = 5.0  # times what `import numpy` takes, which a machine that is busy slows down alike; idle it is 2.6 times
TRIES = 3  # of which one is enough: nothing but another process makes a start take longer


def test_nothing_heavy_is_imported() -> None:
    code = f"import sys\n{IMPORT}\nprint(*(name for name in {WATCHED!r} if name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_the_import_takes_no_more_than_a_few_times_what_numpy_takes() -> None:
    assert any(cpu_s(IMPORT) < OF_NUMPY * cpu_s("import numpy") for _ in range(TRIES))
