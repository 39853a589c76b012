"""Reads the tags of each instance that Orthanc stores; GET /change-listener tells of the last ones.

The callback runs inside the core while the sender waits, so a thread does the work.
"""

import json
import queue
import threading
from contextlib import suppress
from typing import Any, Optional

import orthanc

WAITING = 1000  # Instances that may wait for the thread.
KEPT = 100  # Instances that are remembered.
STOP_GRACE = 2  # seconds that the instance at hand has when Orthanc stops

# region state
state: dict = {"listening": False, "handled": 0, "missed": 0}
last: dict = {}
counting = threading.Lock()


def handle(id: str) -> None:
    """Remembers what an instance is."""
    tags = json.loads(orthanc.RestApiGet(f"/instances/{id}/simplified-tags"))
    last[id] = {"patient": tags.get("PatientID", ""), "modality": tags.get("Modality", "")}
    for old in list(last)[:-KEPT]:
        del last[old]
    state["handled"] += 1


# endregion


# region listen
waiting: "queue.Queue[Optional[str]]" = queue.Queue(WAITING)
stopping = threading.Event()


def on_stored_instance(instance: orthanc.DicomInstance, id: str) -> None:
    """Hands the instance to the thread, and never waits: all who send would wait, too."""
    try:
        waiting.put_nowait(id)
    except queue.Full:
        miss(id, "too many instances are waiting")


def work() -> None:
    """Handles instances one after another, until Orthanc stops."""
    while True:
        id = waiting.get()
        if id is None or stopping.is_set():
            break
        try:
            handle(id)
        except Exception as error:  # The instance may be deleted by now.
            miss(id, repr(error))


def miss(id: str, why: str) -> None:
    """Says that an instance is not handled."""
    with counting:
        state["missed"] += 1
    orthanc.LogWarning(f"Instance {id} is not handled: {why}")


def stop() -> None:
    """Ends the thread after the instance at hand."""
    stopping.set()
    left = waiting.qsize()
    with suppress(queue.Full):  # Then the thread is not asleep.
        waiting.put_nowait(None)
    thread.join(STOP_GRACE)
    if left:
        orthanc.LogWarning(f"Orthanc stops: {left} instances are not handled")


# endregion


# region callback
def on_change(change: int, level: int, resource: str) -> None:
    """Starts and ends the thread with Orthanc."""
    if change == orthanc.ChangeType.ORTHANC_STARTED:
        thread.start()
        state["listening"] = True
    elif change == orthanc.ChangeType.ORTHANC_STOPPED:
        stop()


def on_change_listener(output: orthanc.RestOutput, uri: str, **request: Any) -> None:
    """Answers GET /change-listener."""
    if request["method"] != "GET":
        output.SendMethodNotAllowed("GET")
        return
    output.AnswerBuffer(json.dumps({**state, "last": dict(last)}), "application/json")


# endregion

thread = threading.Thread(target=work, daemon=True)
orthanc.RegisterOnStoredInstanceCallback(on_stored_instance)
orthanc.RegisterRestCallback("/change-listener", on_change_listener)
orthanc.RegisterOnChangeCallback(on_change)
