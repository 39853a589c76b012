"""Serves a CPU-heavy computation on /computation from a pool of worker processes."""

import json
import math
import time
from typing import Any

import orthanc
from pool import WorkerDied, WorkerPool

WORKERS = 4
DEADLINE = 30  # seconds
SQUARE_ROOTS = 30_000_000


# region compute
def compute(count: int) -> float:
    """Computes that many square roots, in a worker, and gives how long it took, in seconds."""
    start = time.perf_counter()
    for number in range(count):
        math.sqrt(number)
    return time.perf_counter() - start


# endregion

# region pool
pool = WorkerPool(WORKERS)
# endregion


# region callback
def on_computation(output: orthanc.RestOutput, uri: str, **request: Any) -> None:
    """Answers GET /computation?count=N."""
    if request["method"] != "GET":
        output.SendMethodNotAllowed("GET")
        return
    count = request["get"].get("count", str(SQUARE_ROOTS))
    if not (count.isascii() and count.isdigit()):
        send_error(output, 400, "count must be a whole number")
        return
    try:
        seconds = pool.run(DEADLINE, compute, int(count))
        output.AnswerBuffer(f"computed for {seconds:.3f} seconds\n", "text/plain")
    except TimeoutError as error:
        send_error(output, 504, str(error))
    except WorkerDied as error:
        send_error(output, 503, str(error))


# endregion


def send_error(output: orthanc.RestOutput, status: int, message: str) -> None:
    """Answers with a status and a JSON body that says why."""
    body = json.dumps({"error": message})
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
