"""Serves GET /patient-count from Python, and other routes from Node."""

import json
from typing import Any

import orthanc
from routes import route


@route("GET", "/patient-count")
def on_patient_count(**request: Any) -> dict:
    """Answers with the number of patients."""
    patients = json.loads(orthanc.RestApiGet("/patients"))
    return {"patients": len(patients)}


# Last, because it starts Node: an error above would leave Node running.
import bridge  # noqa: E402, F401
