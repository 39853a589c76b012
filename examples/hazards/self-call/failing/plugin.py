"""Serves GET /report, which asks GET /count of the same plugin."""

import json
from typing import Any

import orthanc
from routes import route

configuration = json.loads(orthanc.GetConfiguration())
url = f"http://127.0.0.1:{configuration.get('HttpPort', 8042)}"
user, password = next(iter(configuration["RegisteredUsers"].items()))


@route("GET", "/count")
def on_count(**request: Any) -> str:
    """Answers with the number of instances."""
    return str(len(json.loads(orthanc.RestApiGet("/instances"))))


@route("GET", "/report")
def on_report(**request: Any) -> str:
    """Answers with a sentence."""
    count = orthanc.HttpGet(f"{url}/count", user, password)
    return f"There are {count.decode()} instances.\n"
