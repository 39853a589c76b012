"""Serves GET /computation from a pool with Python 3.14's default start method."""

import math
import multiprocessing
from typing import Any

import orthanc


def compute() -> float:
    """Adds up many square roots."""
    return sum(math.sqrt(number) for number in range(1_000_000))


# What multiprocessing.Pool(4) means in Python 3.14.
pool = multiprocessing.get_context("forkserver").Pool(4)


def on_computation(
    output: orthanc.RestOutput, uri: str, **request: Any
) -> None:
    """Answers with the sum."""
    total = pool.apply(compute)
    output.AnswerBuffer(f"{total:.0f}\n", "text/plain")


orthanc.RegisterRestCallback("/computation", on_computation)
