"""Serves GET /report, which asks another route of this plugin, GET /count, inside Orthanc."""

import json
from typing import Any

import orthanc


def on_count(output: orthanc.RestOutput, uri: str, **request: Any) -> None:
    """Answers with the number of instances."""
    count = len(json.loads(orthanc.RestApiGet("/instances")))
    output.AnswerBuffer(str(count), "text/plain")


def on_report(output: orthanc.RestOutput, uri: str, **request: Any) -> None:
    """Answers with a sentence about the number of instances."""
    try:
        count = orthanc.RestApiGetAfterPlugins("/count")
    except orthanc.OrthancException as error:
        orthanc.LogError(f"There is no count: {error}")
        output.SendHttpStatusCode(503)
        return
    output.AnswerBuffer(
        f"There are {count.decode()} instances.\n", "text/plain"
    )


orthanc.RegisterRestCallback("/count", on_count)
orthanc.RegisterRestCallback("/report", on_report)
