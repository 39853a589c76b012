"""Serves GET /computation from a worker that is replaced after each task, against memory leaks."""

import math
import multiprocessing
from typing import Any

import orthanc

DEADLINE = 2  # seconds


def compute(count: int) -> float:
    """Adds up that many square roots."""
    return sum(math.sqrt(number) for number in range(count))


pool = multiprocessing.get_context("fork").Pool(1, maxtasksperchild=1)


def on_computation(
    output: orthanc.RestOutput, uri: str, **request: Any
) -> None:
    """Answers GET /computation?count=N with the sum, or with 504 where it takes too long."""
    count = int(request["get"].get("count", "1000"))
    try:
        total = pool.apply_async(compute, (count,)).get(DEADLINE)
        output.AnswerBuffer(f"{total:.0f}\n", "text/plain")
    except multiprocessing.TimeoutError:
        output.SendHttpStatusCode(504)


def on_change(change: int, level: int, resource: str) -> None:
    """Ends the workers with Orthanc."""
    if change == orthanc.ChangeType.ORTHANC_STOPPED:
        pool.terminate()


orthanc.RegisterRestCallback("/computation", on_computation)
orthanc.RegisterOnChangeCallback(on_change)
