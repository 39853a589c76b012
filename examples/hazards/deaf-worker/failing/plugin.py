"""Serves GET /computation from a pool of workers."""

import multiprocessing
from typing import Any

import orthanc
from routes import HttpError, route

DEADLINE = 2  # seconds


def compute(count: int) -> int:
    """Adds up square numbers, in a worker."""
    return sum(number * number for number in range(count))


# Each worker is replaced after one task, against memory leaks.
pool = multiprocessing.get_context("fork").Pool(1, maxtasksperchild=1)


@route("GET", "/computation")
def on_computation(**request: Any) -> str:
    """Answers GET /computation?count=N."""
    count = int(request["get"].get("count", "1000"))
    try:
        total = pool.apply_async(compute, (count,)).get(DEADLINE)
    except multiprocessing.TimeoutError as error:
        raise HttpError(504, "no worker finished in time") from error
    return f"{total}\n"


def on_change(change: int, level: int, resource: str) -> None:
    """Ends the workers with Orthanc."""
    if change == orthanc.ChangeType.ORTHANC_STOPPED:
        pool.terminate()


orthanc.RegisterOnChangeCallback(on_change)
