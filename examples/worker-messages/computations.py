"""Long computations in workers, by id: start, progress, cancel."""

import time
import uuid
from concurrent.futures import CancelledError, wait

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
    return {"id": id, "state": "running", "progress": 0, "error": None}


def find(id: str) -> dict:
    """Describes a computation, or returns an empty dictionary."""
    forget()
    if not (call := calls.get(id)):
        return {}
    done = call.done()  # Once, because it may end at any moment.
    error = call.exception() if done else None
    state = "running" if not done else "failed" if error else "done"
    if isinstance(error, CancelledError):
        state, error = "cancelled", None
    progress, reason = call.progress or 0, str(error) if error else None
    return {"id": id, "state": state, "progress": progress, "error": reason}


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
