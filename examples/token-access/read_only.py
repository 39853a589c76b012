"""Limits users to reading if "ReadOnlyUsers" in the configuration lists them:

    "AuthenticationEnabled": true,
    "RegisteredUsers": {"admin": "a password", "viewer": "another one"},
    "ReadOnlyUsers": ["viewer"]

If a setting would leave such a user unguarded, Orthanc does not start, and its
log says why.
"""

import base64
import json
from typing import Any

import orthanc


def read_only_users() -> list[str]:
    """Returns the names. Raises ValueError if they would not be guarded."""
    configuration = json.loads(orthanc.GetConfiguration())
    # Without authentication, users would not have to say who they are.
    if configuration.get("AuthenticationEnabled") is not True:
        raise ValueError('read_only.py: "AuthenticationEnabled" must be true.')
    users = configuration.get("ReadOnlyUsers")
    if not isinstance(users, list) or not users:
        raise ValueError(
            'read_only.py: "ReadOnlyUsers" must list names of users.'
        )
    # If a name is misspelled here, the real user could write.
    unknown = [
        name
        for name in users
        if name not in configuration.get("RegisteredUsers", {})
    ]
    if unknown:
        raise ValueError(
            f'read_only.py: not in "RegisteredUsers": {json.dumps(unknown)}.'
        )
    return users


def may_pass(uri: str, **request: Any) -> bool:
    """Returns whether to serve a request whose password Orthanc accepted."""
    if request["method"] == orthanc.HttpMethod.GET:
        return True
    scheme, _, credentials = request["headers"]["authorization"].partition(" ")
    name, _, _ = (
        base64.b64decode(credentials, validate=True).decode().partition(":")
    )
    return scheme == "Basic" and name not in users


users = read_only_users()
orthanc.RegisterIncomingHttpRequestFilter(may_pass)
