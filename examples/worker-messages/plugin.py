"""Runs long computations in workers, which report their progress.

POST /computations with {"count": N} starts one. GET /computations/{id} returns its state and
progress, and DELETE cancels it.
"""

import json
import math
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import CancelledError, wait
from typing import Any

import orthanc
from pool import Call, PoolBusy, PoolError, WorkerPool

WORKERS = 4
WAITING = 16  # computations that may wait for a worker
PATIENCE = 600  # seconds that a computation may wait for a worker
DEADLINE = 600  # seconds that it may then work
KEPT = 300  # seconds for which an ended computation can be asked for
LIMIT = 1000  # computations that are remembered
BODY_LIMIT = 100  # bytes: deeply nested JSON would crash Orthanc
STEPS = 10


# region worker
def compute(count: int) -> Iterator[int]:
    """Computes that many square roots, in a worker. Yields the progress after each tenth."""
    for step in range(STEPS):
        for number in range(count * step // STEPS, count * (step + 1) // STEPS):
            math.sqrt(number)
        yield 100 * (step + 1) // STEPS


# endregion


# region master
computations: dict[str, Call] = {}
ended: dict[str, float] = {}  # when, by time.monotonic()
pool = WorkerPool(WORKERS, waiting=WAITING, patience=PATIENCE)


def start(count: int) -> dict:
    """Has a worker compute, and returns the new computation without waiting for it."""
    id = str(uuid.uuid4())
    call = pool.submit(DEADLINE, compute, count)
    computations[id] = call
    call.add_done_callback(lambda _: ended.setdefault(id, time.monotonic()))
    return {"id": id, "state": "running", "progress": 0, "error": None}


def describe(id: str, call: Call) -> dict:
    """The state of a computation, its progress in percent, and why it has failed."""
    error = call.exception() if call.done() else None
    if isinstance(error, CancelledError):
        state, error = "cancelled", None
    else:
        state = "running" if not call.done() else "failed" if error else "done"
    reason = str(error) if error else None
    return {"id": id, "state": state, "progress": call.progress or 0, "error": reason}


def forget() -> None:
    """Forgets the computations that have ended long ago."""
    for id, when in list(ended.items()):
        if time.monotonic() - when > KEPT:
            computations.pop(id, None)
            ended.pop(id, None)


# endregion


# region callback
def on_start(output: orthanc.RestOutput, uri: str, **request: Any) -> None:
    """Answers POST /computations."""
    if request["method"] != "POST":
        output.SendMethodNotAllowed("POST")
        return
    if len(request["body"]) > BODY_LIMIT:
        send_json(output, 413, {"error": f"the body has more than {BODY_LIMIT} bytes"})
        return
    try:
        count = json.loads(request["body"])["count"]
    except (ValueError, KeyError, TypeError):
        count = None
    if isinstance(count, float) and count.is_integer():
        count = int(count)  # JSON does not tell 1.0 from 1.
    if type(count) is not int or not 0 <= count < 2**53:
        send_json(output, 400, {"error": 'the body must be JSON like {"count": 1000}'})
        return
    forget()
    try:
        if len(computations) >= LIMIT:
            raise PoolBusy
        send_json(output, 202, start(count))
    except PoolError:
        send_json(output, 503, {"error": "there are too many computations"})


def on_computation(output: orthanc.RestOutput, uri: str, **request: Any) -> None:
    """Answers GET and DELETE /computations/{id}."""
    id = request["groups"][0]
    if request["method"] not in ("GET", "DELETE"):
        output.SendMethodNotAllowed("GET, DELETE")
        return
    forget()
    call = computations.get(id)
    if not call:
        send_json(output, 404, {"error": "no such computation"})
        return
    if request["method"] == "DELETE" and call.cancel():
        wait([call], 10)
    send_json(output, 200, describe(id, call))


# endregion


def send_json(output: orthanc.RestOutput, status: int, value: dict) -> None:
    """Answers with a status and a JSON body."""
    body = json.dumps(value)
    if status == 200:
        output.AnswerBuffer(body, "application/json")
        return
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


orthanc.RegisterRestCallback("/computations", on_start)
orthanc.RegisterRestCallback("/computations/([^/]+)", on_computation)
orthanc.RegisterOnChangeCallback(on_change)
