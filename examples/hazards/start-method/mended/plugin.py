"""Serves GET /computation from a pool that names its start method."""

import math
from typing import Any

import orthanc
from pool import PoolError, WorkerPool

DEADLINE = 30  # seconds


def compute() -> float:
    """Adds up many square roots."""
    return sum(math.sqrt(number) for number in range(1_000_000))


# It takes its processes from multiprocessing.get_context("fork").
pool = WorkerPool(4)


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
