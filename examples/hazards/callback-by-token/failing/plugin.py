"""Logs for each new instance how many Orthanc has: a worker asks the REST API, by token."""

import json
from typing import Optional

import orthanc
import requests
from pool import WorkerPool

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
    """Logs how many instances there are, and keeps the new one."""
    count = pool.run(
        DEADLINE, count_instances, url, token
    )  # Waits for the worker.
    orthanc.LogWarning(f"An instance arrives, there are {count}")
    return orthanc.ReceivedInstanceAction.KEEP_AS_IS, None


def on_change(change: int, level: int, resource: str) -> None:
    """Ends the workers with Orthanc."""
    if change == orthanc.ChangeType.ORTHANC_STOPPED:
        pool.close()


orthanc.RegisterReceivedInstanceCallback(on_received)
orthanc.RegisterOnChangeCallback(on_change)
