"""Serves a CPU-heavy computation on /computation, inside the callback itself."""

import math
import time
from typing import Any

import orthanc

SQUARE_ROOTS = 30_000_000


# region compute
def compute(count: int) -> float:
    """Computes that many square roots and gives how long it took, in seconds."""
    start = time.perf_counter()
    for number in range(count):
        math.sqrt(number)
    return time.perf_counter() - start


# endregion


# region callback
def on_computation(output: orthanc.RestOutput, uri: str, **request: Any) -> None:
    """Answers GET /computation. No other Python code of Orthanc gets on well meanwhile."""
    if request["method"] != "GET":
        output.SendMethodNotAllowed("GET")
        return
    seconds = compute(SQUARE_ROOTS)
    output.AnswerBuffer(f"computed for {seconds:.3f} seconds\n", "text/plain")


orthanc.RegisterRestCallback("/computation", on_computation)
# endregion
