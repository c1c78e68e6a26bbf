"""The lease of a pipeline root, as a job holds it whose steps are processes of their own."""

from __future__ import annotations

# From one step to the next a job may wait for a machine. Whoever dies is waited for as long; what is served is safe all
# the same, for a publication compares and swaps.
LEASE_S = 2 * 3600.0
RENEWED_S = 300.0


def holder_of(run_id: str) -> str:
    """The job as a holder of the lease: the same from every one of its steps."""
    return f"job {run_id}"
