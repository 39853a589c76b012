"""Lets Orthanc serve routes from a Node program.

Copy this file beside the program and name both in Orthanc's configuration:

    "PythonScript": "bridge.py",
    "Node": {"Script": "plugin.ts", "Routes": ["/computation"]}

"Script" is relative to this file's folder. "Routes" are regular expressions, as
RegisterRestCallback() takes them. "Executable" (default "node") and "TimeoutSeconds"
(default 60) may be added.

The program is an HTTP server. Its environment holds ORTHANC_PLUGIN_SOCKET, the path of the
Unix socket to listen on; ORTHANC_URL; and ORTHANC_TOKEN, the value of the Authorization header
for calls to Orthanc. It ends when its standard input does: that is how it learns that Orthanc
was killed. A SIGTERM tells it that Orthanc stops.

What Orthanc does not let through:

- the methods HEAD, OPTIONS and PATCH, and forms sent as multipart/form-data;
- the query string, except with GET, where only the last of several equal names arrives;
- the body of a DELETE; the second of two equal headers; an escaped slash in the path;
- on the way back, the headers and the body of a 405 except Allow, statuses that Orthanc does not
  know (429 arrives as 400), and with plugin 4.x, a binary body beside a status other than 200.

Answers are passed on whole, not as a stream. Orthanc compresses them where it is set to.
"""

from __future__ import annotations

import atexit
import fcntl
import json
import os
import re
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple, Optional
from urllib.parse import quote

import orthanc

FIRST_PAUSE, LONGEST_PAUSE = 0.25, 30.0  # seconds between an end of Node and its next start
RAN_WELL = 60.0  # seconds after which the pauses begin anew
STOP_GRACE = 5.0  # seconds that Node has to end by itself when Orthanc stops
HEAD_LIMIT = 65_536  # bytes


# ---- Settings


class Settings(NamedTuple):
    """What Orthanc's configuration says."""

    executable: str
    script: str
    routes: list[str]
    timeout: float
    url: str


def read_settings() -> Settings:
    """Reads the configuration. An error here keeps Orthanc from starting, and says why."""
    configuration = json.loads(orthanc.GetConfiguration())
    section = configuration.get("Node")
    require(isinstance(section, dict), '"Node" is missing, or is not an object')
    known = ("Script", "Routes", "Executable", "TimeoutSeconds")
    for name in section:
        require(name in known, f'"Node.{name}" is unknown; there are {", ".join(known)}')

    script = section.get("Script")
    require(isinstance(script, str) and script != "", '"Node.Script" must name a file')
    script = Path(__file__).resolve().parent / script
    require(script.is_file(), f'"Node.Script" names {script}, which is not there')

    routes = section.get("Routes")
    require(
        isinstance(routes, list) and len(routes) > 0, '"Node.Routes" must be a list with a route'
    )
    for route in routes:
        require(
            isinstance(route, str) and route.startswith("/"),
            f'"Node.Routes" holds {json.dumps(route)}, which does not begin with a slash',
        )

    name = section.get("Executable", "node")
    require(isinstance(name, str), '"Node.Executable" must be text')
    executable = shutil.which(name)
    require(executable is not None, f'"Node.Executable" names {name}, which is not there')

    timeout = section.get("TimeoutSeconds", 60)
    require(
        isinstance(timeout, (int, float)) and not isinstance(timeout, bool) and timeout > 0,
        '"Node.TimeoutSeconds" must be a number above zero',
    )
    scheme = "https" if configuration.get("SslEnabled", False) else "http"
    # Not "localhost": Orthanc listens on IPv4 only.
    url = f"{scheme}://127.0.0.1:{configuration.get('HttpPort', 8042)}"
    return Settings(os.path.abspath(executable), str(script), routes, timeout, url)


def require(condition: bool, message: str) -> None:
    if not condition:
        raise ValueError(f"bridge.py: in Orthanc's configuration, {message}")


# ---- A connection to Node


class BadGateway(Exception):
    """Node gave no answer that can be passed on."""


class ConnectionLost(BadGateway):
    """Node closed the connection instead of answering."""

    def __init__(self, unread: bool) -> None:
        super().__init__("Node closed the connection without an answer")
        self.unread = unread  # whether Node can't have read the request


class Answer(NamedTuple):
    status: int
    headers: list[tuple[str, str]]
    body: bytes


HEAD = re.compile(
    r"HTTP/1\.[01] ([1-5][0-9]{2})(?: [^\r\n]*)?"
    r"((?:\r\n[!#$%&'*+.^_`|~0-9A-Za-z-]+:[^\r\n\0]*)*)\r\n\r\n"
)
HEADER = re.compile(r"\r\n([^:]+):[ \t]*([^\r\n]*)")
CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,12})[ \t]*(?:;[^\r\n]*)?\r\n")
LENGTH = re.compile(r"[0-9]{1,15}")


class Connection:
    """A connection to Node, used by one request at a time and kept for the next one."""

    # The kernel hands over so much in one piece: Node reads all of it or nothing.
    ONE_PIECE = 16_384

    def __init__(self, path: str, process: subprocess.Popen[bytes]) -> None:
        self.process = process
        self.used = False  # for an earlier request
        self._deadline = 0.0
        self._received = bytearray()  # and not yet looked at
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._socket.connect(path)
        except OSError:
            self._socket.close()
            raise
        self._poll = select.poll()
        self._poll.register(self._socket, select.POLLIN)

    def close(self) -> None:
        self._socket.close()

    def is_idle(self) -> bool:
        """Whether Node neither closed the connection nor sent what nobody asked for."""
        return not self._received and not self._poll.poll(0)

    def exchange(self, head: bytes, body: bytes, deadline: float) -> tuple[Answer, bool]:
        """Sends a request. Returns the answer and whether the connection can be kept."""
        self._deadline = deadline
        in_one_piece = len(head) + len(body) <= self.ONE_PIECE
        try:
            self._socket.settimeout(self._left())
            if in_one_piece:
                self._socket.sendall(head + body)
            else:
                self._socket.sendall(head)
                self._socket.sendall(body)
        except ConnectionError:
            if in_one_piece:
                raise ConnectionLost(unread=True) from None
            # Node may have answered before it had read everything.
        try:
            return self._answer()
        except ConnectionError:
            # A Unix socket says "reset" instead of "end" if it is closed before all was read.
            raise ConnectionLost(unread=in_one_piece) from None

    def _answer(self) -> tuple[Answer, bool]:
        status, headers = self._head()
        while status < 200 and status != 101:  # an interim answer
            status, headers = self._head()
        kept = True
        codings, lengths = [], set()
        for name, value in headers:
            name = name.lower()
            if name == "connection":
                kept = "close" not in value.lower()
            elif name == "transfer-encoding":
                codings.append(value.lower())
            elif name == "content-length":
                lengths.add(value)
        if status == 101 or codings not in ([], ["chunked"]) or len(lengths) > 1:
            raise BadGateway("Node's answer can't be understood")
        if status in (204, 304):
            body = b""
        elif codings:
            body = self._chunks()
        elif lengths:
            length = lengths.pop()
            if not LENGTH.fullmatch(length):
                raise BadGateway("Node's answer has no valid length")
            body = self._take(int(length))
        else:
            body = self._rest()
            kept = False
        return Answer(status, headers, body), kept and not self._received

    def _head(self) -> tuple[int, list[tuple[str, str]]]:
        while (end := self._received.find(b"\r\n\r\n")) < 0:
            if len(self._received) > HEAD_LIMIT:
                raise BadGateway("the head of Node's answer is too long")
            self._receive()
        raw = self._take(end + 4)
        try:
            head = raw.decode()
        except UnicodeDecodeError:
            head = raw.decode("latin-1")  # which Node itself writes
        match = HEAD.fullmatch(head)
        if match is None:
            raise BadGateway("Node's answer is not HTTP")
        return int(match[1]), HEADER.findall(match[2])

    def _chunks(self) -> bytes:
        chunks = []
        while True:
            size = CHUNK_SIZE.fullmatch(self._line())
            if size is None:
                raise BadGateway("Node's answer has a malformed chunk")
            if int(size[1], 16) == 0:
                break
            chunks.append(self._take(int(size[1], 16)))
            if self._line() != b"\r\n":
                raise BadGateway("Node's answer has a malformed chunk")
        while self._line() != b"\r\n":  # a trailer, which nobody is told
            pass
        return b"".join(chunks)

    def _line(self) -> bytes:
        while (end := self._received.find(b"\r\n")) < 0:
            if len(self._received) > HEAD_LIMIT:
                raise BadGateway("a line of Node's answer is too long")
            self._receive()
        return self._take(end + 2)

    def _take(self, size: int) -> bytes:
        while len(self._received) < size:
            self._receive()
        taken = bytes(self._received[:size])
        del self._received[:size]
        return taken

    def _rest(self) -> bytes:
        with suppress(EOFError):
            while True:
                self._receive()
        return self._take(len(self._received))

    def _receive(self) -> None:
        self._socket.settimeout(self._left())
        data = self._socket.recv(65_536)
        if not data:
            raise EOFError
        self._received += data

    def _left(self) -> float:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise socket.timeout
        return left
