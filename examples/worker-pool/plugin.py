"""Serves a computation on /computation from a pool of worker processes."""

import time
from typing import Any

import orthanc
from pool import WorkerPool
from routes import HttpError, route

WORKERS = 4
WAITING = 16  # calls that may wait for a worker
DEADLINE = 30  # seconds
COUNT = "30000000"


# region compute
def compute(count: int) -> tuple[int, float]:
    """Adds up square numbers, in a worker: the sum, and the time in seconds."""
    start = time.perf_counter()
    total = 0
    for number in range(count):
        total += number * number
    return total, time.perf_counter() - start


# endregion

# region pool
pool = WorkerPool(WORKERS, waiting=WAITING)
# endregion


# region callback
@route("GET", "/computation")
def on_computation(**request: Any) -> str:
    """Answers GET /computation?count=N."""
    count = request["get"].get("count", COUNT)
    if not (count.isascii() and count.isdigit() and len(count) < 16):
        raise HttpError(400, "count must be a whole number below 10^15")
    total, seconds = pool.run(DEADLINE, compute, int(count))
    return f"{total}, computed for {seconds:.3f} seconds\n"


# endregion


def on_change(change: int, level: int, resource: str) -> None:
    """Ends the workers with Orthanc."""
    if change == orthanc.ChangeType.ORTHANC_STOPPED:
        pool.close()


orthanc.RegisterOnChangeCallback(on_change)
