"""Lets the users that Orthanc's configuration names under "ReadOnlyUsers" read, and nothing else:

    "AuthenticationEnabled": true,
    "RegisteredUsers": {"admin": "a password", "viewer": "another one"},
    "ReadOnlyUsers": ["viewer"]

A setting that would leave such a user unguarded keeps Orthanc from starting, and its log says why.
"""

import base64
import json
from typing import Any

import orthanc


def read_only_users() -> list[str]:
    """Gives the names in the configuration; raises ValueError if they would not be guarded."""
    configuration = json.loads(orthanc.GetConfiguration())
    # Without authentication nobody would have to say who they are.
    if configuration.get("AuthenticationEnabled") is not True:
        raise ValueError('read_only.py: "AuthenticationEnabled" must be true.')
    users = configuration.get("ReadOnlyUsers")
    if not isinstance(users, list) or not users:
        raise ValueError(
            'read_only.py: "ReadOnlyUsers" must list names of users.'
        )
    # A name that is misspelled here would leave the real user free to write.
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
    """Whether Orthanc goes on with a request whose password it has found right."""
    if request["method"] == orthanc.HttpMethod.GET:
        return True
    scheme, _, credentials = request["headers"]["authorization"].partition(" ")
    name, _, _ = (
        base64.b64decode(credentials, validate=True).decode().partition(":")
    )
    return scheme == "Basic" and name not in users


users = read_only_users()
orthanc.RegisterIncomingHttpRequestFilter(may_pass)
