"""Takes over GET /statistics, to add the name of this Orthanc to it."""

import json
from typing import Any

import orthanc


def on_statistics(output: orthanc.RestOutput, uri: str, **request: Any) -> None:
    """Answers with the statistics of the built-in route, and the name."""
    statistics = json.loads(orthanc.RestApiGet("/statistics"))
    system = json.loads(orthanc.RestApiGet("/system"))
    answer = {**statistics, "Name": system["Name"]}
    output.AnswerBuffer(json.dumps(answer), "application/json")


orthanc.RegisterRestCallback("/statistics", on_statistics)
