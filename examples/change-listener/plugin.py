"""Reads the tags of each new instance; GET /change-listener reports them."""

import json
import threading
from typing import Any

import orthanc
from listener import Listener
from routes import route

# region state
KEPT = 100  # instances that are remembered
state: dict = {"listening": False, "handled": 0, "missed": 0}
last: dict = {}
counting = threading.Lock()


def handle(id: str) -> None:
    """Remembers what an instance is."""
    tags = json.loads(orthanc.RestApiGet(f"/instances/{id}/simplified-tags"))
    patient, modality = tags.get("PatientID", ""), tags.get("Modality", "")
    last[id] = {"patient": patient, "modality": modality}
    for old in list(last)[:-KEPT]:
        del last[old]
    state["handled"] += 1


def miss(id: str, reason: str) -> None:
    """Counts and logs an instance that is not handled."""
    with counting:
        state["missed"] += 1
    orthanc.LogWarning(f"Instance {id} is not handled: {reason}")


listener = Listener(handle, miss)
# endregion


# region callback
def on_stored_instance(instance: orthanc.DicomInstance, id: str) -> None:
    listener.put(id)


def on_change(change: int, level: int, resource: str) -> None:
    """Starts and ends the thread with Orthanc."""
    if change == orthanc.ChangeType.ORTHANC_STARTED:
        listener.start()
        state["listening"] = True
    elif change == orthanc.ChangeType.ORTHANC_STOPPED:
        listener.stop()


@route("GET", "/change-listener")
def on_change_listener(**request: Any) -> dict:
    return {**state, "last": dict(last)}


orthanc.RegisterOnStoredInstanceCallback(on_stored_instance)
orthanc.RegisterOnChangeCallback(on_change)
# endregion
