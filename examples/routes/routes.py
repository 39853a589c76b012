"""Routes for Python plugins of Orthanc: JSON answers, and a status for each error.

Copy this file beside a plugin:

    @route("GET", "/rooms/([^/]+)")
    def on_room(name: str, **request: Any) -> dict:
        if name not in rooms:
            raise HttpError(404, "no such room")
        return rooms[name]

The function gets the groups of its path, and by name what Orthanc passes to a
REST callback: ``headers``, ``get`` (the query), ``body`` and so on. It returns
text, or what JSON can express; for another status than 200, both in a tuple:
``return room, 201``.

A method that a path does not have is answered with 405. An exception that has
a ``status``, as HttpError and PoolError do, is answered with that and
``{"error": message}``. Any other is logged, and answered with 500.
"""

import json
import traceback
from collections.abc import Callable
from functools import partial
from typing import Any

import orthanc

_paths: dict[str, dict[str, Callable[..., Any]]] = {}


class HttpError(Exception):
    """Ends a request with a status and a message for the client."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(status, message)  # Both, for pickle: workers raise it.
        self.status = status

    def __str__(self) -> str:
        return self.args[1]


def route(method: str, path: str) -> Callable[[Callable], Callable]:
    """Registers a function for a method and a path, a regular expression."""

    def register(function: Callable[..., Any]) -> Callable[..., Any]:
        if path not in _paths:
            _paths[path] = {}
            callback = partial(_answer, _paths[path])
            orthanc.RegisterRestCallback(path, callback)
        _paths[path][method] = function
        return function

    return register


def _answer(
    methods: dict[str, Callable[..., Any]],
    output: orthanc.RestOutput,
    uri: str,
    **request: Any,
) -> None:
    """Answers a request by the function for its method."""
    function = methods.get(request["method"])
    if function is None:
        output.SendMethodNotAllowed(", ".join(methods))
        return
    try:
        value = function(*request["groups"], **request)
        status = 200
        if isinstance(value, tuple):
            value, status = value
    except Exception as error:
        status = getattr(error, "status", 500)
        value = {"error": str(error)}
        if not hasattr(error, "status"):
            # The details may hold patients' data: they go to the log alone.
            orthanc.LogError(f"{uri}: {traceback.format_exc()}")
            value = {"error": "the plugin has failed"}
    _send(output, status, value)


def _send(output: orthanc.RestOutput, status: int, value: object) -> None:
    """Sends text as text, and anything else as JSON."""
    if isinstance(value, str):
        body, mime = value, "text/plain"
    else:
        body, mime = json.dumps(value), "application/json"
    if status == 200:
        output.AnswerBuffer(body, mime)
        return
    if status == 503:
        output.SetHttpHeader("Retry-After", "1")
    output.SetHttpHeader("Content-Type", mime)
    try:
        output.SendHttpStatus(status, body, len(body.encode()))
    except TypeError:  # Since release 5 of the plugin it takes two arguments.
        output.SendHttpStatus(status, body.encode())
