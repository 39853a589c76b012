"""Logs for each new instance how many there are: a worker asks by token."""

import json
from typing import Optional

import orthanc
import requests
from pool import WorkerPool

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
    """Waits for the number, logs it, and keeps the new instance."""
    count = pool.run(DEADLINE, count_instances, url, token)
    orthanc.LogWarning(f"There are {count} instances")
    return orthanc.ReceivedInstanceAction.KEEP_AS_IS, None


def on_change(change: int, level: int, resource: str) -> None:
    """Ends the workers with Orthanc."""
    if change == orthanc.ChangeType.ORTHANC_STOPPED:
        pool.close()


orthanc.RegisterReceivedInstanceCallback(on_received)
orthanc.RegisterOnChangeCallback(on_change)
