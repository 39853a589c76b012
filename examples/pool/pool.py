"""A pool of worker processes for Orthanc plugins that outlives what happens to its workers.

Copy this file beside a plugin. It needs Linux and Python 3.9 or later, and never imports
``orthanc``, so it can be tried in any Python. With ``multiprocessing.Pool.apply`` a caller waits
for ever when its worker is killed. Here a worker that dies, a task that takes too long and an
Orthanc that stops each end in an exception.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeoutError
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.process import BaseProcess
from typing import Any, Callable


class WorkerDied(Exception):
    """The worker was killed or crashed before it had a result, or the pool was closed."""


class WorkerPool:
    """Worker processes that are forked from this one and run tasks for it.

    Make the pool when the plugin's script loads, below all functions that it is to run. Workers
    know only what was defined when they were forked, and those forked later inherit Orthanc's
    sockets.
    """

    def __init__(
        self,
        workers: int,
        initializer: Callable[..., None] = lambda: None,
        arguments: tuple[Any, ...] = (),
    ) -> None:
        """Forks the workers; each calls ``initializer(*arguments)`` before its first task."""
        self._size = workers
        self._initializer = (initializer, arguments)
        self._mending = threading.Lock()
        self._closed = False
        self._start()

    # region start
    def _start(self) -> None:
        # "fork" is named because inside Orthanc the other start methods would start a second
        # Orthanc, and Python 3.14 no longer forks by default.
        context = multiprocessing.get_context("fork")
        others = multiprocessing.active_children()
        self._executor = ProcessPoolExecutor(self._size, context, _prepare, self._initializer)
        self._executor.submit(int)  # The first task makes it fork all its workers.
        self._workers: list[BaseProcess] = [
            worker for worker in multiprocessing.active_children() if worker not in others
        ]

    # endregion

    # region run
    def run(self, deadline: float, task: Callable[..., Any], *arguments: Any) -> Any:
        """Runs ``task(*arguments)`` in a worker and gives its result, or raises what it raised.

        Raises TimeoutError after ``deadline`` seconds, and ends all workers, for one of them may
        never come back. Raises WorkerDied when a worker dies: what runs beside it is lost with it.
        """
        try:
            return self.submit(task, *arguments).result(deadline)
        except FutureTimeoutError:
            self._kill_workers()
            raise TimeoutError(f"no worker finished within {deadline} seconds") from None
        except BrokenProcessPool:
            raise WorkerDied("the worker has failed") from None

    # endregion

    def submit(self, task: Callable[..., Any], *arguments: Any) -> Future[Any]:
        """Has a worker run ``task(*arguments)`` without waiting: the future gets the result."""
        with self._mending:
            if self._closed:
                raise WorkerDied("the pool is closed")
            try:
                return self._executor.submit(task, *arguments)
            except BrokenProcessPool:
                self._start()
                return self._executor.submit(task, *arguments)

    def close(self) -> None:
        """Ends all workers at once. Call it on ORTHANC_STOPPED: Orthanc waits for open requests."""
        with self._mending:
            self._closed = True
            self._kill_workers()

    def _kill_workers(self) -> None:
        for worker in self._workers:
            worker.kill()


# region prepare
def _prepare(initializer: Callable[..., None], arguments: tuple[Any, ...]) -> None:
    """Makes a forked copy of Orthanc a worker."""
    # Ctrl-C in a terminal reaches all processes: it is for Orthanc, which then ends its workers.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    threading.Thread(target=_end_with_orthanc, daemon=True).start()
    initializer(*arguments)


def _end_with_orthanc() -> None:
    """Waits for the death of Orthanc, which may have no time to end its workers."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


# endregion
