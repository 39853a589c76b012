"""Looks every second at what Orthanc has stored; GET /scheduled-task tells what it saw last."""

import json
import threading
from typing import Any

import orthanc

PERIOD = 1  # seconds from the end of one run to the start of the next
STOP_GRACE = 2  # seconds that a run has to end in when Orthanc stops


# region task
def look() -> dict:
    """Counts what Orthanc has stored; raises what `orthanc` does where it gives no answer."""
    statistics = json.loads(orthanc.RestApiGet("/statistics"))
    return {"studies": statistics["CountStudies"], "instances": statistics["CountInstances"]}


# endregion


# region schedule
seen: dict = {"runs": 0, "failures": 0, "error": None, "studies": None, "instances": None}
arming = threading.Lock()
timer = threading.Timer(0, lambda: None)
stopped = False


def run() -> None:
    """Runs the task once and arms the timer for the next run, however this one ends."""
    try:
        update = {**look(), "error": None}
    except Exception as error:
        if seen["error"] is None:  # Only the first of several in a row fills the log.
            orthanc.LogWarning(f"The scheduled task has failed and is tried again: {error!r}")
        update = {"failures": seen["failures"] + 1, "error": "the last run has failed"}
    seen.update(update, runs=seen["runs"] + 1)
    arm()


def arm() -> None:
    """Starts the timer, unless Orthanc stops."""
    global timer
    with arming:
        if not stopped:
            timer = threading.Timer(PERIOD, run)
            timer.daemon = True
            timer.start()


def cancel() -> None:
    """Ends the schedule, and waits for a run that is under way."""
    global stopped
    with arming:
        stopped = True
        timer.cancel()
    if timer.is_alive():
        timer.join(STOP_GRACE)


# endregion


# region callback
def on_change(change: int, level: int, resource: str) -> None:
    """Starts and ends the schedule with Orthanc."""
    if change == orthanc.ChangeType.ORTHANC_STARTED:
        arm()
    elif change == orthanc.ChangeType.ORTHANC_STOPPED:
        cancel()


def on_scheduled_task(output: orthanc.RestOutput, uri: str, **request: Any) -> None:
    """Answers GET /scheduled-task."""
    if request["method"] != "GET":
        output.SendMethodNotAllowed("GET")
        return
    output.AnswerBuffer(json.dumps(seen), "application/json")


# endregion

orthanc.RegisterRestCallback("/scheduled-task", on_scheduled_task)
orthanc.RegisterOnChangeCallback(on_change)
