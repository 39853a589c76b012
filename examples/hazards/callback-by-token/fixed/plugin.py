"""Logs for each new instance how many there are: a worker asks by token."""

import json
from concurrent.futures import Future
from typing import Optional

import orthanc
import requests
from pool import PoolError, WorkerPool

DEADLINE = 30  # seconds
direct = requests.Session()
direct.trust_env = False  # Otherwise a proxy would see the token.


def count_instances(url: str, token: str) -> int:
    """Asks Orthanc how many instances it has, in a worker."""
    headers = {"Authorization": token}
    answer = direct.get(f"{url}/statistics", headers=headers, timeout=DEADLINE)
    answer.raise_for_status()
    return answer.json()["CountInstances"]


port = json.loads(orthanc.GetConfiguration()).get("HttpPort", 8042)
url = f"http://127.0.0.1:{port}"
token = orthanc.GenerateRestApiAuthorizationToken()
pool = WorkerPool(2)


def on_received(dicom: bytes, origin: int) -> "tuple[int, Optional[bytes]]":
    """Keeps the new instance at once. The number is logged later."""
    try:
        call = pool.submit(DEADLINE, count_instances, url, token)
        call.add_done_callback(log)
    except PoolError as error:
        orthanc.LogError(f"The instances are not counted: {error}")
    return orthanc.ReceivedInstanceAction.KEEP_AS_IS, None


def log(call: "Future[int]") -> None:
    """Logs the number, or why there is none."""
    try:
        orthanc.LogWarning(f"There are {call.result()} instances")
    except Exception as error:
        orthanc.LogError(f"The instances are not counted: {error!r}")


def on_change(change: int, level: int, resource: str) -> None:
    """Ends the workers with Orthanc."""
    if change == orthanc.ChangeType.ORTHANC_STOPPED:
        pool.close()


orthanc.RegisterReceivedInstanceCallback(on_received)
orthanc.RegisterOnChangeCallback(on_change)
