"""Runs long computations in workers, which send messages on how far they are.

POST /computations with {"count": N} starts one, GET /computations/{id} tells its progress.
"""

import json
import math
import multiprocessing
import threading
import uuid
from concurrent.futures import Future
from typing import Any

import orthanc
from pool import WorkerDied, WorkerPool

WORKERS = 4
KEPT = 100  # Computations that are remembered.
STEPS = 10


# region worker
def prepare(queue: "multiprocessing.Queue") -> None:
    """Hands the queue to a worker."""
    global messages
    messages = queue


def compute(id: str, count: int) -> None:
    """Computes that many square roots, in a worker, and says after each tenth how far it is."""
    for step in range(STEPS):
        for number in range(count * step // STEPS, count * (step + 1) // STEPS):
            math.sqrt(number)
        messages.put((id, 100 * (step + 1) // STEPS))


# endregion


# region master
computations: dict = {}
queue = multiprocessing.get_context("fork").Queue()
pool = WorkerPool(WORKERS, prepare, (queue,))


def listen() -> None:
    """Takes the workers' messages, for as long as Orthanc runs."""
    while True:
        id, progress = queue.get()
        if id in computations:
            computations[id]["progress"] = progress


def start(count: int) -> dict:
    """Has a worker compute, and gives the new computation without waiting for it."""
    id = str(uuid.uuid4())
    computation = {"id": id, "state": "running", "progress": 0}

    def finish(future: Future) -> None:
        computation["state"] = "failed" if future.exception() else "done"

    pool.submit(compute, id, count).add_done_callback(finish)
    computations[id] = computation
    for old in list(computations)[:-KEPT]:
        del computations[old]
    return computation


threading.Thread(target=listen, daemon=True).start()
# endregion


# region callback
def on_start(output: orthanc.RestOutput, uri: str, **request: Any) -> None:
    """Answers POST /computations."""
    if request["method"] != "POST":
        output.SendMethodNotAllowed("POST")
        return
    try:
        count = json.loads(request["body"])["count"]
    except (ValueError, KeyError, TypeError):
        count = None
    if type(count) is not int or count < 0:
        send_json(output, 400, {"error": 'the body must be JSON like {"count": 1000}'})
        return
    try:
        send_json(output, 202, start(count))
    except WorkerDied as error:
        send_json(output, 503, {"error": str(error)})


def on_progress(output: orthanc.RestOutput, uri: str, **request: Any) -> None:
    """Answers GET /computations/{id}."""
    if request["method"] != "GET":
        output.SendMethodNotAllowed("GET")
        return
    computation = computations.get(request["groups"][0])
    if computation:
        send_json(output, 200, computation)
    else:
        send_json(output, 404, {"error": "no such computation"})


# endregion


def send_json(output: orthanc.RestOutput, status: int, value: dict) -> None:
    """Answers with a status and a JSON body."""
    body = json.dumps(value)
    if status == 200:
        output.AnswerBuffer(body, "application/json")
    else:
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
orthanc.RegisterRestCallback("/computations/([^/]+)", on_progress)
orthanc.RegisterOnChangeCallback(on_change)
