"""Serves GET /computation from multiprocessing.Pool, and waits for ever once a worker is killed."""

import math
import multiprocessing
from typing import Any

import orthanc


def compute() -> float:
    """Adds up many square roots."""
    return sum(math.sqrt(number) for number in range(50_000_000))


pool = multiprocessing.get_context("fork").Pool(2)


# region wait
def on_computation(
    output: orthanc.RestOutput, uri: str, **request: Any
) -> None:
    """Answers with the sum."""
    total = pool.apply(compute)  # Nobody tells it that the worker is dead.
    output.AnswerBuffer(f"{total:.0f}\n", "text/plain")


# endregion

orthanc.RegisterRestCallback("/computation", on_computation)
