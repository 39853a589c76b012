"""Serves a summary of an instance on /dicom-summary/{id}, parsed by a worker."""

import re
from typing import Any

import orthanc
from pool import PoolError, WorkerPool
from routes import HttpError, route
from worker import parse

WORKERS = 4
WAITING = 16  # calls that may wait for a worker
DEADLINE = 30  # seconds
# Anything else may lead to another route when it goes into a path.
ORTHANC_ID = re.compile("[0-9a-f]{8}(-[0-9a-f]{8}){4}")

pool = WorkerPool(WORKERS, waiting=WAITING)


# region callback
@route("GET", "/dicom-summary/([^/]+)")
def on_summary(id: str, **request: Any) -> dict:
    """Summarises an instance: the callback reads its file, a worker parses it."""
    if not ORTHANC_ID.fullmatch(id):
        raise HttpError(404, "no such instance")
    try:
        file = orthanc.RestApiGet(f"/instances/{id}/file")
    except orthanc.OrthancException as error:
        if error.args[0] == orthanc.ErrorCode.UNKNOWN_RESOURCE:
            raise HttpError(404, "no such instance") from error
        orthanc.LogWarning(f"Orthanc can't read instance {id}: {error}")
        raise HttpError(502, "Orthanc can't read the file") from error
    try:
        return pool.run(DEADLINE, parse, file)
    except PoolError:
        raise
    except Exception as error:  # Broken DICOM raises nearly anything.
        orthanc.LogWarning(f"Can't parse instance {id}: {error!r}")
        raise HttpError(422, "the file can't be parsed") from error


# endregion


def on_change(change: int, level: int, resource: str) -> None:
    """Ends the workers with Orthanc."""
    if change == orthanc.ChangeType.ORTHANC_STOPPED:
        pool.close()


orthanc.RegisterOnChangeCallback(on_change)
