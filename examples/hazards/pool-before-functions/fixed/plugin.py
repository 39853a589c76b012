"""Serves GET /computation from a pool of workers."""

from typing import Any

import orthanc
from pool import WorkerPool
from routes import route

DEADLINE = 30  # seconds


def compute(count: int) -> int:
    """Adds up square numbers, in a worker."""
    return sum(number * number for number in range(count))


pool = WorkerPool(2)  # below the functions that its workers run


@route("GET", "/computation")
def on_computation(**request: Any) -> str:
    """Answers GET /computation?count=N."""
    count = int(request["get"].get("count", "1000"))
    total = pool.run(DEADLINE, compute, count)
    return f"{total}\n"


def on_change(change: int, level: int, resource: str) -> None:
    """Ends the workers with Orthanc."""
    if change == orthanc.ChangeType.ORTHANC_STOPPED:
        pool.close()


orthanc.RegisterOnChangeCallback(on_change)
