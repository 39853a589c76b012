"""Serves GET /report, which asks Orthanc for its statistics."""

import json
import time
from typing import Any

import orthanc
import requests
from routes import route

port = json.loads(orthanc.GetConfiguration()).get("HttpPort", 8042)
token = orthanc.GenerateRestApiAuthorizationToken()


def count_instances() -> int:
    """Asks over HTTP, which takes another of Orthanc's HTTP threads."""
    url = f"http://127.0.0.1:{port}/statistics"
    headers = {"Authorization": token}
    answer = requests.get(url, headers=headers, timeout=5)
    return answer.json()["CountInstances"]


@route("GET", "/report")
def on_report(**request: Any) -> str:
    """Answers with the number of instances, after two seconds of other work."""
    time.sleep(2)
    return f"{count_instances()} instances\n"
