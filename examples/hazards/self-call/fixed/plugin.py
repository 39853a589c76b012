"""Serves GET /report, which asks GET /count of the same plugin."""

import json
from typing import Any

import orthanc
from routes import route


@route("GET", "/count")
def on_count(**request: Any) -> str:
    """Answers with the number of instances."""
    return str(len(json.loads(orthanc.RestApiGet("/instances"))))


@route("GET", "/report")
def on_report(**request: Any) -> str:
    """Answers with a sentence."""
    count = orthanc.RestApiGetAfterPlugins("/count")
    return f"There are {count.decode()} instances.\n"
