"""Serves GET /report, which asks Orthanc for its statistics over HTTP."""

import json
import time
import urllib.request
from typing import Any

import orthanc

port = json.loads(orthanc.GetConfiguration()).get("HttpPort", 8042)
token = orthanc.GenerateRestApiAuthorizationToken()
direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def count_instances() -> int:
    """Asks this Orthanc's REST API."""
    url = f"http://127.0.0.1:{port}/statistics"
    request = urllib.request.Request(url, headers={"Authorization": token})
    with direct.open(request, timeout=5) as answer:
        return json.load(answer)["CountInstances"]


def on_report(output: orthanc.RestOutput, uri: str, **request: Any) -> None:
    """Answers with the number of instances, after two seconds of other work."""
    time.sleep(2)
    output.AnswerBuffer(f"{count_instances()} instances\n", "text/plain")


orthanc.RegisterRestCallback("/report", on_report)
