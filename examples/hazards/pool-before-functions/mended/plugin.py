"""Serves GET /computation from a pool that is made below the function it is to run."""

import math
from typing import Any

import orthanc
from pool import PoolError, WorkerPool

DEADLINE = 30  # seconds


def compute() -> float:
    """Adds up many square roots."""
    return sum(math.sqrt(number) for number in range(1_000_000))


pool = WorkerPool(2)  # Below all functions that it is to run.


def on_computation(
    output: orthanc.RestOutput, uri: str, **request: Any
) -> None:
    """Answers with the sum, or with 503 or 504 where no worker gives it."""
    try:
        total = pool.run(DEADLINE, compute)
        output.AnswerBuffer(f"{total:.0f}\n", "text/plain")
    except PoolError as error:
        output.SendHttpStatusCode(error.status)


def on_change(change: int, level: int, resource: str) -> None:
    """Ends the workers with Orthanc."""
    if change == orthanc.ChangeType.ORTHANC_STOPPED:
        pool.close()


orthanc.RegisterRestCallback("/computation", on_computation)
orthanc.RegisterOnChangeCallback(on_change)
