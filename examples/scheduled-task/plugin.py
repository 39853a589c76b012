"""Counts every second what Orthanc has stored, for GET /scheduled-task."""

import json
from typing import Any

import orthanc
from routes import route
from schedule import Schedule

PERIOD = 1  # seconds from the end of one run to the start of the next
state: dict = {"runs": 0, "failures": 0, "error": None}
state.update(studies=None, instances=None)


# region task
def count() -> dict:
    """Counts what Orthanc has stored. Raises what `orthanc` raises."""
    found = json.loads(orthanc.RestApiGet("/statistics"))
    studies, instances = found["CountStudies"], found["CountInstances"]
    return {"studies": studies, "instances": instances}


def run() -> None:
    """Runs the task once. An exception must not end the schedule."""
    try:
        update = {**count(), "error": None}
    except Exception as error:
        if state["error"] is None:  # Only the first in a row fills the log.
            orthanc.LogWarning(f"The task has failed: {error!r}")
        failures = state["failures"] + 1
        update = {"failures": failures, "error": "the last run has failed"}
    state.update(update, runs=state["runs"] + 1)


# endregion


# region callback
def on_change(change: int, level: int, resource: str) -> None:
    """Starts and ends the schedule with Orthanc."""
    if change == orthanc.ChangeType.ORTHANC_STARTED:
        schedule.arm()
    elif change == orthanc.ChangeType.ORTHANC_STOPPED:
        schedule.cancel()


@route("GET", "/scheduled-task")
def on_scheduled_task(**request: Any) -> dict:
    """Answers with the latest numbers."""
    return state


# endregion

schedule = Schedule(PERIOD, run)
orthanc.RegisterOnChangeCallback(on_change)
