"""Serves GET /report, which asks Orthanc for its statistics."""

import json
import time
from typing import Any

import orthanc
from routes import route


def count_instances() -> int:
    """Asks on the HTTP thread that the request already has."""
    return json.loads(orthanc.RestApiGet("/statistics"))["CountInstances"]


@route("GET", "/report")
def on_report(**request: Any) -> str:
    """Answers with the number of instances, after two seconds of other work."""
    time.sleep(2)
    return f"{count_instances()} instances\n"
