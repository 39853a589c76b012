"""Long computations in workers, by id: start, progress, cancel."""

import time
import uuid
from concurrent.futures import wait
from functools import partial

from outcomes import log_failure, outcome
from pool import Call, PoolBusy, WorkerPool
from worker import compute

# region master
WORKERS = 4
WAITING = 16  # computations that may wait for a worker
DEADLINE = 600  # seconds that one may wait for a worker, and then work
KEPT = 300  # seconds for which an ended computation can be asked for
LIMIT = 1000  # computations that are remembered
calls: dict[str, Call] = {}
ended: dict[str, float] = {}  # when, by time.monotonic()
pool = WorkerPool(WORKERS, waiting=WAITING, patience=DEADLINE)


def start(count: int) -> dict:
    """Has a worker compute, and does not wait. Raises PoolBusy."""
    forget()
    if len(calls) >= LIMIT:
        raise PoolBusy("there are too many computations")
    id = str(uuid.uuid4())
    calls[id] = pool.submit(DEADLINE, compute, count)
    calls[id].add_done_callback(lambda _: ended.update({id: time.monotonic()}))
    calls[id].add_done_callback(partial(log_failure, id))
    return {"id": id, "state": "running", "progress": 0, "error": None}


def find(id: str) -> dict:
    """Describes a computation, or returns an empty dictionary."""
    forget()
    if not (call := calls.get(id)):
        return {}
    state, error = outcome(call)  # Before the progress.
    progress = call.progress or 0
    return {"id": id, "state": state, "progress": progress, "error": error}


def cancel(id: str) -> None:
    """Ends a computation that has not ended, and waits for its end."""
    if (call := calls.get(id)) and call.cancel():
        wait([call], 10)


def forget() -> None:
    """Forgets the computations that have ended long ago."""
    for id, when in list(ended.items()):
        if time.monotonic() - when > KEPT:
            calls.pop(id, None)
            ended.pop(id, None)


# endregion
