"""Serves GET /computation: a sum that a worker adds up once, while the script loads."""

import math
import multiprocessing
from typing import Any

import orthanc


def compute() -> float:
    """Adds up many square roots."""
    return sum(math.sqrt(number) for number in range(1_000_000))


pool = multiprocessing.get_context("fork").Pool(2)
total = pool.apply(compute)  # Waits while the script is still loading.


def on_computation(
    output: orthanc.RestOutput, uri: str, **request: Any
) -> None:
    """Answers with the sum."""
    output.AnswerBuffer(f"{total:.0f}\n", "text/plain")


orthanc.RegisterRestCallback("/computation", on_computation)
