"""Serves all instances on /computation, and checks each that arrives."""

import json
import time
from typing import Any, Optional

import orthanc
import requests
from pool import WorkerPool
from routes import route

DEADLINE = 30  # seconds
direct = requests.Session()
direct.trust_env = False  # Otherwise a proxy would see the token.


def list_instances(url: str, token: str) -> list:
    """Asks Orthanc for all instances, in a worker."""
    headers = {"Authorization": token}
    answer = direct.get(f"{url}/instances", headers=headers, timeout=DEADLINE)
    answer.raise_for_status()
    return answer.json()


port = json.loads(orthanc.GetConfiguration()).get("HttpPort", 8042)
url = f"http://127.0.0.1:{port}"
token = orthanc.GenerateRestApiAuthorizationToken()
pool = WorkerPool(2)


@route("GET", "/computation")
def on_computation(**request: Any) -> list:
    """Answers with the list."""
    return pool.run(DEADLINE, list_instances, url, token)


def on_received(dicom: bytes, origin: int) -> "tuple[int, Optional[bytes]]":
    """Checks an instance before Orthanc stores it."""
    time.sleep(3)  # stands in for a slow check, such as a virus scan
    return orthanc.ReceivedInstanceAction.KEEP_AS_IS, None


def on_change(change: int, level: int, resource: str) -> None:
    """Ends the workers with Orthanc."""
    if change == orthanc.ChangeType.ORTHANC_STOPPED:
        pool.close()


orthanc.RegisterReceivedInstanceCallback(on_received)
orthanc.RegisterOnChangeCallback(on_change)
