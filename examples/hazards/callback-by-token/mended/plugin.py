"""Logs for each new instance how many Orthanc has: a worker asks the REST API, by token."""

import json
from concurrent.futures import Future
from typing import Optional

import orthanc
import requests
from pool import PoolError, WorkerPool

DEADLINE = 30  # seconds


def count_instances(url: str, token: str) -> int:
    """Asks Orthanc how many instances it has, in a worker."""
    headers = {"Authorization": token}
    answer = requests.get(
        f"{url}/statistics", headers=headers, timeout=DEADLINE
    )
    answer.raise_for_status()
    return answer.json()["CountInstances"]


url = f"http://127.0.0.1:{json.loads(orthanc.GetConfiguration()).get('HttpPort', 8042)}"
token = orthanc.GenerateRestApiAuthorizationToken()
pool = WorkerPool(2)


def on_received(dicom: bytes, origin: int) -> "tuple[int, Optional[bytes]]":
    """Keeps the new instance at once; what is to be logged follows."""
    try:
        call = pool.submit(
            DEADLINE, count_instances, url, token
        )  # Does not wait.
        call.add_done_callback(log)
    except PoolError as error:
        orthanc.LogError(f"An instance arrives, and is not counted: {error}")
    return orthanc.ReceivedInstanceAction.KEEP_AS_IS, None


def log(future: "Future[int]") -> None:
    """Logs what a worker has found."""
    if future.exception():
        orthanc.LogError(
            f"An instance has arrived, and is not counted: {future.exception()!r}"
        )
    else:
        orthanc.LogWarning(
            f"An instance has arrived, there are {future.result()}"
        )


def on_change(change: int, level: int, resource: str) -> None:
    """Ends the workers with Orthanc."""
    if change == orthanc.ChangeType.ORTHANC_STOPPED:
        pool.close()


orthanc.RegisterReceivedInstanceCallback(on_received)
orthanc.RegisterOnChangeCallback(on_change)
