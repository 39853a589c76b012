"""Starts tasks on /start?size=N; /messages passes on what they send."""

import multiprocessing
import queue
import time
from typing import Any

import orthanc
from routes import HttpError, route

DEADLINE = 2  # seconds


def prepare(shared: "multiprocessing.Queue") -> None:
    """Hands the queue to a worker."""
    global messages
    messages = shared


def report(size: int) -> None:
    """Sends a message of that many bytes, in a worker, and keeps working."""
    messages.put(bytes(size))
    time.sleep(10)


context = multiprocessing.get_context("fork")
messages = context.Queue()
pool = context.Pool(2, prepare, (messages,))


@route("GET", "/start")
def on_start(**request: Any) -> str:
    """Starts a task, and does not wait for it."""
    pool.apply_async(report, (int(request["get"]["size"]),))
    return "started\n"


@route("GET", "/messages")
def on_messages(**request: Any) -> str:
    """Answers with the size of the next message."""
    try:
        message = messages.get(timeout=DEADLINE)
    except queue.Empty:
        raise HttpError(504, "there is no message") from None
    return f"{len(message)} bytes\n"


def on_change(change: int, level: int, resource: str) -> None:
    """Ends the workers with Orthanc."""
    if change == orthanc.ChangeType.ORTHANC_STOPPED:
        pool.terminate()


orthanc.RegisterOnChangeCallback(on_change)
