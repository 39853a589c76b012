"""Lets Orthanc serve routes from a Node program.

Copy this file beside the program, and name both in Orthanc's configuration:

    "PythonScript": "bridge.py",
    "Node": {"Script": "plugin.ts", "Routes": ["/computation"]}

"Script" is relative to this file's folder. "Routes" are regular expressions, as
RegisterRestCallback() takes them. "Executable" (default "node"),
"TimeoutSeconds" (default 60) and "CallsAtOnce" (default: half of Orthanc's
HttpThreadsCount) are optional.

The program is an HTTP server on the Unix socket that the environment variable
ORTHANC_PLUGIN_SOCKET names. For its calls to Orthanc, it has ORTHANC_URL and
ORTHANC_TOKEN, a complete Authorization header. SIGTERM tells it that Orthanc is
stopping. It must end when its standard input ends: that is how it learns that
Orthanc was killed.

This file guarantees:

- Every call ends: with Node's answer; with 502 if Node sent none that can be
  passed on; with 504 if the answer did not arrive within the time limit; or
  with 503, at once, if Node already has too many calls.
- Node's own calls to Orthanc find free threads, because at most "CallsAtOnce"
  calls wait for Node's answer.
- Nothing of one exchange reaches another: each has its own connection, which is
  closed with it.
- A truncated answer never looks complete. An answer must state its length or
  come in chunks, as Node's http module does by itself. Only errors may end with
  the connection.
- Nothing is left behind: Node, what it started, and the socket go with Orthanc.
  If Orthanc is killed, only Node can end what it started: it should kill
  its process group, as routes.ts does.

Orthanc itself does not let through:

- the methods HEAD, OPTIONS and PATCH;
- a form sent as multipart/form-data: each part becomes its own POST, with the
  part's headers, and the answer to it is dropped;
- the query string of any method but GET; all but the last of its parameters
  with the same name; and, from release 1.12.11 on, an escaped & or = in it,
  which is taken for a bare one;
- the body of a DELETE, all but one of several headers with the same name, and
  escaped slashes in the path;
- all of an answer with status 405 but its Allow header, and statuses that
  Orthanc does not know (429 arrives as 400);
- in plugin 4.x, a binary body with any status but 200; Orthanc 1.12.2 and later
  add a second Content-Type, text/plain, to an answer with such a status;
- answers in pieces: each is collected and then sent, compressed if Orthanc is
  set to do so. In plugin 5.0 and later, an answer with status 200 and a length
  above 1 MB is passed on as it arrives.

Plugin 4.0 never frees the body, the query and the headers of a request.

While an answer is sent, the plugin keeps Python's interpreter to itself, for as
long as the client takes to read it. From plugin 4.3 on,
{"Python": {"AllowThreads": true}} ends that.
"""

from __future__ import annotations

import atexit
import fcntl
import io
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
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from enum import Enum
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import orthanc

# Seconds between an end of Node and its next start.
FIRST_PAUSE, LONGEST_PAUSE = 0.25, 30.0
RAN_WELL = 60.0  # seconds: after a longer run, pauses start short again
STOP_GRACE = 5.0  # seconds that Node has to end by itself when Orthanc stops
FINISHING = 1.0  # seconds after its answer for Node to close the connection
HEAD_LIMIT = 65_536  # bytes
PIECE = 65_536  # bytes that are read at a time
LONGEST = 2_000_000  # seconds: Python can't wait longer than 24 days
STREAM_FROM = 1_048_576  # bytes: a longer answer is streamed if the plugin can


# ---- The settings


class Settings(NamedTuple):
    """The settings from Orthanc's configuration."""

    executable: str
    script: str
    routes: list[str]
    timeout: float
    calls_at_once: int
    url: str


def read_settings() -> Settings:
    """Reads the configuration.

    An error here keeps Orthanc from starting, and its log says why.
    """
    configuration = json.loads(orthanc.GetConfiguration())
    section = configuration.get("Node")
    require(isinstance(section, dict), '"Node" must be there, and be an object')
    known = ("Script", "Routes", "Executable", "TimeoutSeconds", "CallsAtOnce")
    for name in section:
        require(
            name in known,
            f'"Node.{name}" is unknown. There are {", ".join(known)}',
        )

    script = section.get("Script")
    require(
        isinstance(script, str) and script != "",
        '"Node.Script" must name a file',
    )
    script = Path(__file__).resolve().parent / script
    require(
        script.is_file(),
        f'"Node.Script" names {script}, and there is no such file',
    )

    routes = section.get("Routes")
    require(
        isinstance(routes, list) and len(routes) > 0,
        '"Node.Routes" must list routes',
    )
    for route in routes:
        valid = isinstance(route, str) and route.startswith("/")
        require(
            valid, f'"Node.Routes" has {json.dumps(route)}, which is not a path'
        )

    name = section.get("Executable", "node")
    require(isinstance(name, str), '"Node.Executable" must name a program')
    executable = shutil.which(name)
    require(
        executable is not None,
        f'"Node.Executable" names {name}, and there is no such program',
    )

    timeout = section.get("TimeoutSeconds", 60)
    valid = (
        isinstance(timeout, (int, float))
        and timeout is not True
        and 0 < timeout <= LONGEST
    )
    require(
        valid,
        f'"Node.TimeoutSeconds" must be a number above zero, up to {LONGEST}',
    )

    threads = configuration.get("HttpThreadsCount", 50)
    calls_at_once = section.get("CallsAtOnce", max(1, threads // 2))
    valid = type(calls_at_once) is int and calls_at_once > 0
    require(valid, '"Node.CallsAtOnce" must be a whole number above zero')

    scheme = "https" if configuration.get("SslEnabled", False) else "http"
    port = configuration.get("HttpPort", 8042)
    # No "localhost": it may mean IPv6, where Orthanc does not listen.
    url = f"{scheme}://127.0.0.1:{port}"
    executable = os.path.abspath(executable)
    return Settings(
        executable, str(script), routes, timeout, calls_at_once, url
    )


def require(condition: bool, message: str) -> None:
    if not condition:
        raise ValueError(f"bridge.py: in Orthanc's configuration, {message}.")


# ---- One exchange with Node


class BadRequest(Exception):
    """The request can't be passed on to Node."""


class BadGateway(Exception):
    """Node sent no answer that can be passed on."""


class ConnectionClosed(BadGateway):
    """Node closed the connection before its answer was complete."""


class Answer(NamedTuple):
    """Node's answer, with a body that is still to come."""

    status: int
    headers: list[tuple[str, str]]  # without those of HOP_BY_HOP
    length: int | None  # of the body, if Node states it
    # Raises BadGateway or a timeout if it does not reach its end.
    body: Iterator[bytes]


# These headers concern one connection only, and are not passed on.
HOP_BY_HOP = {
    "connection",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "upgrade",
}
HOP_BY_HOP |= {"content-length", "transfer-encoding"}
# Heads are read and written strictly: no control characters, no folded lines,
# no bare line feeds.
TEXT = r"[^\x00-\x08\x0a-\x1f\x7f]*"
FIELDS = rf"((?:[!#$%&'*+.^_`|~0-9A-Za-z-]+:{TEXT}\r\n)*)\r\n"
REQUEST_HEAD = re.compile(rf"[A-Z]+ /[!-~]* HTTP/1\.1\r\n{FIELDS}")
ANSWER_HEAD = re.compile(
    rf"HTTP/1\.1 ([1-5][0-9]{{2}})(?: {TEXT})?\r\n{FIELDS}"
)
FIELD = re.compile(r"([^:\r\n]+):[ \t]*([^\r\n]*)\r\n")
LENGTH = re.compile(r"[0-9]{1,15}")
CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,12})[ \t]*(?:;[^\r\n]*)?\r\n")


class Exchange:
    """One request and its answer, over their own connection.

    A connection that is used again can't be proved clean. A handler may write
    to it at any time after its answer, and the next caller would get that as
    an answer.
    """

    def __init__(self, path: str, deadline: float) -> None:
        self._deadline = deadline
        self._unsent: list[memoryview] = []
        # Everything before the position has been used.
        self._received, self._position = b"", 0
        self._silent = True  # until something has arrived
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        # The script may have set another default.
        self._socket.settimeout(None)
        try:
            self._limit(socket.SO_SNDTIMEO)
            self._socket.connect(path)
        except OSError:
            self._socket.close()
            raise

    def __enter__(self) -> Exchange:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def ask(self, head: bytes, body: bytes) -> Answer:
        """Sends the request. Returns the answer as soon as its head arrives."""
        self._unsent = [memoryview(head), memoryview(body)]
        self._send()
        status, fields = self._head()
        while status < 200 and status != 101:  # not the answer yet
            status, fields = self._head()
        if status == 101:
            raise BadGateway(
                "Node's answer switches protocols, which nothing requested"
            )

        codings, lengths, dropped = list[str](), set[str](), HOP_BY_HOP
        for name, value in fields:
            key = name.lower()
            if key == "content-length":
                lengths.add(value.strip(" \t"))
            elif key == "transfer-encoding":
                codings.append(value.strip(" \t").lower())
            elif key == "connection":
                dropped = dropped | named_in(value)
        headers = [
            (name, value)
            for name, value in fields
            if name.lower() not in dropped
        ]

        if status in (204, 304):
            return Answer(status, headers, 0, iter(()))
        if codings == ["chunked"] and not lengths:
            return Answer(status, headers, None, self._chunks())
        if (
            not codings
            and len(lengths) == 1
            and all(map(LENGTH.fullmatch, lengths))
        ):
            length = int(lengths.pop())
            return Answer(status, headers, length, self._pieces(length))
        if not codings and not lengths and status >= 400:
            # This is how Node itself refuses a request. With other statuses, a
            # truncated answer would look complete.
            return Answer(status, headers, None, self._rest())
        raise BadGateway("Node's answer has no clear end")

    def allow(self, seconds: float) -> None:
        """Extends the deadline by the time that others have taken."""
        self._deadline += seconds

    def let_finish(self) -> None:
        """Waits a moment until Node has closed the connection.

        Node has sent all of its answer, but its handler may still be running.
        """
        self._deadline = min(self._deadline, time.monotonic() + FINISHING)
        with suppress(OSError):
            self._limit(socket.SO_RCVTIMEO)
            self._socket.recv(1)

    def _head(self) -> tuple[int, list[tuple[str, str]]]:
        raw = self._line(b"\r\n\r\n")
        try:
            head = raw.decode()
        except UnicodeDecodeError:
            head = raw.decode("latin-1")  # Node itself uses it for headers.
        match = ANSWER_HEAD.fullmatch(head)
        if match is None:
            raise BadGateway("Node's answer is not HTTP/1.1")
        return int(match[1]), FIELD.findall(match[2])

    def _chunks(self) -> Iterator[bytes]:
        while True:
            size = CHUNK_SIZE.fullmatch(self._line())
            if size is None:
                raise BadGateway("Node's answer has a malformed chunk")
            if int(size[1], 16) == 0:
                break
            yield from self._pieces(int(size[1], 16))
            if b"".join(self._pieces(2)) != b"\r\n":
                raise BadGateway("Node's answer has a malformed chunk")
        while self._line() != b"\r\n":
            pass  # Orthanc has no place for a trailer.

    def _rest(self) -> Iterator[bytes]:
        with suppress(ConnectionClosed):
            while True:
                yield from self._pieces(1)

    def _line(self, end: bytes = b"\r\n") -> bytes:
        """Takes everything up to and including ``end``."""
        while (found := self._received.find(end, self._position)) < 0:
            if len(self._received) - self._position > HEAD_LIMIT:
                raise BadGateway("the head of Node's answer is too long")
            self._receive()
        return self._take(found + len(end) - self._position)

    def _pieces(self, size: int) -> Iterator[bytes]:
        """Takes ``size`` bytes, in the pieces in which they arrive."""
        while size > 0:
            if self._position == len(self._received):
                self._receive()
            piece = self._take(size)
            size -= len(piece)
            yield piece

    def _take(self, most: int) -> bytes:
        taken = self._received[self._position : self._position + most]
        self._position += len(taken)
        return taken

    def _receive(self) -> None:
        """Waits for more of the answer, and sends the rest of the request."""
        if self._unsent:
            poll = select.poll()
            poll.register(self._socket, select.POLLIN | select.POLLOUT)
            while self._unsent:
                ready = poll.poll(1000 * self._left())
                if ready and ready[0][1] & ~select.POLLOUT:
                    break
                self._send()
        self._limit(socket.SO_RCVTIMEO)
        try:
            received = self._socket.recv(PIECE)
        except ConnectionError:
            # This is how it ends if Node has not read all of the request.
            received = b""
        if not received:
            when = "without an answer" if self._silent else "amid its answer"
            raise ConnectionClosed(f"Node closed the connection {when}")
        self._silent = False
        self._received = self._received[self._position :] + received
        self._position = 0

    def _send(self) -> None:
        """Sends as much of the request as it can without waiting."""
        try:
            sent = self._socket.sendmsg(self._unsent, (), socket.MSG_DONTWAIT)
        except BlockingIOError:
            return
        except ConnectionError:  # Node reads no more, but may have answered.
            sent = sum(map(len, self._unsent))
        while self._unsent and sent >= len(self._unsent[0]):
            sent -= len(self._unsent.pop(0))
        if self._unsent:
            self._unsent[0] = self._unsent[0][sent:]

    def _limit(self, direction: int) -> None:
        """Limits the next call's time. Unlike settimeout(), costs no poll()."""
        timeval = struct.pack(
            "@ll", *divmod(int(self._left() * 1e6) + 1, 1_000_000)
        )
        self._socket.setsockopt(socket.SOL_SOCKET, direction, timeval)

    def _left(self) -> float:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise socket.timeout
        return left


def named_in(connection: str) -> set[str]:
    """Returns the headers that a Connection header limits to the connection."""
    return {name.strip(" \t").lower() for name in connection.split(",")}


# ---- The Node process


class State(Enum):
    STARTING, LISTENING, DOWN = range(3)


class Node:
    """Starts Node, restarts it whenever it ends, and ends it with Orthanc."""

    def __init__(self, settings: Settings, token: str) -> None:
        self._command = [settings.executable, settings.script]
        self._folder = PrivateFolder()
        self._path = os.path.join(self._folder.path, "node.sock")
        # These are set for Orthanc itself. They may not suit Node, or a Python
        # that Node starts.
        not_for_node = ("LD_LIBRARY_PATH", "PYTHONHOME", "PYTHONPATH")
        self._environment = {
            k: v for k, v in os.environ.items() if k not in not_for_node
        }
        self._environment["ORTHANC_URL"] = settings.url
        self._environment["ORTHANC_TOKEN"] = token
        self._environment["ORTHANC_PLUGIN_SOCKET"] = self._path
        self._changed = threading.Condition()  # guards the next three
        self._state = State.STARTING
        self._process: subprocess.Popen[bytes] | None = None
        self._end = ""  # how the last process ended
        self._stopping = threading.Event()
        self._thread = threading.Thread(
            target=self._supervise, name="Node", daemon=True
        )
        self._thread.start()

    def exchange(self, deadline: float) -> Exchange:
        """Connects to Node. If Node is starting, waits for it."""
        with self._changed:
            left = deadline - time.monotonic()
            if not self._changed.wait_for(
                lambda: self._state is not State.STARTING, left
            ):
                raise socket.timeout
            if self._state is State.DOWN:
                raise BadGateway(f"Node is not running ({self._end})")
        try:
            return Exchange(self._path, deadline)
        except (socket.timeout, BlockingIOError):
            # The deadline passed while too many others waited to connect.
            raise
        except OSError as error:
            raise BadGateway(
                f"Node accepts no connection ({error.strerror})"
            ) from error

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
            orthanc.LogError(
                f"Node has ended ({self._end}), next start in {pause:g} seconds"
            )
            self._stopping.wait(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    def _run(self) -> None:
        """Starts Node, and waits until it has ended."""
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
                    stdin=subprocess.PIPE,  # open for as long as Orthanc lives
                    # Ctrl-C is for Orthanc, which then sends SIGTERM.
                    start_new_session=True,
                )
            except OSError as error:
                self._set_state(State.DOWN, None, str(error))
                return
            self._set_state(State.STARTING, process)
        orthanc.LogWarning(f"Node has started (process {process.pid})")
        while process.poll() is None:
            with suppress(OSError), Exchange(self._path, time.monotonic() + 1):
                os.chmod(self._path, 0o600)
                self._set_state(State.LISTENING, process)
                break
            time.sleep(0.02)
        code = process.wait()
        end = (
            f"exit code {code}" if code >= 0 else f"signal {signal_name(-code)}"
        )
        self._set_state(State.DOWN, None, end)
        assert process.stdin
        process.stdin.close()
        # Kills what Node itself started.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)

    def _set_state(
        self,
        state: State,
        process: subprocess.Popen[bytes] | None,
        end: str = "",
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
                    f"Node has not ended within {STOP_GRACE:g} seconds, "
                    "and is killed"
                )
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
        self._thread.join(STOP_GRACE)
        self._folder.remove()


def signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # One of the real-time signals, which have no names.
        return str(number)


class PrivateFolder:
    """A folder for the socket, with mode 0700.

    It is locked for as long as this process lives, however the process ends.
    The next start removes such a folder if it is not locked. systemd-tmpfiles
    does not remove it while it is locked.
    """

    PREFIX = "orthanc-node-"

    def __init__(self) -> None:
        parent = tempfile.gettempdir()
        if len(os.fsencode(parent)) > 60:
            raise ValueError(
                f"bridge.py: {parent} is too long for a socket's path. "
                "Set TMPDIR."
            )
        for forgotten in Path(parent).glob(f"{self.PREFIX}*"):
            with suppress(OSError):  # It is in use, or another user's.
                lock = self._lock(str(forgotten))
                try:
                    shutil.rmtree(forgotten)
                finally:
                    os.close(lock)
        self._held = -1
        while self._held < 0:
            self.path = tempfile.mkdtemp(prefix=f"{self.PREFIX}{os.getpid()}-")
            with suppress(OSError):  # Another start is removing it.
                self._held = self._lock(self.path)

    def _lock(self, path: str) -> int:
        """Locks a folder that is ours. Returns the descriptor of the lock."""
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

# Orthanc can send these. With any other, its client would get no answer at all.
SENDABLE = {
    200,
    201,
    202,
    203,
    204,
    205,
    206,
    207,
    208,
    226,
    300,
    302,
    303,
    304,
    305,
    307,
}
SENDABLE |= {
    *range(400, 405),
    *range(406, 418),
    422,
    423,
    424,
    426,
    *range(500, 508),
    509,
    510,
}
# An unknown status becomes the first of its class (RFC 9110, section 15), but a
# redirect stays a redirect.
INSTEAD = {301: 302, 308: 307}
# Orthanc compresses the answer itself, and has already handled Expect.
NOT_FOR_NODE = HOP_BY_HOP | {"accept-encoding", "expect", "host"}
# From this release on, CivetWeb decodes names and values. In earlier releases,
# they arrive as they were sent.
QUERY_IS_DECODED = bool(orthanc.CheckVersionAdvanced(1, 12, 11))


def serve(output: orthanc.RestOutput, uri: str, **request: Any) -> None:
    """Has Node answer a request, or refuses it if Node has too many calls.

    Each call holds one of Orthanc's HTTP threads.
    """
    path = quote(uri, safe="/:@!$&'()*+,;=~")
    if not places.acquire(blocking=False):
        output.SetHttpHeader("Retry-After", "1")
        send_error(
            output,
            503,
            f"too many calls (CallsAtOnce is {settings.calls_at_once})",
            path,
        )
        return
    with ExitStack() as afterwards:
        try:
            pass_on(output, path, request, afterwards)
        finally:
            places.release()


def pass_on(
    output: orthanc.RestOutput,
    path: str,
    request: dict[str, Any],
    afterwards: ExitStack,
) -> None:
    """Passes a request on to Node, and Node's answer or an error back.

    ``afterwards`` gets what is left to do when the client has its answer.
    """
    try:
        body = request.get("body", b"")
        head = request_head(path, len(body), request)
        exchange = afterwards.enter_context(
            node.exchange(time.monotonic() + settings.timeout)
        )
        answer = exchange.ask(head, body)
        if can_stream(output, answer):
            stream_answer(output, answer, exchange, path)
        else:
            send_answer(
                output, answer.status, answer.headers, collected(answer.body)
            )
        afterwards.callback(exchange.let_finish)
    except (socket.timeout, BlockingIOError):
        send_error(
            output,
            504,
            f"Node did not answer within {settings.timeout:g} seconds",
            path,
        )
    except BadRequest as error:
        send_error(output, 400, str(error), path)
    except (BadGateway, OSError) as error:
        send_error(output, 502, str(error), path)


def request_head(path: str, length: int, request: dict[str, Any]) -> bytes:
    """Returns the request line and the headers for Node."""
    query = ""
    if request.get("get"):
        safe = "/:@!$'()*,;?~" if QUERY_IS_DECODED else "/:@!$'()*,;?~+%="
        pairs = request["get"].items()
        query = "?" + "&".join(
            f"{quote(k, safe)}={quote(v, safe)}" for k, v in pairs
        )
    headers = {
        name.lower(): value for name, value in request["headers"].items()
    }
    lines = [
        f"{request['method']} {path}{query} HTTP/1.1",
        f"host: {headers.get('host', 'orthanc')}",
        # With this, Node refuses to treat what follows as another request.
        "connection: close",
    ]
    for_orthanc = NOT_FOR_NODE
    if "connection" in headers:
        for_orthanc = NOT_FOR_NODE | named_in(headers["connection"])
    lines += [
        f"{name}: {value}"
        for name, value in headers.items()
        if name not in for_orthanc
    ]
    if "body" in request:
        lines.append(f"content-length: {length}")
    head = "\r\n".join([*lines, "", ""])
    if not REQUEST_HEAD.fullmatch(head):
        raise BadRequest(
            "a header of the request has characters that none may have"
        )
    return head.encode()


def collected(body: Iterator[bytes]) -> bytes:
    """Returns the whole body."""
    whole = io.BytesIO()
    for piece in body:
        whole.write(piece)
    return whole.getvalue()


def can_stream(output: orthanc.RestOutput, answer: Answer) -> bool:
    """Returns whether an answer is large, and its end would show in a stream.

    Orthanc marks the end of a stream only by the end of the connection. So the
    length must be known: without it, a truncated answer would look complete.
    """
    large = answer.status == 200 and (answer.length or 0) > STREAM_FROM
    return large and hasattr(output, "StartStreamAnswer")


def stream_answer(
    output: Any, answer: Answer, exchange: Exchange, path: str
) -> None:
    """Passes the body on as it arrives.

    Once its first piece has arrived, no error can be sent.
    """
    piece = next(answer.body)
    output.SetHttpHeader("Content-Length", str(answer.length))
    output.StartStreamAnswer(set_headers(output, answer.headers))
    try:
        while piece:
            started = time.monotonic()
            output.SendStreamChunk(piece)
            # The client has taken that time, not Node.
            exchange.allow(time.monotonic() - started)
            piece = next(answer.body, b"")
    except (BadGateway, OSError) as error:
        why = (
            str(error)
            or f"Node did not send all within {settings.timeout:g} seconds"
        )
        orthanc.LogError(
            f"{why}: the client gets less than was announced for {path}"
        )


def set_headers(
    output: orthanc.RestOutput, headers: list[tuple[str, str]]
) -> str:
    """Sets an answer's headers. Returns its content type, which is not set."""
    content_type = "application/octet-stream"
    for name, value in headers:
        if name.lower() == "content-type":
            content_type = value
        else:
            output.SetHttpHeader(name, value)
    return content_type


def send_answer(
    output: orthanc.RestOutput,
    status: int,
    headers: list[tuple[str, str]],
    body: bytes,
) -> None:
    if status == 405:  # Orthanc has its own method for it.
        allowed = [value for name, value in headers if name.lower() == "allow"]
        output.SendMethodNotAllowed(", ".join(allowed))
        return
    if status not in SENDABLE:
        known = INSTEAD.get(status, status // 100 * 100)
        orthanc.LogWarning(
            f"Orthanc can't send status {status} of Node's answer, "
            f"and sends {known}"
        )
        status = known
    if status == 200:
        output.AnswerBuffer(body, set_headers(output, headers))
    else:
        arguments = status_arguments(output, status, body)
        for name, value in headers:
            output.SetHttpHeader(name, value)
        output.SendHttpStatus(*arguments)


def status_arguments(
    output: orthanc.RestOutput, status: int, body: bytes
) -> tuple[Any, ...]:
    """Returns the arguments for SendHttpStatus().

    Plugin 4.x wants the body as text, and its length.
    """
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
    raise BadGateway(
        "Orthanc can't send the binary body of Node's answer "
        f"with status {status}"
    )


def send_error(
    output: orthanc.RestOutput, status: int, message: str, path: str
) -> None:
    orthanc.LogError(f"{message}: {status} for {path}")
    headers = [("Content-Type", "application/json")]
    send_answer(
        output, status, headers, json.dumps({"error": message}).encode()
    )


def on_change(change: int, level: int, resource: str) -> None:
    if change == orthanc.ChangeType.ORTHANC_STOPPED:
        node.stop()


settings = read_settings()
places = threading.BoundedSemaphore(settings.calls_at_once)
for route in settings.routes:
    orthanc.RegisterRestCallback(route, serve)
# Once for all: making a token while a request is served can block Orthanc
# forever.
node = Node(settings, orthanc.GenerateRestApiAuthorizationToken())
# If Orthanc fails to start after this script has loaded, it reports no change.
atexit.register(node.stop)
# Last, because it starts a thread: an error after it would keep Orthanc 1.13
# from ending.
orthanc.RegisterOnChangeCallback(on_change)
