from __future__ import annotations

import io
import logging
import subprocess
import sys
from pathlib import Path

from ratchet.pipeline.terminal.console import progress_on, steps_announced
from ratchet.schemas.base.progress import LOGGER


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_on_a_terminal_a_transient_line_is_overwritten() -> None:
    stream = Terminal()
    with progress_on(stream):
        LOGGER.info("training 1/2", extra={"transient": True})
        LOGGER.info("training 2/2")
    assert stream.getvalue() == "\r\x1b[Ktraining 1/2\r\x1b[Ktraining 2/2\n"


def test_in_a_file_transient_lines_come_every_ten_seconds_and_others_always() -> None:
    stream = io.StringIO()
    with progress_on(stream):
        for done in range(50):
            LOGGER.info("training %d/50", done, extra={"transient": True})
        LOGGER.info("done")
    assert stream.getvalue().splitlines() == ["done"]


def test_steps_are_announced_in_their_place() -> None:
    stream = io.StringIO()
    with progress_on(stream), steps_announced(["Gen", "Trainer"]):
        logging.getLogger("absl").warning("Component %s is running.", "Trainer")
        logging.getLogger("absl").warning("Component %s is finished.", "Trainer")
    assert stream.getvalue() == "[2/2] Trainer\n"


def test_noise_from_python_and_from_c_goes_to_the_log_and_progress_to_the_terminal(tmp_path: Path) -> None:
    code = f"""
import os, sys
from pathlib import Path
from ratchet.pipeline.terminal.console import output_to, own_stderr, progress_on
from ratchet.schemas.base.progress import LOGGER
with own_stderr() as console, progress_on(console):
    with output_to(Path({str(tmp_path / "log.txt")!r})):
        os.write(2, b"from C\\n"); print("from Python"); sys.stderr.write("from stderr\\n")
        LOGGER.info("progress")
    print("result")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("result\n", "progress\n")
    assert {"from C", "from Python", "from stderr"} <= set((tmp_path / "log.txt").read_text().splitlines())


def test_a_log_handler_made_during_one_run_still_works_in_the_next(tmp_path: Path) -> None:
    code = f"""
import logging
from pathlib import Path
from ratchet.pipeline.terminal.console import output_to
for run in (1, 2):
    with output_to(Path({str(tmp_path)!r}, str(run))):
        logging.basicConfig()
        logging.warning("run %d", run)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    assert [(tmp_path / name).read_text() for name in "12"] == ["WARNING:root:run 1\n", "WARNING:root:run 2\n"]
