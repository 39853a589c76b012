"""Like access.py, with a filter that lets in only the user "reader"."""

import base64
from typing import Any

import access  # noqa: F401
import orthanc


# region filter
def is_reader(uri: str, **request: Any) -> bool:
    """Returns whether the caller is that user. Orthanc checked the password."""
    _, _, credentials = (
        request["headers"].get("authorization", "").partition("Basic ")
    )
    return base64.b64decode(credentials).startswith(b"reader:")


orthanc.RegisterIncomingHttpRequestFilter(is_reader)
# endregion
