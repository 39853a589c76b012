"""Serves all instances on /computation: a worker asks Orthanc, by token."""

import json
from typing import Any

import orthanc
import requests
from pool import WorkerPool
from routes import HttpError, route
from worker import list_instances, prepare

WORKERS = 4
# A call holds one of Orthanc's 50 HTTP threads, and its worker needs another.
WAITING = 16
DEADLINE = 30  # seconds


# region token
def own_url() -> str:
    """The address at which this Orthanc's workers reach it."""
    configuration = json.loads(orthanc.GetConfiguration())
    scheme = "https" if configuration.get("SslEnabled") else "http"
    return f"{scheme}://127.0.0.1:{configuration.get('HttpPort', 8042)}"


# Made once, while the script loads: in a callback it could deadlock.
token = orthanc.GenerateRestApiAuthorizationToken()
pool = WorkerPool(WORKERS, prepare, (own_url(), token), waiting=WAITING)
# endregion


# region callback
@route("GET", "/computation")
def on_computation(**request: Any) -> list:
    """Answers GET /computation."""
    try:
        return pool.run(DEADLINE, list_instances)
    except requests.HTTPError as error:
        status = error.response.status_code
        message = f"Orthanc answered the worker with status {status}"
        raise HttpError(502, message) from error
    except requests.RequestException as error:
        orthanc.LogWarning(f"A worker can't reach Orthanc: {error!r}")
        raise HttpError(502, "the worker can't reach Orthanc") from error


# endregion


def on_change(change: int, level: int, resource: str) -> None:
    """Ends the workers with Orthanc."""
    if change == orthanc.ChangeType.ORTHANC_STOPPED:
        pool.close()


orthanc.RegisterOnChangeCallback(on_change)
