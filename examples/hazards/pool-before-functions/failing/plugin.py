"""Serves GET /computation from a pool of workers."""

import multiprocessing
from typing import Any

import orthanc
from routes import route

pool = multiprocessing.get_context("fork").Pool(2)  # too early for compute()


def compute(count: int) -> int:
    """Adds up square numbers, in a worker."""
    return sum(number * number for number in range(count))


@route("GET", "/computation")
def on_computation(**request: Any) -> str:
    """Answers GET /computation?count=N."""
    count = int(request["get"].get("count", "1000"))
    total = pool.apply(compute, (count,))
    return f"{total}\n"


def on_change(change: int, level: int, resource: str) -> None:
    """Ends the workers with Orthanc."""
    if change == orthanc.ChangeType.ORTHANC_STOPPED:
        pool.terminate()


orthanc.RegisterOnChangeCallback(on_change)
