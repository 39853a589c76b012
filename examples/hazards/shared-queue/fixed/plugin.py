"""Starts tasks on /start?size=N; /messages passes on what they send."""

import time
from collections.abc import Iterator
from typing import Any, Optional

import orthanc
from pool import Call, WorkerPool
from routes import HttpError, route

DEADLINE = 30  # seconds


def report(size: int) -> Iterator[bytes]:
    """Sends a message of that many bytes, in a worker, and keeps working."""
    yield bytes(size)
    time.sleep(10)


pool = WorkerPool(2)
latest: Optional[Call] = None


@route("GET", "/start")
def on_start(**request: Any) -> str:
    """Starts a task, and does not wait for it."""
    global latest
    latest = pool.submit(DEADLINE, report, int(request["get"]["size"]))
    return "started\n"


@route("GET", "/messages")
def on_messages(**request: Any) -> str:
    """Answers with the size of the latest task's message."""
    if latest is None or latest.progress is None:
        raise HttpError(504, "there is no message")
    return f"{len(latest.progress)} bytes\n"


def on_change(change: int, level: int, resource: str) -> None:
    """Ends the workers with Orthanc."""
    if change == orthanc.ChangeType.ORTHANC_STOPPED:
        pool.close()


orthanc.RegisterOnChangeCallback(on_change)
