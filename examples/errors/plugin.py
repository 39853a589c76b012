"""Serves a patient's name on /patient-names/INSTANCE: each error gets a status and a reason."""

import json
import re
import traceback
from typing import Any

import orthanc

# Before release 3.3 of the plugin, Orthanc's errors were ValueErrors.
OrthancException = getattr(orthanc, "OrthancException", ValueError)


# region lookup
# An id of Orthanc's. Anything else may lead to another route when it goes into a path.
ORTHANC_ID = re.compile("[0-9a-f]{8}(-[0-9a-f]{8}){4}")


def patient_name(instance: str) -> str:
    """Gives the PatientName of an instance; raises OrthancException, or KeyError if it has none."""
    tags = json.loads(orthanc.RestApiGet(f"/instances/{instance}/simplified-tags"))
    return tags["PatientName"]


# endregion


# region callback
def on_patient_name(output: orthanc.RestOutput, uri: str, **request: Any) -> None:
    """Answers GET /patient-names/INSTANCE."""
    if request["method"] != "GET":
        output.SendMethodNotAllowed("GET")
        return
    instance = request["groups"][0]
    if not ORTHANC_ID.fullmatch(instance):
        send_json(output, 404, {"error": "there is no such instance"})
        return
    try:
        send_json(output, 200, {"PatientName": patient_name(instance)})
    except KeyError:
        send_json(output, 404, {"error": "the instance has no PatientName"})
    except OrthancException as error:
        if error.args[0] == orthanc.ErrorCode.UNKNOWN_RESOURCE:
            send_json(output, 404, {"error": "there is no such instance"})
        else:
            orthanc.LogError(f"{uri}: {error}")
            send_json(output, 502, {"error": "Orthanc could not read the instance"})
    except Exception:
        # What nobody expected: the details are for the log, not for the client.
        orthanc.LogError(f"{uri}: {traceback.format_exc()}")
        send_json(output, 500, {"error": "the plugin has failed"})


# endregion


def send_json(output: orthanc.RestOutput, status: int, value: object) -> None:
    """Answers with a status and a JSON body."""
    body = json.dumps(value)
    if status == 200:
        output.AnswerBuffer(body, "application/json")
    else:
        output.SetHttpHeader("Content-Type", "application/json")
        try:
            output.SendHttpStatus(status, body, len(body.encode()))
        except TypeError:  # Since release 5 of the plugin it takes two arguments.
            output.SendHttpStatus(status, body.encode())


orthanc.RegisterRestCallback("/patient-names/([^/]+)", on_patient_name)
