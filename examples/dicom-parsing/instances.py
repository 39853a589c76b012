"""Reads files of instances from Orthanc, in the master interpreter."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore

import orthanc
from routes import HttpError

# Anything else may lead to another route when it goes into a path.
ORTHANC_ID = re.compile("[0-9a-f]{8}(-[0-9a-f]{8}){4}")
SIZE = 100_000_000  # bytes of a file
FILES = 8  # in memory at once: with their workers, or waiting for one
places = BoundedSemaphore(FILES)


# region read
@contextmanager
def open_file(id: str) -> Iterator[bytes]:
    """Holds an instance's file in memory. Raises HttpError."""
    if not ORTHANC_ID.fullmatch(id):
        raise HttpError(404, "no such instance")
    if not places.acquire(blocking=False):
        raise HttpError(503, "too many files are in memory")
    try:
        # Its size is asked for first: a file can be larger than the memory.
        if int(ask(id, "attachments/dicom/size")) > SIZE:
            raise HttpError(413, f"the file has more than {SIZE} bytes")
        yield ask(id, "file")
    finally:
        places.release()


def ask(id: str, what: str) -> bytes:
    """Asks Orthanc about an instance. Raises HttpError, status 404 or 502."""
    try:
        return orthanc.RestApiGet(f"/instances/{id}/{what}")
    except orthanc.OrthancException as error:
        if error.args[0] == orthanc.ErrorCode.UNKNOWN_RESOURCE:
            raise HttpError(404, "no such instance") from error
        orthanc.LogWarning(f"Orthanc can't read instance {id}: {error}")
        raise HttpError(502, "Orthanc can't read the file") from error


# endregion
