"""Serves GET /computation: a sum that a worker adds up once, and that the first call waits for."""

import concurrent.futures
import math
from typing import Any

import orthanc
from pool import WorkerPool

DEADLINE = 30  # seconds


def compute() -> float:
    """Adds up many square roots."""
    return sum(math.sqrt(number) for number in range(1_000_000))


pool = WorkerPool(2)
future = pool.submit(compute)  # Does not wait.


def on_computation(output: orthanc.RestOutput, uri: str, **request: Any) -> None:
    """Answers with the sum, or with 503 or 504 where no worker gives it."""
    global future
    try:
        total = future.result(DEADLINE)
        output.AnswerBuffer(f"{total:.0f}\n", "text/plain")
    except concurrent.futures.TimeoutError:
        output.SendHttpStatusCode(504)
    except concurrent.futures.BrokenExecutor:
        future = pool.submit(compute)  # For the next call.
        output.SendHttpStatusCode(503)


def on_change(change: int, level: int, resource: str) -> None:
    """Ends the workers with Orthanc."""
    if change == orthanc.ChangeType.ORTHANC_STOPPED:
        pool.close()


orthanc.RegisterRestCallback("/computation", on_computation)
orthanc.RegisterOnChangeCallback(on_change)
