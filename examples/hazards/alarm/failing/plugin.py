"""Serves GET /computation with a deadline."""

import signal
from typing import Any

from routes import HttpError, route

DEADLINE = 2  # seconds


def compute(count: int) -> int:
    """Adds up square numbers."""
    return sum(number * number for number in range(count))


def give_up(*_: Any) -> None:
    """Ends the computation."""
    raise HttpError(504, "the computation took too long")


@route("GET", "/computation")
def on_computation(**request: Any) -> str:
    """Answers GET /computation?count=N."""
    count = int(request["get"].get("count", "1000"))
    signal.signal(signal.SIGALRM, give_up)
    signal.alarm(DEADLINE)
    try:
        total = compute(count)
    finally:
        signal.alarm(0)
    return f"{total}\n"
