"""Serves /dicom-summary/{id} and /dicom-dump/{id}: workers parse the files."""

from collections.abc import Callable
from typing import Any

import orthanc
from instances import read_file
from pool import PoolError, WorkerPool
from routes import HttpError, route
from worker import dump, summarise

WORKERS = 4
WAITING = 16  # calls that may wait for a worker
DEADLINE = 30  # seconds

pool = WorkerPool(WORKERS, waiting=WAITING)


# region callback
@route("GET", "/dicom-summary/([^/]+)")
def on_summary(id: str, **request: Any) -> dict:
    """Answers with a few attributes of an instance, as JSON."""
    return run(summarise, id)


@route("GET", "/dicom-dump/([^/]+)")
def on_dump(id: str, **request: Any) -> str:
    """Answers with all elements of an instance, as text."""
    return run(dump, id)


def run(task: Callable[[bytes], Any], id: str) -> Any:
    """Reads an instance's file, and hands its bytes to a worker."""
    file = read_file(id)
    try:
        return pool.run(DEADLINE, task, file)
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
