"""Serves POST /studies, which counts the studies in a JSON document."""

from typing import Any

import orthanc
from pool import WorkerPool
from routes import HttpError, read_json, route

BODY_LIMIT = 1_000_000  # bytes
DEADLINE = 10  # seconds


def count_studies(body: bytes) -> int:
    """The number of studies. Raises ValueError, TypeError or KeyError."""
    studies = read_json(body)["studies"]
    if not isinstance(studies, list):
        raise TypeError("the studies are not a list")
    return len(studies)


pool = WorkerPool(2)


@route("POST", "/studies")
def on_studies(**request: Any) -> str:
    """Answers with the number, or with 400 if the document is wrong."""
    if len(request["body"]) > BODY_LIMIT:
        raise HttpError(413, "the document is too long")
    try:
        count = pool.run(DEADLINE, count_studies, request["body"])
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise HttpError(400, "the document has no list of studies") from error
    return f"{count} studies\n"


def on_change(change: int, level: int, resource: str) -> None:
    """Ends the workers with Orthanc."""
    if change == orthanc.ChangeType.ORTHANC_STOPPED:
        pool.close()


orthanc.RegisterOnChangeCallback(on_change)
