"""Makes two tokens, and serves /caller, which tells who calls: for the table of what a token opens.

The table's requests are made outside of Orthanc, so the tokens go through a file that only its
owner can read. A plugin of yours keeps its token in memory.
"""

import json
import os
from typing import Any

import orthanc


# region caller
def on_caller(output: orthanc.RestOutput, uri: str, **request: Any) -> None:
    """Answers with the Authorization header, as every callback can read it."""
    output.AnswerBuffer(
        request["headers"].get("authorization", "none"), "text/plain"
    )


# endregion

tokens = [orthanc.GenerateRestApiAuthorizationToken() for _ in range(2)]
file = os.open("tokens.json", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
with os.fdopen(file, "w") as stream:
    json.dump(tokens, stream)

orthanc.RegisterRestCallback("/caller", on_caller)
