"""Serves GET /computation: a sum that a worker computes once."""

from typing import Any

import orthanc
from pool import PoolError, WorkerPool
from routes import route

COUNT = 1_000_000
DEADLINE = 30  # seconds


def compute(count: int) -> int:
    """Adds up square numbers, in a worker."""
    return sum(number * number for number in range(count))


pool = WorkerPool(2)
call = pool.submit(DEADLINE, compute, COUNT)  # Does not wait.


@route("GET", "/computation")
def on_computation(**request: Any) -> str:
    """Answers with the sum, and waits for it if need be."""
    global call
    try:
        return f"{call.result()}\n"
    except PoolError:
        # The next request may have better luck.
        call = pool.submit(DEADLINE, compute, COUNT)
        raise


def on_change(change: int, level: int, resource: str) -> None:
    """Ends the workers with Orthanc."""
    if change == orthanc.ChangeType.ORTHANC_STOPPED:
        pool.close()


orthanc.RegisterOnChangeCallback(on_change)
