"""Serves a patient's name on /patient-names/{id}, or a status and a reason."""

import json
import re
from typing import Any

import orthanc
from routes import HttpError, route

# Before release 3.3 of the plugin, Orthanc's errors were ValueErrors.
OrthancException = getattr(orthanc, "OrthancException", ValueError)


# region lookup
# Anything else may lead to another route when it goes into a path.
ORTHANC_ID = re.compile("[0-9a-f]{8}(-[0-9a-f]{8}){4}")


def patient_name(instance: str) -> str:
    """The PatientName of an instance. Raises OrthancException or KeyError."""
    tags = orthanc.RestApiGet(f"/instances/{instance}/simplified-tags")
    return json.loads(tags)["PatientName"]


# endregion


# region callback
@route("GET", "/patient-names/([^/]+)")
def on_patient_name(instance: str, **request: Any) -> dict:
    """Answers with the name. What is not caught here is answered with 500."""
    if not ORTHANC_ID.fullmatch(instance):
        raise HttpError(404, "no such instance")
    try:
        return {"PatientName": patient_name(instance)}
    except KeyError as error:
        raise HttpError(404, "the instance has no PatientName") from error
    except OrthancException as error:
        if error.args[0] == orthanc.ErrorCode.UNKNOWN_RESOURCE:
            raise HttpError(404, "no such instance") from error
        orthanc.LogError(f"Orthanc can't read instance {instance}: {error}")
        raise HttpError(502, "Orthanc can't read the instance") from error


# endregion
