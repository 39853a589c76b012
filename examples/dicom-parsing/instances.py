"""Reads files of instances from Orthanc, in the master interpreter."""

import re

import orthanc
from routes import HttpError

# Anything else may lead to another route when it goes into a path.
ORTHANC_ID = re.compile("[0-9a-f]{8}(-[0-9a-f]{8}){4}")


# region read
def read_file(id: str) -> bytes:
    """Reads an instance's file. Raises HttpError, status 404 or 502."""
    if not ORTHANC_ID.fullmatch(id):
        raise HttpError(404, "no such instance")
    try:
        return orthanc.RestApiGet(f"/instances/{id}/file")
    except orthanc.OrthancException as error:
        if error.args[0] == orthanc.ErrorCode.UNKNOWN_RESOURCE:
            raise HttpError(404, "no such instance") from error
        orthanc.LogWarning(f"Orthanc can't read instance {id}: {error}")
        raise HttpError(502, "Orthanc can't read the file") from error


# endregion
