"""Starts tasks on /start?size=N and passes on their messages on /messages, each from its own."""

import time
from collections.abc import Iterator
from typing import Any, Optional

import orthanc
from pool import Call, PoolError, WorkerPool

DEADLINE = 30  # seconds


def report(size: int) -> Iterator[bytes]:
    """Sends a message of that many bytes, in a worker, and goes on working."""
    yield bytes(size)
    time.sleep(10)


pool = WorkerPool(2)
latest: Optional[Call] = None


def on_start(output: orthanc.RestOutput, uri: str, **request: Any) -> None:
    """Starts a task, and does not wait for it."""
    global latest
    try:
        latest = pool.submit(DEADLINE, report, int(request["get"]["size"]))
        output.AnswerBuffer("started\n", "text/plain")
    except PoolError as error:
        output.SendHttpStatusCode(error.status)


def on_messages(output: orthanc.RestOutput, uri: str, **request: Any) -> None:
    """Answers with the size of the latest task's message, or with 504 if there is none."""
    if latest is not None and latest.progress is not None:
        output.AnswerBuffer(f"{len(latest.progress)} bytes\n", "text/plain")
    else:
        output.SendHttpStatusCode(504)


def on_change(change: int, level: int, resource: str) -> None:
    """Ends the workers with Orthanc."""
    if change == orthanc.ChangeType.ORTHANC_STOPPED:
        pool.close()


orthanc.RegisterRestCallback("/start", on_start)
orthanc.RegisterRestCallback("/messages", on_messages)
orthanc.RegisterOnChangeCallback(on_change)
