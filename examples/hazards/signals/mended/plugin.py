"""Serves GET /computation from workers that leave signals to Orthanc."""

import math
from typing import Any

import orthanc
from pool import PoolError, WorkerPool

DEADLINE = 30  # seconds


def compute(count: int) -> float:
    """Adds up that many square roots."""
    return sum(math.sqrt(number) for number in range(count))


pool = WorkerPool(2)


def on_computation(
    output: orthanc.RestOutput, uri: str, **request: Any
) -> None:
    """Answers GET /computation?count=N with the sum, or with 503 or 504 where none is given."""
    count = int(request["get"].get("count", "1000"))
    try:
        total = pool.run(DEADLINE, compute, count)
        output.AnswerBuffer(f"{total:.0f}\n", "text/plain")
    except PoolError as error:
        output.SendHttpStatusCode(error.status)


def on_change(change: int, level: int, resource: str) -> None:
    """Ends the workers with Orthanc."""
    if change == orthanc.ChangeType.ORTHANC_STOPPED:
        pool.close()


orthanc.RegisterRestCallback("/computation", on_computation)
orthanc.RegisterOnChangeCallback(on_change)
