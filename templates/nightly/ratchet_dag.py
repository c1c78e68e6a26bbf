"""A night of Ratchet as a DAG of Airflow 3 or 2: copy it among the DAGs, and correct the paths; docs/nightly.md."""

from __future__ import annotations

import datetime
import os
from typing import Any

try:
    from airflow.sdk import DAG, BaseOperator
except ImportError:  # Airflow 2
    from airflow import DAG
    from airflow.models.baseoperator import BaseOperator
from airflow.exceptions import AirflowException, AirflowFailException, AirflowSkipException
from airflow.providers.standard.hooks.subprocess import SubprocessHook

HOME = os.environ.get("RATCHET_HOME", "/srv/ratchet")
COMMAND = (f"{HOME}/.venv/bin/ratchet", "run", "--data", f"{HOME}/spans", "--root", f"{HOME}/root", "--only-new")
VERDICTS = {3: "BLOCKED or INCONCLUSIVE: the model that was served stays", 4: "DATA_REJECTED: nothing was trained"}


class RatchetRun(BaseOperator):
    """One `ratchet run`; what its exit codes mean to Airflow.

    0       success: pushed, or nothing new
    3, 4    skipped, and with it what follows: a verdict is no failure, and to repeat it gives the same one
    2       failed without another try: a person has to mend something
    else    failed: the next try goes on from the step that was running
    """

    def execute(self, context: Any) -> None:
        """Runs the command; its lines are the task's log."""
        self._hook = SubprocessHook()
        code = self._hook.run_command(list(COMMAND), cwd=HOME).exit_code
        if code in VERDICTS:
            raise AirflowSkipException(VERDICTS[code])
        if code == 2:
            raise AirflowFailException("exit code 2: to be mended, see the last line of the log")
        if code != 0:
            raise AirflowException(f"exit code {code}: the next try goes on from the step that was running")

    def on_kill(self) -> None:
        """Airflow ends the task: SIGTERM, on which a training saves its state."""
        self._hook.send_sigterm()


with DAG(
    dag_id="ratchet_nightly",
    description="Retrain the detector if a span was delivered",
    schedule="0 2 * * *",
    start_date=datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc),
    catchup=False,  # a run trains on the newest span in any case
    max_active_runs=1,  # a second one would find the root in use
    default_args={"retries": 2, "retry_delay": datetime.timedelta(minutes=10)},
) as dag:
    RatchetRun(task_id="retrain")
