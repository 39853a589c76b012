"""Serves GET /caller: whether a request comes with a token or with a password."""

import logging
from typing import Any

import orthanc

log = logging.getLogger("caller")


def on_caller(output: orthanc.RestOutput, uri: str, **request: Any) -> None:
    """Answers with the scheme of the Authorization header, such as Basic or Bearer."""
    scheme = request["headers"].get("authorization", "none").split()[0]
    log.warning("%s asks by %s", uri, scheme)
    output.AnswerBuffer(f"{scheme}\n", "text/plain")


orthanc.RegisterRestCallback("/caller", on_caller)
