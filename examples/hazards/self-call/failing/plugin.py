"""Serves GET /report, which asks another route of this plugin, GET /count, over HTTP."""

import json
from typing import Any

import orthanc

configuration = json.loads(orthanc.GetConfiguration())
url = f"http://127.0.0.1:{configuration.get('HttpPort', 8042)}"
user, password = next(iter(configuration["RegisteredUsers"].items()))


def on_count(output: orthanc.RestOutput, uri: str, **request: Any) -> None:
    """Answers with the number of instances."""
    count = len(json.loads(orthanc.RestApiGet("/instances")))
    output.AnswerBuffer(str(count), "text/plain")


def on_report(output: orthanc.RestOutput, uri: str, **request: Any) -> None:
    """Answers with a sentence about the number of instances."""
    count = orthanc.HttpGet(f"{url}/count", user, password)
    output.AnswerBuffer(
        f"There are {count.decode()} instances.\n", "text/plain"
    )


orthanc.RegisterRestCallback("/count", on_count)
orthanc.RegisterRestCallback("/report", on_report)
