"""Serves GET /computation from a pool that is made above the function it is to run."""

import math
import multiprocessing
from typing import Any

import orthanc

pool = multiprocessing.get_context("fork").Pool(2)


def compute() -> float:
    """Adds up many square roots."""
    return sum(math.sqrt(number) for number in range(1_000_000))


def on_computation(
    output: orthanc.RestOutput, uri: str, **request: Any
) -> None:
    """Answers with the sum."""
    total = pool.apply(
        compute
    )  # The worker was forked before there was such a function.
    output.AnswerBuffer(f"{total:.0f}\n", "text/plain")


orthanc.RegisterRestCallback("/computation", on_computation)
