"""Overrides GET /statistics, to add the name of this Orthanc."""

import json
from typing import Any

import orthanc


def on_statistics(output: orthanc.RestOutput, uri: str, **request: Any) -> None:
    """Answers with Orthanc's own statistics, and its name."""
    statistics = json.loads(orthanc.RestApiGet("/statistics"))
    system = json.loads(orthanc.RestApiGet("/system"))
    answer = {**statistics, "Name": system["Name"]}
    output.AnswerBuffer(json.dumps(answer), "application/json")


orthanc.RegisterRestCallback("/statistics", on_statistics)
