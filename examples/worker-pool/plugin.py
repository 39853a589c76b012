"""Serves a CPU-heavy computation on /computation from a pool of worker processes."""

import json
import math
import time
from typing import Any

import orthanc
from pool import PoolError, WorkerPool

WORKERS = 4
WAITING = 16  # calls that may wait for a worker
DEADLINE = 30  # seconds
SQUARE_ROOTS = 30_000_000


# region compute
def compute(count: int) -> float:
    """Computes that many square roots, in a worker, and returns how long it took, in seconds."""
    start = time.perf_counter()
    for number in range(count):
        math.sqrt(number)
    return time.perf_counter() - start


# endregion

# region pool
pool = WorkerPool(WORKERS, waiting=WAITING)
# endregion


# region callback
def on_computation(output: orthanc.RestOutput, uri: str, **request: Any) -> None:
    """Answers GET /computation?count=N."""
    if request["method"] != "GET":
        output.SendMethodNotAllowed("GET")
        return
    count = request["get"].get("count", str(SQUARE_ROOTS))
    if not (count.isascii() and count.isdigit() and len(count) < 16):
        send_error(output, 400, "count must be a whole number below 10^15")
        return
    try:
        seconds = pool.run(DEADLINE, compute, int(count))
        output.AnswerBuffer(f"computed for {seconds:.3f} seconds\n", "text/plain")
    except PoolError as error:
        send_error(output, error.status, str(error))


# endregion


def send_error(output: orthanc.RestOutput, status: int, message: str) -> None:
    """Answers with a status and a JSON body that says why."""
    body = json.dumps({"error": message})
    if status == 503:
        output.SetHttpHeader("Retry-After", "1")
    output.SetHttpHeader("Content-Type", "application/json")
    try:
        output.SendHttpStatus(status, body, len(body.encode()))
    except TypeError:  # Since release 5 of the plugin it takes two arguments.
        output.SendHttpStatus(status, body.encode())


def on_change(change: int, level: int, resource: str) -> None:
    """Ends the workers with Orthanc."""
    if change == orthanc.ChangeType.ORTHANC_STOPPED:
        pool.close()


orthanc.RegisterRestCallback("/computation", on_computation)
orthanc.RegisterOnChangeCallback(on_change)
