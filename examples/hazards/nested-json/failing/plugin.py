"""Serves POST /studies, which counts the studies that a JSON document lists."""

import json
from typing import Any

import orthanc

BODY_LIMIT = 1_000_000  # bytes


def count_studies(body: bytes) -> int:
    """The number of studies in a document. Raises ValueError, TypeError or KeyError."""
    return len(json.loads(body)["studies"])


def on_studies(output: orthanc.RestOutput, uri: str, **request: Any) -> None:
    """Answers with the number, or with 400 if the document is not as it should be."""
    if len(request["body"]) > BODY_LIMIT:
        output.SendHttpStatusCode(413)
        return
    try:
        output.AnswerBuffer(
            f"{count_studies(request['body'])} studies\n", "text/plain"
        )
    except (ValueError, TypeError, KeyError, RecursionError):
        output.SendHttpStatusCode(400)


orthanc.RegisterRestCallback("/studies", on_studies)
