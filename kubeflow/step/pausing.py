"""Stops a schedule whose runs fail one after the other."""

from __future__ import annotations

import re

from ratchet.kubeflow.schedules import ScheduleRef, pause
from ratchet.schemas.base.progress import LOGGER

# Inside of a cluster, where the exit handler of its runs is.
_KUBEFLOW = "http://ml-pipeline.kubeflow:8888"
_ON_VERTEX = re.compile(r"projects/([^/]+)/locations/([^/]+)/schedules/([^/]+)")


def pause_schedule(schedule: str | None, failures: int) -> None:
    """Pauses the schedule of a job, where one is named; what keeps it from that is told and changes nothing.

    Args:
        schedule: setting `kubeflow.schedule`.
        failures: how many runs have failed in a row.
    """
    if schedule is None:
        LOGGER.warning("%d runs failed in a row; name kubeflow.schedule, and it is paused then", failures)
        return
    try:
        pause(schedule_ref(schedule))
        LOGGER.warning("%d runs failed in a row: the schedule %s is paused", failures, schedule)
    except Exception as error:  # of a service; the failure of the run is the one to hear of
        LOGGER.warning("%d runs failed in a row, but %s could not be paused: %s", failures, schedule, error)


def schedule_ref(schedule: str) -> ScheduleRef:
    """Which schedule a setting means.

    Args:
        schedule: a resource name of Vertex AI; or name or id of a recurring run of the cluster that this runs in.

    >>> schedule_ref("projects/p/locations/europe-west4/schedules/7").target, schedule_ref("nightly").target
    ('vertex', 'kfp')
    """
    found = _ON_VERTEX.fullmatch(schedule)
    if found:
        return ScheduleRef("vertex", found[2], found[1], found[3])
    return ScheduleRef("kfp", _KUBEFLOW, "", schedule)
