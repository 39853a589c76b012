"""Serves GET /computation, with a deadline."""

import math
import signal
from typing import Any

import orthanc

DEADLINE = 2  # seconds


def give_up(*_: Any) -> None:
    """Ends the computation."""
    raise TimeoutError


def compute(count: int) -> float:
    """Adds up that many square roots."""
    return sum(math.sqrt(number) for number in range(count))


def on_computation(
    output: orthanc.RestOutput, uri: str, **request: Any
) -> None:
    """Answers GET /computation?count=N with the sum, or with 504 where it takes too long."""
    count = int(request["get"].get("count", "1000"))
    signal.signal(signal.SIGALRM, give_up)
    signal.alarm(DEADLINE)
    try:
        output.AnswerBuffer(f"{compute(count):.0f}\n", "text/plain")
    except TimeoutError:
        output.SendHttpStatusCode(504)
    finally:
        signal.alarm(0)


orthanc.RegisterRestCallback("/computation", on_computation)
