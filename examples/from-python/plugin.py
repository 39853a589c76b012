"""Serves GET /patient-count from Python, while bridge.py serves other routes from Node."""

import json
from typing import Any

import bridge  # noqa: F401  It starts Node and registers the routes of "Node".
import orthanc


def on_patient_count(output: orthanc.RestOutput, uri: str, **request: Any) -> None:
    """Answers GET /patient-count with the number of patients."""
    if request["method"] != "GET":
        output.SendMethodNotAllowed("GET")
        return
    patients = json.loads(orthanc.RestApiGet("/patients"))
    output.AnswerBuffer(json.dumps({"patients": len(patients)}), "application/json")


orthanc.RegisterRestCallback("/patient-count", on_patient_count)
