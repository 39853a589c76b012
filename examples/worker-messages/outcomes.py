"""How computations end: what clients get to know, and what goes to the log."""

import traceback
from concurrent.futures import CancelledError, Future
from typing import Optional

import orthanc
from pool import PoolError


# region outcome
def outcome(call: Future) -> tuple[str, Optional[str]]:
    """The state of a computation, and the reason if it has failed."""
    if not call.done():
        return "running", None
    error = call.exception()
    if error is None:
        return "done", None
    if isinstance(error, CancelledError):
        return "cancelled", None
    if isinstance(error, PoolError):
        return "failed", str(error)
    return "failed", "the computation has failed"


def log_failure(id: str, call: Future) -> None:
    """Logs an error of the program: its details may hold patients' data."""
    error = call.exception()
    if error and not isinstance(error, (CancelledError, PoolError)):
        details = traceback.format_exception(type(error), error, None)
        orthanc.LogError(f"Computation {id} has failed: {''.join(details)}")


# endregion
