"""Serves GET /computation: a sum that a worker computes once."""

import multiprocessing
from typing import Any

import orthanc
from routes import route

COUNT = 1_000_000


def compute(count: int) -> int:
    """Adds up square numbers, in a worker."""
    return sum(number * number for number in range(count))


pool = multiprocessing.get_context("fork").Pool(2)
total = pool.apply(compute, (COUNT,))  # Waits while the script is loading.


@route("GET", "/computation")
def on_computation(**request: Any) -> str:
    """Answers with the sum."""
    return f"{total}\n"


def on_change(change: int, level: int, resource: str) -> None:
    """Ends the workers with Orthanc."""
    if change == orthanc.ChangeType.ORTHANC_STOPPED:
        pool.terminate()


orthanc.RegisterOnChangeCallback(on_change)
