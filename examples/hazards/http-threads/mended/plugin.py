"""Serves GET /report, which asks Orthanc for its statistics without HTTP."""

import json
import time
from typing import Any

import orthanc


def count_instances() -> int:
    """Asks this Orthanc's REST API, on the thread that serves the request already."""
    return json.loads(orthanc.RestApiGet("/statistics"))["CountInstances"]


def on_report(output: orthanc.RestOutput, uri: str, **request: Any) -> None:
    """Answers with the number of instances, after two seconds of other work."""
    time.sleep(2)
    try:
        output.AnswerBuffer(f"{count_instances()} instances\n", "text/plain")
    except orthanc.OrthancException as error:
        orthanc.LogError(f"There are no statistics: {error}")
        output.SendHttpStatusCode(503)


orthanc.RegisterRestCallback("/report", on_report)
