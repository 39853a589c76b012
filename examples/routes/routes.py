"""Routes for Python plugins of Orthanc: JSON, and a status for each error.

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
an ``http_status``, as HttpError and PoolError do, is answered with that status
and ``{"error": message}``. Any other is logged, and answered with 500.
"""

import json
import traceback
from collections.abc import Callable
from functools import partial
from typing import Any
from urllib.parse import unquote_plus

import orthanc

_paths: dict[str, dict[str, Callable[..., Any]]] = {}
# Plugin 5.0 crashes when Orthanc stops if nothing else refers to a callback.
_callbacks: list[Callable[..., None]] = []
# Before this release, a query arrives as it was sent.
_QUERY_IS_DECODED = bool(orthanc.CheckVersionAdvanced(1, 12, 11))
# With any other status, Orthanc would send no answer at all.
_SENDABLE = {*range(200, 209), 226, 300, *range(302, 306), 307}
_SENDABLE |= {*range(400, 405), *range(406, 418), 422, 423, 424, 426}
_SENDABLE |= {*range(500, 508), 509, 510}


class HttpError(Exception):
    """Ends a request with a status and a message for the client."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(status, message)  # Both, for pickle: workers raise it.
        self.http_status = status

    def __str__(self) -> str:
        return self.args[1]


def route(method: str, path: str) -> Callable[[Callable], Callable]:
    """Registers a function for a method and a path, a regular expression."""

    def register(function: Callable[..., Any]) -> Callable[..., Any]:
        if path not in _paths:
            _paths[path] = {}
            _callbacks.append(partial(_answer, _paths[path]))
            orthanc.RegisterRestCallback(path, _callbacks[-1])
        _paths[path][method] = function
        return function

    return register


def read_json(body: bytes) -> Any:
    """Parses JSON in UTF-8. Raises ValueError for anything else.

    json.loads alone also takes UTF-16, UTF-32, NaN and Infinity, which other
    languages refuse. Deeply nested JSON crashes Orthanc: limit the length.
    """
    # It is called for NaN and Infinity, and int() refuses both.
    return json.loads(body.decode(), parse_constant=int)


def _answer(
    methods: dict[str, Callable[..., Any]],
    output: orthanc.RestOutput,
    uri: str,
    **request: Any,
) -> None:
    """Answers a request with what the function for its method returns."""
    function = methods.get(request["method"])
    if function is None:
        output.SendMethodNotAllowed(", ".join(methods))
        return
    if not _QUERY_IS_DECODED and "get" in request:
        request["get"] = {
            unquote_plus(name): unquote_plus(value)
            for name, value in request["get"].items()
        }
    try:
        status, mime, body = _encode(function(*request["groups"], **request))
    except Exception as error:
        status, mime, body = _encode(_describe(error, uri))
    if status not in _SENDABLE:
        orthanc.LogWarning(f"{uri!r}: Orthanc can't send status {status}")
        status = status // 100 * 100
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


def _encode(value: object) -> tuple[int, str, str]:
    """The status, type and body for what a function has returned."""
    status = 200
    if isinstance(value, tuple):
        value, status = value
    if isinstance(value, str):
        return status, "text/plain", value
    return status, "application/json", json.dumps(value, allow_nan=False)


def _describe(error: Exception, uri: str) -> tuple[dict, int]:
    """The answer to a client in place of a result."""
    status = getattr(error, "http_status", None)
    if status is not None:
        return {"error": str(error)}, status
    # The details may hold patients' data: they go to the log alone.
    # The path is the client's: quoted, its line feeds forge no line of the log.
    orthanc.LogError(f"{uri!r}: {traceback.format_exc()}")
    return {"error": "the plugin has failed"}, 500
