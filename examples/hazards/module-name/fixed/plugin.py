"""Serves GET /caller: whether a request has a token or a password."""

import logging
from typing import Any

import orthanc

log = logging.getLogger("caller")


def on_caller(output: orthanc.RestOutput, uri: str, **request: Any) -> None:
    """Answers with the scheme of the Authorization header, such as Basic."""
    scheme = request["headers"].get("authorization", "none").split()[0]
    log.warning("%s was requested with %s", uri, scheme)
    output.AnswerBuffer(f"{scheme}\n", "text/plain")


orthanc.RegisterRestCallback("/caller", on_caller)
