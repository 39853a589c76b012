"""Serves /dicom-summary/{id} and /dicom-dump/{id}: workers parse the files."""

from collections.abc import Callable
from typing import Any

import orthanc
from instances import open_file
from pool import PoolError, WorkerPool
from routes import HttpError, route
from worker import dump, summarise

WORKERS = 4
DEADLINE = 30  # seconds

pool = WorkerPool(WORKERS)


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
    try:
        with open_file(id) as file:
            return pool.run(DEADLINE, task, file)
    except (HttpError, PoolError):
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
