"""The same as access.py, with a filter that lets in the user "reader" and nobody else."""

import base64
from typing import Any

import access  # noqa: F401
import orthanc


# region filter
def is_reader(uri: str, **request: Any) -> bool:
    """Whether a request comes from that user, whose password Orthanc has checked."""
    _, _, credentials = (
        request["headers"].get("authorization", "").partition("Basic ")
    )
    return base64.b64decode(credentials).startswith(b"reader:")


orthanc.RegisterIncomingHttpRequestFilter(is_reader)
# endregion
