"""Serves GET /caller: whether a request has a token or a password."""

from dataclasses import dataclass
from typing import Any

import orthanc


@dataclass
class Caller:
    """Who sent a request."""

    scheme: str


def on_caller(output: orthanc.RestOutput, uri: str, **request: Any) -> None:
    """Answers with the scheme of the Authorization header, such as Basic."""
    caller = Caller(request["headers"].get("authorization", "none").split()[0])
    orthanc.LogWarning(f"{uri} was requested with {caller.scheme}")
    output.AnswerBuffer(f"{caller.scheme}\n", "text/plain")


orthanc.RegisterRestCallback("/caller", on_caller)
