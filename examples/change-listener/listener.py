"""Hands ids from a callback to a thread, which handles one after another."""

import queue
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Optional

import orthanc

WAITING = 1000  # ids that may wait for the thread
STOP_GRACE = 2  # seconds that the current id has when the listener stops


# region listen
class Listener:
    """Calls `handle(id)` in a thread, or `miss(id, reason)` if it can't."""

    def __init__(
        self, handle: Callable[[str], None], miss: Callable[[str, str], None]
    ) -> None:
        self._handle, self._miss = handle, miss
        self._waiting: queue.Queue[Optional[str]] = queue.Queue(WAITING)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._work, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def put(self, id: str) -> None:
        """Never waits, because the sender waits for this callback."""
        try:
            self._waiting.put_nowait(id)
        except queue.Full:
            self._miss(id, "too many instances are waiting")

    def stop(self) -> None:
        """Ends the thread after the current id, and reports what is left."""
        self._stopping.set()
        if left := self._waiting.qsize():
            orthanc.LogWarning(f"Orthanc stops: {left} ids are not handled")
        with suppress(queue.Full):  # Then the thread is not asleep.
            self._waiting.put_nowait(None)
        if self._thread.is_alive():
            self._thread.join(STOP_GRACE)

    def _work(self) -> None:
        while (id := self._waiting.get()) and not self._stopping.is_set():
            try:
                self._handle(id)
            except Exception as error:  # It may be deleted by now.
                self._miss(id, repr(error))


# endregion
