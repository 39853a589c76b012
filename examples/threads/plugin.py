"""Does four tasks in turn, then in threads: computations on /computation, waits on /requests."""

import json
import math
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import orthanc
import requests

TASKS = 4
COUNT = 4_000_000  # square roots of one task


# region tasks
def compute() -> None:
    """Computes square roots. Only the thread that has the GIL gets on."""
    for number in range(COUNT):
        math.sqrt(number)


def ask() -> None:
    """Asks a slow server. A thread that waits for a socket gives the GIL to others."""
    answer = requests.get(slow_url, headers={"Authorization": token}, timeout=10)
    answer.raise_for_status()


# endregion


# region compare
def compare(task: Callable[[], None]) -> str:
    """Times all tasks in turn, and then all at once; raises what a task raises."""
    started = time.perf_counter()
    for _ in range(TASKS):
        task()
    between = time.perf_counter()
    with ThreadPoolExecutor(TASKS) as executor:
        futures = [executor.submit(task) for _ in range(TASKS)]
    for future in futures:
        future.result()
    ended = time.perf_counter()
    return f"In turn: {between - started:.2f} s\nAt once: {ended - between:.2f} s\n"


# endregion


# region callback
def on_computation(output: orthanc.RestOutput, uri: str, **request: Any) -> None:
    """Answers GET /computation."""
    output.AnswerBuffer(compare(compute), "text/plain")


def on_requests(output: orthanc.RestOutput, uri: str, **request: Any) -> None:
    """Answers GET /requests."""
    try:
        output.AnswerBuffer(compare(ask), "text/plain")
    except requests.RequestException as error:
        orthanc.LogWarning(f"The slow server has not answered: {error!r}")
        output.SendHttpStatusCode(502)


# endregion


def on_slow(output: orthanc.RestOutput, uri: str, **request: Any) -> None:
    """Answers GET /slow after a while, in the place of a slow server."""
    time.sleep(0.4)
    output.AnswerBuffer("done", "text/plain")


configuration = json.loads(orthanc.GetConfiguration())
scheme = "https" if configuration.get("SslEnabled") else "http"
slow_url = f"{scheme}://127.0.0.1:{configuration.get('HttpPort', 8042)}/slow"
token = orthanc.GenerateRestApiAuthorizationToken()
orthanc.RegisterRestCallback("/computation", on_computation)
orthanc.RegisterRestCallback("/requests", on_requests)
orthanc.RegisterRestCallback("/slow", on_slow)
