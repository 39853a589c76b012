"""Makes two tokens and serves /caller for the table of what tokens open.

The table's requests are made outside Orthanc, so the tokens go through a file
that only its owner can read. Your own plugin keeps its token in memory.

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
