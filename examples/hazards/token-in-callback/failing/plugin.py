"""Serves the list of all instances on /computation by token, and checks what arrives."""

import json
import time
from typing import Any, Optional

import orthanc
import requests
from pool import PoolError, WorkerPool

DEADLINE = 30  # seconds


def list_instances(url: str, token: str) -> bytes:
    """Asks Orthanc for all instances, in a worker."""
    headers = {"Authorization": token}
    answer = requests.get(f"{url}/instances", headers=headers, timeout=DEADLINE)
    answer.raise_for_status()
    return answer.content


url = f"http://127.0.0.1:{json.loads(orthanc.GetConfiguration()).get('HttpPort', 8042)}"
pool = WorkerPool(2)


def on_computation(
    output: orthanc.RestOutput, uri: str, **request: Any
) -> None:
    """Answers with the list, or with 503 where no worker gives it."""
    token = (
        orthanc.GenerateRestApiAuthorizationToken()
    )  # A fresh one for each call.
    try:
        output.AnswerBuffer(
            pool.run(DEADLINE, list_instances, url, token), "application/json"
        )
    except (requests.RequestException, PoolError) as error:
        orthanc.LogError(f"No worker gives the list: {error!r}")
        output.SendHttpStatusCode(503)


def on_received(dicom: bytes, origin: int) -> "tuple[int, Optional[bytes]]":
    """Checks an instance before Orthanc takes it in."""
    time.sleep(3)  # Stands for a slow check, such as a virus scanner's.
    return orthanc.ReceivedInstanceAction.KEEP_AS_IS, None


def on_change(change: int, level: int, resource: str) -> None:
    """Ends the workers with Orthanc."""
    if change == orthanc.ChangeType.ORTHANC_STOPPED:
        pool.close()


orthanc.RegisterRestCallback("/computation", on_computation)
orthanc.RegisterReceivedInstanceCallback(on_received)
orthanc.RegisterOnChangeCallback(on_change)
