"""Serves POST /studies, which has a worker count the studies that a JSON document lists."""

import json
from typing import Any

import orthanc
from pool import PoolError, WorkerPool

BODY_LIMIT = 1_000_000  # bytes
DEADLINE = 10  # seconds


def count_studies(body: bytes) -> int:
    """The number of studies in a document. Raises ValueError, TypeError or KeyError."""
    return len(json.loads(body)["studies"])


pool = WorkerPool(2)


def on_studies(output: orthanc.RestOutput, uri: str, **request: Any) -> None:
    """Answers with the number, or with 400 if the document is not as it should be."""
    if len(request["body"]) > BODY_LIMIT:
        output.SendHttpStatusCode(413)
        return
    try:
        count = pool.run(DEADLINE, count_studies, request["body"])
        output.AnswerBuffer(f"{count} studies\n", "text/plain")
    except (ValueError, TypeError, KeyError, RecursionError):
        output.SendHttpStatusCode(400)
    except PoolError as error:
        output.SendHttpStatusCode(error.status)


def on_change(change: int, level: int, resource: str) -> None:
    """Ends the workers with Orthanc."""
    if change == orthanc.ChangeType.ORTHANC_STOPPED:
        pool.close()


orthanc.RegisterRestCallback("/studies", on_studies)
orthanc.RegisterOnChangeCallback(on_change)
