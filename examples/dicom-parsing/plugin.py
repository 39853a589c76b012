"""Serves a summary of an instance on /dicom-summary/{id}: a worker process parses its file."""

import io
import json
import re
from typing import Any

import orthanc
import pydicom
from pool import PoolError, WorkerPool

WORKERS = 4
WAITING = 16  # calls that may wait for a worker
DEADLINE = 30  # seconds
ORTHANC_ID = re.compile("[0-9a-f]{8}(-[0-9a-f]{8}){4}")


# region parse
def parse(file: bytes) -> dict:
    """Summarises a DICOM file, in a worker, which must not use the orthanc module."""
    dataset = pydicom.dcmread(io.BytesIO(file))
    return {
        "transferSyntax": dataset.file_meta.TransferSyntaxUID,
        "sopClass": dataset.get("SOPClassUID"),
        "modality": dataset.get("Modality"),
        "rows": dataset.get("Rows"),
        "columns": dataset.get("Columns"),
        "frames": int(dataset.get("NumberOfFrames", 1)),
        "elements": len(dataset),
    }


# endregion

pool = WorkerPool(WORKERS, waiting=WAITING)


# region callback
def on_summary(output: orthanc.RestOutput, uri: str, **request: Any) -> None:
    """Answers GET /dicom-summary/{id}. The master fetches the file: a worker gets its bytes."""
    if request["method"] != "GET":
        output.SendMethodNotAllowed("GET")
        return
    # Whatever else goes into a path may make it another one.
    if not ORTHANC_ID.fullmatch(request["groups"][0]):
        send_json(output, 404, {"error": "no such instance"})
        return
    try:
        file = orthanc.RestApiGet(f"/instances/{request['groups'][0]}/file")
    except orthanc.OrthancException as error:
        if error.args[0] == orthanc.ErrorCode.UNKNOWN_RESOURCE:
            send_json(output, 404, {"error": "no such instance"})
        else:
            orthanc.LogWarning(f"Orthanc can't read {uri}: {error}")
            send_json(output, 502, {"error": "Orthanc can't read the instance's file"})
        return
    try:
        send_json(output, 200, pool.run(DEADLINE, parse, file))
    except PoolError as error:
        send_json(output, error.status, {"error": str(error)})
    except Exception as error:  # Broken DICOM makes pydicom raise nearly anything.
        orthanc.LogWarning(f"Can't parse {uri}: {error!r}")
        send_json(output, 422, {"error": "the instance's file can't be parsed"})


# endregion


def send_json(output: orthanc.RestOutput, status: int, value: dict) -> None:
    """Answers with a status and a JSON body."""
    body = json.dumps(value)
    if status == 200:
        output.AnswerBuffer(body, "application/json")
        return
    if status == 503:
        output.SetHttpHeader("Retry-After", "1")
    output.SetHttpHeader("Content-Type", "application/json")
    try:
        output.SendHttpStatus(status, body, len(body.encode()))
    except TypeError:  # Since release 5 of the plugin it takes two arguments.
        output.SendHttpStatus(status, body.encode())


def on_change(change: int, level: int, resource: str) -> None:
    """Ends the workers with Orthanc."""
    if change == orthanc.ChangeType.ORTHANC_STOPPED:
        pool.close()


orthanc.RegisterRestCallback("/dicom-summary/([^/]+)", on_summary)
orthanc.RegisterOnChangeCallback(on_change)
