"""Runs long computations in workers, which report their progress.

POST /computations with {"count": N} starts one. GET /computations/{id} returns
its state and progress, and DELETE cancels it.
"""

from typing import Any

import computations
import orthanc
from pool import PoolError
from routes import HttpError, read_json, route

BODY_LIMIT = 100  # bytes: deeply nested JSON would crash Orthanc


# region callback
@route("POST", "/computations")
def on_start(**request: Any) -> tuple[dict, int]:
    if len(request["body"]) > BODY_LIMIT:
        raise HttpError(413, f"the body has more than {BODY_LIMIT} bytes")
    try:
        count = read_json(request["body"])["count"]
    except (ValueError, KeyError, TypeError):
        count = None
    if isinstance(count, float) and count.is_integer():
        count = int(count)  # In JSON, 1.0 and 1 are the same number.
    if type(count) is not int or not 0 <= count < 2**53:
        raise HttpError(400, 'the body must be JSON like {"count": 1000}')
    try:
        return computations.start(count), 202
    except PoolError as error:
        raise HttpError(503, "there are too many computations") from error


@route("GET", "/computations/([^/]+)")
def on_computation(id: str, **request: Any) -> dict:
    if found := computations.find(id):
        return found
    raise HttpError(404, "no such computation")


@route("DELETE", "/computations/([^/]+)")
def on_cancel(id: str, **request: Any) -> dict:
    """Cancels a computation, and describes it."""
    computations.cancel(id)
    return on_computation(id)


# endregion


def on_change(change: int, level: int, resource: str) -> None:
    """Ends the workers with Orthanc."""
    if change == orthanc.ChangeType.ORTHANC_STOPPED:
        computations.pool.close()


orthanc.RegisterOnChangeCallback(on_change)
