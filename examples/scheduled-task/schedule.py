"""Repeats a task in a separate thread."""

import threading
from collections.abc import Callable

STOP_GRACE = 2  # seconds that a run has to end in


# region schedule
class Schedule:
    """Runs a task, which must not raise, with a pause before each run."""

    def __init__(self, period: float, task: Callable[[], None]) -> None:
        """The period, from the end of a run to the next, is in seconds."""
        self._period, self._task = period, task
        self._timer = threading.Timer(0, task)
        self._arming = threading.Lock()
        self._stopped = False

    def arm(self) -> None:
        """Starts a timer for the next run, unless the schedule has ended."""
        with self._arming:
            if self._stopped:
                return
            self._timer = threading.Timer(self._period, self._run)
            self._timer.daemon = True
            self._timer.start()

    def cancel(self) -> None:
        """Ends the schedule, and waits for a run that is under way."""
        with self._arming:
            self._stopped = True
            self._timer.cancel()
        if self._timer.is_alive():
            self._timer.join(STOP_GRACE)

    def _run(self) -> None:
        self._task()
        self.arm()


# endregion
