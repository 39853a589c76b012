"""Serves the list of all instances on /computation: a worker asks Orthanc's REST API, by token."""

import json
from typing import Any

import orthanc
import requests
from pool import PoolError, WorkerPool

WORKERS = 4
# Each call holds one of Orthanc's 50 HTTP threads, and each worker that asks Orthanc needs another.
WAITING = 16
DEADLINE = 30  # seconds


# region worker
def prepare(url: str, token: str) -> None:
    """Readies a worker to call Orthanc; the session keeps its connection open between calls."""
    global session, orthanc_url
    orthanc_url = url
    session = requests.Session()
    # Otherwise a proxy would see the token, and a .netrc file would replace it.
    session.trust_env = False
    session.headers["Authorization"] = token


def list_instances() -> list:
    """Gives the ids of all instances, sorted; raises where Orthanc does not answer with 200."""
    answer = session.get(f"{orthanc_url}/instances", timeout=10)
    answer.raise_for_status()
    return sorted(answer.json())


# endregion


# region token
def own_url() -> str:
    """The address at which this Orthanc's workers reach it."""
    configuration = json.loads(orthanc.GetConfiguration())
    scheme = "https" if configuration.get("SslEnabled") else "http"
    return f"{scheme}://127.0.0.1:{configuration.get('HttpPort', 8042)}"


# Made once, while the script loads: in a callback it could deadlock with Orthanc.
token = orthanc.GenerateRestApiAuthorizationToken()
pool = WorkerPool(WORKERS, prepare, (own_url(), token), waiting=WAITING)
# endregion


# region callback
def on_computation(output: orthanc.RestOutput, uri: str, **request: Any) -> None:
    """Answers GET /computation."""
    if request["method"] != "GET":
        output.SendMethodNotAllowed("GET")
        return
    try:
        send_json(output, 200, pool.run(DEADLINE, list_instances))
    except requests.HTTPError as error:
        status = error.response.status_code
        send_json(output, 502, {"error": f"Orthanc answered the worker with status {status}"})
    except requests.RequestException as error:
        orthanc.LogWarning(f"A worker can't reach Orthanc: {error!r}")
        send_json(output, 502, {"error": "the worker can't reach Orthanc"})
    except PoolError as error:
        send_json(output, error.status, {"error": str(error)})


# endregion


def send_json(output: orthanc.RestOutput, status: int, value: object) -> None:
    """Answers with a status and a JSON body."""
    body = json.dumps(value)
    if status == 200:
        output.AnswerBuffer(body, "application/json")
        return
    if status == 503:
        output.SetHttpHeader("Retry-After", "1")
    output.SetHttpHeader("Content-Type", "application/json")
    try:
        output.SendHttpStatus(status, body, len(body.encode()))
    except TypeError:  # Since release 5 of the plugin it takes two arguments.
        output.SendHttpStatus(status, body.encode())


def on_change(change: int, level: int, resource: str) -> None:
    """Ends the workers with Orthanc."""
    if change == orthanc.ChangeType.ORTHANC_STOPPED:
        pool.close()


orthanc.RegisterRestCallback("/computation", on_computation)
orthanc.RegisterOnChangeCallback(on_change)
