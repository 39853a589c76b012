"""Serves a computation on /computation, inside the callback itself."""

import time
from typing import Any

import orthanc

COUNT = 30_000_000


# region compute
def compute(count: int) -> tuple[int, float]:
    """Adds up square numbers: the sum, and how long it took, in seconds."""
    start = time.perf_counter()
    total = 0
    for number in range(count):
        total += number * number
    return total, time.perf_counter() - start


# endregion


# region callback
def on_computation(
    output: orthanc.RestOutput, uri: str, **request: Any
) -> None:
    """Answers GET /computation. Other Python code of Orthanc slows down."""
    if request["method"] != "GET":
        output.SendMethodNotAllowed("GET")
        return
    total, seconds = compute(COUNT)
    text = f"{total}, computed for {seconds:.3f} seconds\n"
    output.AnswerBuffer(text, "text/plain")


orthanc.RegisterRestCallback("/computation", on_computation)
# endregion
