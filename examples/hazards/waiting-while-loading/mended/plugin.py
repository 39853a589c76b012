"""Serves GET /computation: a sum that a worker adds up once, and that the first call waits for."""

import math
from typing import Any

import orthanc
from pool import PoolError, WorkerPool

DEADLINE = 30  # seconds


def compute() -> float:
    """Adds up many square roots."""
    return sum(math.sqrt(number) for number in range(1_000_000))


pool = WorkerPool(2)
call = pool.submit(DEADLINE, compute)  # Does not wait.


def on_computation(
    output: orthanc.RestOutput, uri: str, **request: Any
) -> None:
    """Answers with the sum, or with 503 or 504 if there is none."""
    global call
    try:
        output.AnswerBuffer(f"{call.result():.0f}\n", "text/plain")
    except PoolError as error:
        call = pool.submit(DEADLINE, compute)  # For the next request.
        output.SendHttpStatusCode(error.status)


def on_change(change: int, level: int, resource: str) -> None:
    """Ends the workers with Orthanc."""
    if change == orthanc.ChangeType.ORTHANC_STOPPED:
        pool.close()


orthanc.RegisterRestCallback("/computation", on_computation)
orthanc.RegisterOnChangeCallback(on_change)
