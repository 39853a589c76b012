"""Serves a computation on /computation from Python's own pool of processes."""

import multiprocessing
import signal
import time
from typing import Any

import orthanc
from routes import route

WORKERS = 4
COUNT = 30_000_000


# region compute
def compute(count: int) -> tuple[int, float]:
    """Adds up square numbers, in a worker: the sum, and the time in seconds."""
    start = time.perf_counter()
    total = 0
    for number in range(count):
        total += number * number
    return total, time.perf_counter() - start


# endregion


# region pool
def ignore_ctrl_c() -> None:
    """Leaves Ctrl-C to Orthanc. Each worker calls it once."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


# Another method than "fork" would start a second Orthanc.
pool = multiprocessing.get_context("fork").Pool(WORKERS, ignore_ctrl_c)
# endregion


# region callback
@route("GET", "/computation")
def on_computation(**request: Any) -> str:
    """Waits for a worker, without a deadline. The GIL stays free."""
    total, seconds = pool.apply(compute, (COUNT,))
    return f"{total}, computed for {seconds:.3f} seconds\n"


# endregion


def on_change(change: int, level: int, resource: str) -> None:
    """Ends the workers with Orthanc."""
    if change == orthanc.ChangeType.ORTHANC_STOPPED:
        pool.terminate()


orthanc.RegisterOnChangeCallback(on_change)
