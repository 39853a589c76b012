"""Times four tasks in turn and then in threads: computations, and waits."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import requests
from routes import HttpError, route
from tasks import ask, compute

TASKS = 4


# region compare
def compare(task: Callable[[], None]) -> str:
    """Times all tasks in turn, then at once. Raises what a task raises."""
    started = time.perf_counter()
    for _ in range(TASKS):
        task()
    between = time.perf_counter()
    with ThreadPoolExecutor(TASKS) as executor:
        futures = [executor.submit(task) for _ in range(TASKS)]
    for future in futures:
        future.result()
    ended = time.perf_counter()
    in_turn, at_once = between - started, ended - between
    return f"In turn: {in_turn:.2f} s\nAt once: {at_once:.2f} s\n"


# endregion


# region callback
@route("GET", "/computation")
def on_computation(**request: Any) -> str:
    return compare(compute)


@route("GET", "/requests")
def on_requests(**request: Any) -> str:
    try:
        return compare(ask)
    except requests.RequestException as error:
        raise HttpError(502, "the slow server did not answer") from error


@route("GET", "/slow")
def on_slow(**request: Any) -> str:
    """Stands in for a slow server."""
    time.sleep(0.4)
    return "done"


# endregion
