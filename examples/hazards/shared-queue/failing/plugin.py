"""Starts tasks on /start?size=N and passes on their messages on /messages, from one queue."""

import multiprocessing
import queue
import time
from typing import Any

import orthanc

DEADLINE = 2  # seconds


def prepare(shared: "multiprocessing.Queue") -> None:
    """Hands the queue to a worker."""
    global messages
    messages = shared


def report(size: int) -> None:
    """Sends a message of that many bytes, in a worker, and goes on working."""
    messages.put(bytes(size))
    time.sleep(10)


context = multiprocessing.get_context("fork")
messages = context.Queue()
pool = context.Pool(2, prepare, (messages,))


def on_start(output: orthanc.RestOutput, uri: str, **request: Any) -> None:
    """Starts a task, and does not wait for it."""
    pool.apply_async(report, (int(request["get"]["size"]),))
    output.AnswerBuffer("started\n", "text/plain")


def on_messages(output: orthanc.RestOutput, uri: str, **request: Any) -> None:
    """Answers with the size of the next message, or with 504 if there is none in time."""
    try:
        output.AnswerBuffer(
            f"{len(messages.get(timeout=DEADLINE))} bytes\n", "text/plain"
        )
    except queue.Empty:
        output.SendHttpStatusCode(504)


def on_change(change: int, level: int, resource: str) -> None:
    """Ends the workers with Orthanc."""
    if change == orthanc.ChangeType.ORTHANC_STOPPED:
        pool.terminate()


orthanc.RegisterRestCallback("/start", on_start)
orthanc.RegisterRestCallback("/messages", on_messages)
orthanc.RegisterOnChangeCallback(on_change)
