"""Serves GET /patient-count from Python, and other routes from Node."""

import json
from typing import Any

import bridge  # noqa: F401  It starts Node and registers its routes.
import orthanc
from routes import route


@route("GET", "/patient-count")
def on_patient_count(**request: Any) -> dict:
    """Answers with the number of patients."""
    patients = json.loads(orthanc.RestApiGet("/patients"))
    return {"patients": len(patients)}
