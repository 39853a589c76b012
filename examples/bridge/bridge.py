"""Lets Orthanc serve routes from a Node program.

Copy this file beside the program, and name both in Orthanc's configuration:

    "PythonScript": "bridge.py",
    "Node": {"Script": "plugin.ts", "Routes": ["/computation"]}

"Script" is relative to this file's folder; "Routes" are regular expressions, as
RegisterRestCallback() takes them. "Executable" (default "node") and "TimeoutSeconds"
(default 60) may be added.

The program is an HTTP server on the Unix socket that ORTHANC_PLUGIN_SOCKET in its environment
names. ORTHANC_URL and ORTHANC_TOKEN, a whole Authorization header, are there for calls to
Orthanc. SIGTERM tells it that Orthanc stops. It must end when its standard input does, which is
how it learns that Orthanc was killed.

What Orthanc itself does not let through:

- the methods HEAD, OPTIONS and PATCH, and forms sent as multipart/form-data;
- the query string of anything but GET; all but the last of equal names in it; and, from release
  1.12.11 on, an escaped & or = in it, which is taken for a bare one;
- the body of a DELETE, all but one of several equal headers, and escaped slashes in the path;
- of an answer with status 405, all but its Allow header; statuses that Orthanc does not know (a
  429 arrives as 400); in plugin 4.x, a binary body with any other status than 200, and in later
  ones, that such an answer has one Content-Type: they add text/plain to it;
- answers in pieces: each is collected and then sent, compressed if Orthanc is set to do so.
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
import struct
import subprocess
import tempfile
import threading
import time
from contextlib import suppress
from enum import Enum
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import orthanc

FIRST_PAUSE, LONGEST_PAUSE = 0.25, 30.0  # seconds, between an end of Node and its next start
RAN_WELL = 60.0  # seconds, after which an end of Node is followed by the first pause again
STOP_GRACE = 5.0  # seconds that Node has to end by itself when Orthanc stops
HEAD_LIMIT = 65_536  # bytes


# ---- The settings


class Settings(NamedTuple):
    """What Orthanc's configuration says."""

    executable: str
    script: str
    routes: list[str]
    timeout: float
    url: str


def read_settings() -> Settings:
    """Reads the configuration. An error here keeps Orthanc from starting, and its log says why."""
    configuration = json.loads(orthanc.GetConfiguration())
    section = configuration.get("Node")
    require(isinstance(section, dict), '"Node" must be there, and be an object')
    known = ("Script", "Routes", "Executable", "TimeoutSeconds")
    for name in section:
        require(name in known, f'"Node.{name}" is unknown. There are {", ".join(known)}')

    script = section.get("Script")
    require(isinstance(script, str) and script != "", '"Node.Script" must name a file')
    script = Path(__file__).resolve().parent / script
    require(script.is_file(), f'"Node.Script" names {script}, and there is no such file')

    routes = section.get("Routes")
    require(isinstance(routes, list) and len(routes) > 0, '"Node.Routes" must list routes')
    for route in routes:
        valid = isinstance(route, str) and route.startswith("/")
        require(valid, f'"Node.Routes" has {json.dumps(route)}, which is no path')

    name = section.get("Executable", "node")
    require(isinstance(name, str), '"Node.Executable" must name a program')
    executable = shutil.which(name)
    require(executable is not None, f'"Node.Executable" names {name}, and there is no such program')

    timeout = section.get("TimeoutSeconds", 60)
    valid = isinstance(timeout, (int, float)) and timeout is not True and timeout > 0
    require(valid, '"Node.TimeoutSeconds" must be a number above zero')

    scheme = "https" if configuration.get("SslEnabled", False) else "http"
    port = configuration.get("HttpPort", 8042)
    # No "localhost": it may mean IPv6, where Orthanc does not listen.
    url = f"{scheme}://127.0.0.1:{port}"
    return Settings(os.path.abspath(executable), str(script), routes, timeout, url)


def require(condition: bool, message: str) -> None:
    if not condition:
        raise ValueError(f"bridge.py: in Orthanc's configuration, {message}.")


# ---- One connection to Node


class BadGateway(Exception):
    """Node gave no answer that can be passed on."""


class ConnectionLost(BadGateway):
    """Node closed the connection before it answered anything."""

    def __init__(self, unread: bool) -> None:
        super().__init__("Node closed the connection without an answer")
        self.unread = unread  # whether Node certainly has not seen the request


class Answer(NamedTuple):
    status: int
    headers: list[tuple[str, str]]  # without those of HOP_BY_HOP
    body: bytes


# They concern one connection only, and are not passed on.
HOP_BY_HOP = {"connection", "keep-alive", "proxy-connection", "te", "trailer", "upgrade"}
HOP_BY_HOP |= {"content-length", "transfer-encoding"}
HEAD = re.compile(
    r"HTTP/1\.1 ([1-5][0-9]{2})(?: [^\r\n]*)?"
    r"((?:\r\n[!#$%&'*+.^_`|~0-9A-Za-z-]+:[^\r\n\0]*)*)\r\n\r\n"
)
HEADER = re.compile(r"\r\n([^:]+):[ \t]*([^\r\n]*)")
LENGTH = re.compile(r"[0-9]{1,15}")
CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,12})[ \t]*(?:;[^\r\n]*)?\r\n")


class Connection:
    """Carries one request at a time, and is kept for the next."""

    # So much goes through a Unix socket in one piece: Node reads all of it or nothing.
    ONE_PIECE = 16_384

    def __init__(self, path: str, process: subprocess.Popen[bytes]) -> None:
        self.process = process
        self._deadline = 0.0
        self._received = bytearray()  # and not taken yet
        self._answering = False
        self._last_used = time.monotonic()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._socket.connect(path)
        except OSError:
            self._socket.close()
            raise

    def close(self) -> None:
        self._socket.close()

    def is_usable(self) -> bool:
        """False if Node has closed the connection, or sent something that nobody asked for."""
        if time.monotonic() - self._last_used < 1:
            return True  # A look would cost more than the rare failure, which ask() mends.
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        return not poll.poll(0)

    def exchange(self, head: bytes, body: bytes, deadline: float) -> tuple[Answer, bool]:
        """Sends a request. Returns the answer, and whether the connection can be used again."""
        self._deadline = deadline
        self._answering = False
        apart = len(head) + len(body) > self.ONE_PIECE
        in_one_piece = True
        try:
            self._socket.sendall(head if apart else head + body)
            if apart:
                in_one_piece = False
                self._send(body)
            return self._answer()
        except (EOFError, ConnectionError) as error:
            if self._answering:
                raise BadGateway("Node closed the connection amid its answer") from error
            # A Unix socket that is closed before all was read says "reset" instead of "end".
            reset = isinstance(error, ConnectionError)
            raise ConnectionLost(unread=reset and in_one_piece) from error
        finally:
            self._last_used = time.monotonic()

    def _answer(self) -> tuple[Answer, bool]:
        status, fields = self._head()
        while status in (100, 102, 103):  # not the answer yet
            status, fields = self._head()
        headers: list[tuple[str, str]] = []
        keep, codings, lengths = True, set[str](), set[str]()
        for name, value in fields:
            key = name.lower()
            if key == "connection":
                keep = value.lower() == "keep-alive"
            elif key == "content-length":
                lengths.add(value.strip())
            elif key == "transfer-encoding":
                codings.add(value.strip().lower())
            elif key not in HOP_BY_HOP:
                headers.append((name, value))

        if status in (204, 304):
            body = b""
        elif codings == {"chunked"} and not lengths:
            body = self._chunks()
        elif not codings and len(lengths) == 1 and all(map(LENGTH.fullmatch, lengths)):
            body = self._take(int(lengths.pop()))
        elif not codings and not lengths and status >= 200:
            body, keep = self._rest(), False
        else:
            raise BadGateway("Node's answer has no clear end")
        return Answer(status, headers, body), keep and not self._received

    def _head(self) -> tuple[int, list[tuple[str, str]]]:
        raw = self._take_through(b"\r\n\r\n")
        try:
            head = raw.decode()
        except UnicodeDecodeError:
            head = raw.decode("latin-1")  # in which Node itself writes headers
        match = HEAD.fullmatch(head)
        if match is None:
            raise BadGateway("Node's answer is not HTTP/1.1")
        return int(match[1]), HEADER.findall(match[2])

    def _chunks(self) -> bytes:
        chunks: list[bytes] = []
        while True:
            size = CHUNK_SIZE.fullmatch(self._take_through(b"\r\n"))
            if size is None:
                raise BadGateway("Node's answer has a malformed chunk")
            if int(size[1], 16) == 0:
                break
            chunks.append(self._take(int(size[1], 16)))
            if self._take(2) != b"\r\n":
                raise BadGateway("Node's answer has a malformed chunk")
        while self._take_through(b"\r\n") != b"\r\n":
            pass  # a trailer, for which Orthanc has no place
        return b"".join(chunks)

    def _rest(self) -> bytes:
        with suppress(EOFError):
            while True:
                self._receive()
        return self._take(len(self._received))

    def _take_through(self, end: bytes) -> bytes:
        while (position := self._received.find(end)) < 0:
            if len(self._received) > HEAD_LIMIT:
                raise BadGateway("the head of Node's answer is too long")
            self._receive()
        return self._take(position + len(end))

    def _take(self, size: int) -> bytes:
        while len(self._received) < size:
            self._receive()
        taken = bytes(memoryview(self._received)[:size])
        del self._received[:size]
        return taken

    def _send(self, body: bytes) -> None:
        rest = memoryview(body)
        with suppress(ConnectionError):  # Node may answer before it has read everything.
            while rest:
                self._limit(socket.SO_SNDTIMEO)
                rest = rest[self._socket.send(rest[:HEAD_LIMIT]) :]

    def _receive(self) -> None:
        self._limit(socket.SO_RCVTIMEO)
        data = self._socket.recv(HEAD_LIMIT)
        if not data:
            raise EOFError
        self._answering = True
        self._received += data

    def _limit(self, direction: int) -> None:
        """Sets the time that the next call may take. Unlike settimeout() it costs no poll()."""
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise socket.timeout
        timeval = struct.pack("@ll", *divmod(int(left * 1e6) + 1, 1_000_000))
        self._socket.setsockopt(socket.SOL_SOCKET, direction, timeval)


# ---- The Node process


class State(Enum):
    STARTING, LISTENING, DOWN = range(3)


class Node:
    """Starts Node, again whenever it ends, and takes it down with Orthanc."""

    def __init__(self, settings: Settings, token: str) -> None:
        self._command = [settings.executable, settings.script]
        self._folder = PrivateFolder()
        self._path = os.path.join(self._folder.path, "node.sock")
        # What Orthanc itself was started with may fit neither Node nor a Python that Node starts.
        not_for_node = ("LD_LIBRARY_PATH", "PYTHONHOME", "PYTHONPATH")
        self._environment = {k: v for k, v in os.environ.items() if k not in not_for_node}
        self._environment["ORTHANC_URL"] = settings.url
        self._environment["ORTHANC_TOKEN"] = token
        self._environment["ORTHANC_PLUGIN_SOCKET"] = self._path
        self._changed = threading.Condition()  # guards the next three
        self._state = State.STARTING
        self._process: subprocess.Popen[bytes] | None = None
        self._end = ""  # how the last process ended
        self._stopping = threading.Event()
        self._idle: list[Connection] = []
        self._thread = threading.Thread(target=self._supervise, name="Node", daemon=True)
        self._thread.start()

    def ask(self, method: str, head: bytes, body: bytes, deadline: float) -> Answer:
        """Sends a request to Node and returns the answer."""
        kept = self._kept()
        connection = kept or self._connect(deadline)
        while True:
            try:
                answer, keep = connection.exchange(head, body, deadline)
            except ConnectionLost as lost:
                connection.close()
                # Node closes connections that were idle for long, maybe at this very moment. To try
                # anew is safe if it has not seen the request, or lives and may see it twice.
                repeatable = method != "POST" and connection.process is self._process
                if connection is not kept or not (lost.unread or repeatable):
                    raise
                connection = self._connect(deadline)
            except BaseException:
                connection.close()
                raise
            else:
                if keep:
                    self._idle.append(connection)
                else:
                    connection.close()
                return answer

    def _kept(self) -> Connection | None:
        with suppress(IndexError):
            while True:
                connection = self._idle.pop()
                if connection.is_usable():
                    return connection
                connection.close()
        return None

    def _connect(self, deadline: float) -> Connection:
        with self._changed:
            left = deadline - time.monotonic()
            if not self._changed.wait_for(lambda: self._state is not State.STARTING, left):
                raise socket.timeout
            if self._state is State.DOWN or self._process is None:
                raise BadGateway(f"Node is not running ({self._end})")
            process = self._process
        try:
            return Connection(self._path, process)
        except OSError as error:
            raise BadGateway(f"Node accepts no connection ({error.strerror})") from error

    def _supervise(self) -> None:
        pause = FIRST_PAUSE
        while not self._stopping.is_set():
            started = time.monotonic()
            self._run()
            if self._stopping.is_set():
                orthanc.LogWarning(f"Node has ended ({self._end})")
                break
            if time.monotonic() - started > RAN_WELL:
                pause = FIRST_PAUSE
            orthanc.LogError(f"Node has ended ({self._end}), next start in {pause:g} seconds")
            self._stopping.wait(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    def _run(self) -> None:
        """Starts Node and waits until it has ended."""
        with self._changed:
            if self._stopping.is_set():
                return
            with suppress(FileNotFoundError):
                os.unlink(self._path)
            try:
                process = subprocess.Popen(
                    self._command,
                    env=self._environment,
                    cwd=os.path.dirname(self._command[1]),
                    stdin=subprocess.PIPE,  # stays open as long as Orthanc lives
                    start_new_session=True,  # Ctrl-C is for Orthanc, which then sends SIGTERM
                )
            except OSError as error:
                self._set_state(State.DOWN, None, str(error))
                return
            self._set_state(State.STARTING, process)
        orthanc.LogWarning(f"Node has started (process {process.pid})")
        while process.poll() is None:
            with suppress(OSError):
                self._idle.append(Connection(self._path, process))
                os.chmod(self._path, 0o600)
                self._set_state(State.LISTENING, process)
                break
            time.sleep(0.02)
        code = process.wait()
        end = f"exit code {code}" if code >= 0 else f"signal {signal.Signals(-code).name}"
        self._set_state(State.DOWN, None, end)
        while self._idle:
            self._idle.pop().close()
        assert process.stdin
        process.stdin.close()
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)  # what Node itself has started

    def _set_state(
        self, state: State, process: subprocess.Popen[bytes] | None, end: str = ""
    ) -> None:
        with self._changed:
            self._state, self._process, self._end = state, process, end
            self._changed.notify_all()

    def stop(self) -> None:
        """Ends Node, and removes all traces. May be called twice."""
        with self._changed:
            self._stopping.set()
            process = self._process
        if process:
            process.terminate()
            self._thread.join(STOP_GRACE)
            if self._thread.is_alive():
                orthanc.LogWarning(
                    f"Node has not ended within {STOP_GRACE:g} seconds, and is killed"
                )
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
        self._thread.join(STOP_GRACE)
        self._folder.remove()


class PrivateFolder:
    """A folder for the socket, with mode 0700.

    It is locked as long as this process lives, however it ends: the next start removes what is
    not locked, and systemd-tmpfiles does not remove what is.
    """

    PREFIX = "orthanc-node-"

    def __init__(self) -> None:
        parent = tempfile.gettempdir()
        if len(os.fsencode(parent)) > 60:
            raise ValueError(f"bridge.py: {parent} is too long for a socket's path. Set TMPDIR.")
        for forgotten in Path(parent).glob(f"{self.PREFIX}*"):
            with suppress(OSError):  # It is in use, or somebody else's.
                lock = self._lock(str(forgotten))
                shutil.rmtree(forgotten)
                os.close(lock)
        self._held = -1
        while self._held < 0:
            self.path = tempfile.mkdtemp(prefix=f"{self.PREFIX}{os.getpid()}-")
            with suppress(OSError):  # Another start took it for forgotten.
                self._held = self._lock(self.path)

    def _lock(self, path: str) -> int:
        """Locks a folder that is ours. Returns what holds the lock."""
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            if os.fstat(descriptor).st_uid != os.getuid():
                raise PermissionError
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.stat(path)
        except OSError:
            os.close(descriptor)
            raise
        return descriptor

    def remove(self) -> None:
        if self._held >= 0:
            shutil.rmtree(self.path, ignore_errors=True)
            os.close(self._held)
            self._held = -1


# ---- The routes

# Orthanc can send these; for any other, its client would get no answer at all.
SENDABLE = {200, 201, 202, 203, 204, 205, 206, 207, 208, 226, 300, 302, 303, 304, 305, 307}
SENDABLE |= {*range(400, 405), *range(406, 418), 422, 423, 424, 426, *range(500, 508), 509, 510}
# A status's class stands for one that is unknown (RFC 9110, section 15); but a redirect stays one.
INSTEAD = {301: 302, 308: 307}
# Orthanc compresses the answer itself, and has seen to Expect.
NOT_FOR_NODE = HOP_BY_HOP | {"accept-encoding", "expect", "host"}
# With the CivetWeb of these releases names and values come decoded; before, as they were sent.
QUERY_IS_DECODED = bool(orthanc.CheckVersionAdvanced(1, 12, 11))


def serve(output: orthanc.RestOutput, uri: str, **request: Any) -> None:
    """Passes a request on to Node and its answer back, or says what went wrong."""
    path = quote(uri, safe="/:@!$&'()*+,;=~")
    try:
        body = request.get("body", b"")
        head = request_head(path, len(body), request)
        deadline = time.monotonic() + settings.timeout
        send_answer(output, node.ask(request["method"], head, body, deadline))
    except (socket.timeout, BlockingIOError):
        send_error(output, 504, f"Node did not answer within {settings.timeout:g} seconds", path)
    except (BadGateway, OSError) as error:
        send_error(output, 502, str(error), path)


def request_head(path: str, length: int, request: dict[str, Any]) -> bytes:
    """The request line and the headers that Node gets."""
    query = ""
    if request.get("get"):
        safe = "/:@!$'()*,;?~" if QUERY_IS_DECODED else "/:@!$'()*,;?~+%="
        pairs = request["get"].items()
        query = "?" + "&".join(f"{quote(k, safe)}={quote(v, safe)}" for k, v in pairs)
    headers = request["headers"]
    lines = [
        f"{request['method']} {path}{query} HTTP/1.1",
        f"host: {headers.get('host', 'orthanc')}",
    ]
    for_orthanc = NOT_FOR_NODE
    if "connection" in headers:
        for_orthanc = NOT_FOR_NODE | {
            name.strip().lower() for name in headers["connection"].split(",")
        }
    lines += [f"{name}: {value}" for name, value in headers.items() if name not in for_orthanc]
    if "body" in request:
        lines.append(f"content-length: {length}")
    return "\r\n".join([*lines, "", ""]).encode()


def send_answer(output: orthanc.RestOutput, answer: Answer) -> None:
    status, headers, body = answer
    if status == 405:  # has a method of its own
        allowed = [value for name, value in headers if name.lower() == "allow"]
        output.SendMethodNotAllowed(", ".join(allowed))
        return
    if status not in SENDABLE:
        known = INSTEAD.get(status, status // 100 * 100)
        orthanc.LogWarning(
            f"Orthanc can't send status {status} of Node's answer, and sends {known}"
        )
        status = known
    if status == 200:
        content_type = "application/octet-stream"
        for name, value in headers:
            if name.lower() == "content-type":
                content_type = value
            else:
                output.SetHttpHeader(name, value)
        output.AnswerBuffer(body, content_type)
    else:
        arguments = status_arguments(output, status, body)
        for name, value in headers:
            output.SetHttpHeader(name, value)
        output.SendHttpStatus(*arguments)


def status_arguments(output: orthanc.RestOutput, status: int, body: bytes) -> tuple[Any, ...]:
    """The arguments of SendHttpStatus(), which plugin 4.x wants as text and its length."""
    try:
        output.SendHttpStatus()
    except TypeError as error:
        if "3 arguments" not in str(error):
            return status, body
    try:
        if b"\0" not in body:
            return status, body.decode(), len(body)
    except UnicodeDecodeError:
        pass
    raise BadGateway(f"Orthanc can't send the binary body of Node's answer with status {status}")


def send_error(output: orthanc.RestOutput, status: int, message: str, path: str) -> None:
    orthanc.LogError(f"{message}: {status} for {path}")
    headers = [("Content-Type", "application/json")]
    send_answer(output, Answer(status, headers, json.dumps({"error": message}).encode()))


def on_change(change: int, level: int, resource: str) -> None:
    if change == orthanc.ChangeType.ORTHANC_STOPPED:
        node.stop()


settings = read_settings()
for route in settings.routes:
    orthanc.RegisterRestCallback(route, serve)
# Once for all: made while a request is served, a token can block Orthanc for good.
node = Node(settings, orthanc.GenerateRestApiAuthorizationToken())
# Orthanc may also fail to start after this script has been loaded; then it tells no change.
atexit.register(node.stop)
# Last, for it starts a thread: an error after it would keep Orthanc 1.13 from ending.
orthanc.RegisterOnChangeCallback(on_change)
