"""A pool of worker processes for Orthanc plugins, in which every call ends.

Copy this file beside a plugin. It needs Linux and Python 3.9 or later. It never
imports ``orthanc``, so you can try it in any Python. It guarantees:

- Every call ends. It returns what its task returns, raises what its task
  raises, or raises PoolBusy, DeadlineExceeded or WorkerDied.
- A call costs no other call anything. If it waits too long, it alone is
  dropped. If its task takes too long or kills the worker, only that worker is
  lost, and it is replaced.
- Nothing of one call reaches another. A worker has one task at a time, and is
  used again only if its last task ended cleanly.
- Nothing is left behind. Workers, and what they started in their process group,
  end with Orthanc, however Orthanc ends.

Workers are not forked from the running Orthanc, because it has threads, locks
and sockets. They are forked from a helper process: a copy of Orthanc from the
time when the script was loaded. If the helper is killed, and only then, the
next helper is forked from the running Orthanc.

A task must clean up after itself: a timer or a thread that it leaves behind may
hit the worker's next task. Network connections that the script opened do not
work in workers, so open them in the task or the initializer.

Make the pool before the script starts a thread that starts programs, as
``import bridge`` does. If a helper is forked while a program is being started,
that start never returns.
"""

import ctypes
import errno
import os
import pickle
import select
import signal
import socket
import stat
import struct
import sys
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from contextlib import contextmanager, suppress
from types import GeneratorType
from typing import Any, Optional

if sys.platform != "linux" or sys.version_info < (3, 9):
    raise ImportError(
        "pool.py needs Linux and Python 3.9 or later; "
        "this is {} with Python {}.{}.".format(
            sys.platform, *sys.version_info[:2]
        )
    )


LONGEST = 2_000_000.0  # seconds: Python can't wait longer than 24 days


class PoolError(Exception):
    """A call ended with neither a result nor an exception from its task.

    ``http_status`` is its HTTP status: 504 if the task was late, otherwise 503.
    """

    http_status = 503


class PoolBusy(PoolError):
    """All workers are busy. The task did not run: try again later."""


class DeadlineExceeded(PoolError):
    """The task did not finish in time, and its worker was killed."""

    http_status = 504


class WorkerDied(PoolError):
    """The worker was killed or crashed mid-task, or the pool was closed."""


class WorkerTraceback(Exception):
    """The cause of a task's exception: where in the worker it was raised."""

    def __str__(self) -> str:
        return f"in the worker:\n{self.args[0]}"


class WorkerPool:
    """Worker processes, each of which runs one task at a time.

    Make the pool while the plugin's script loads, below all functions that it
    will run: workers know only what was defined by then.
    """

    def __init__(
        self,
        workers: int,
        initializer: Callable[..., None] = lambda: None,
        arguments: tuple[Any, ...] = (),
        waiting: int = 16,
        patience: float = 10.0,
    ) -> None:
        """Starts the workers.

        Each calls ``initializer(*arguments)`` before its first task. At most
        ``waiting`` calls wait for a worker, each for at most ``patience``
        seconds. A call that waits in a REST callback holds one of Orthanc's 50
        HTTP threads.
        """
        self._waiting = waiting
        self._patience = _checked(patience)
        self._owner = os.getpid()
        self._helper = _Helper(initializer, arguments)
        # Guards the next three attributes, and those of each Call.
        self._lock = threading.Lock()
        self._closed = False
        self._idle = [_Worker(self._helper) for _ in range(workers)]
        self._queue: deque[Call] = deque()

    # region run
    def run(
        self, deadline: float, task: Callable[..., Any], *arguments: Any
    ) -> Any:
        """Runs ``task(*arguments)`` in a worker, and returns what it returns.

        Raises what the task raises; PoolBusy if too many calls are waiting, or
        this call waited too long; WorkerDied if the worker was killed or
        crashed; and DeadlineExceeded if the worker has not finished after
        ``deadline`` seconds. A new worker's start counts; the wait does not.
        """
        deadline, message = _checked(deadline), _pickled(task, arguments)
        return self._play(self._enter(), deadline, message)

    # endregion

    def submit(
        self, deadline: float, task: Callable[..., Any], *arguments: Any
    ) -> "Call":
        """Does the same in its own thread, and returns at once.

        Raises PoolBusy if too many calls are waiting. The Call's ``result()``
        raises whatever else ``run`` would raise.
        """
        # Pickle here: the new thread would wait until the script has loaded.
        deadline, message = _checked(deadline), _pickled(task, arguments)
        call = self._enter()

        def play() -> None:
            try:
                call.set_result(self._play(call, deadline, message))
            except BaseException as error:
                call.set_exception(error)

        try:
            threading.Thread(target=play, daemon=True).start()
        except RuntimeError:  # This process can't have another thread.
            call.cancel()
            play()
            raise
        return call

    def close(self) -> None:
        """Ends all workers and calls.

        Call it on ORTHANC_STOPPED, because Orthanc waits for open calls.
        """
        with self._lock:
            self._closed = True
            while self._queue:
                self._queue.popleft()._turn.set_exception(
                    WorkerDied("the pool is closed")
                )
        self._helper.close()

    # region queue
    def _enter(self) -> "Call":
        """Returns a new call that has a worker or a place in the queue."""
        if os.getpid() != self._owner:
            raise RuntimeError("a pool belongs to the process that has made it")
        call = Call(self)
        with self._lock:
            if self._closed:
                raise WorkerDied("the pool is closed")
            if self._idle:
                call._take(self._idle.pop())
            elif len(self._queue) < self._waiting:
                self._queue.append(call)
            else:
                raise PoolBusy(f"{self._waiting} calls are waiting already")
        return call

    def _wait(self, call: "Call") -> "_Worker":
        """Waits for the call's turn. Returns its worker."""
        try:
            return call._turn.result(self._patience)
        except FutureTimeoutError:
            with self._lock:
                if call in self._queue:
                    self._queue.remove(call)
                    message = (
                        f"no worker was free within {self._patience:g} seconds"
                    )
                    raise PoolBusy(message) from None
            return call._turn.result()  # A worker came free just in time.

    def _leave(self, call: "Call") -> None:
        """Hands the call's worker to the next call in the queue."""
        with self._lock:
            worker = call._worker
            call._worker = None
            assert worker
            if self._queue:
                self._queue.popleft()._take(worker)
            else:
                self._idle.append(worker)

    # endregion

    def _play(self, call: "Call", deadline: float, message: bytes) -> Any:
        worker = self._wait(call)
        try:
            worker.make_ready()
            # From here on, a cancellation interrupts the worker.
            if not call._is_cancelled:
                return worker.run(deadline, message, call._note)
        finally:
            self._leave(call)
            if call._is_cancelled:
                raise CancelledError from None


def _checked(seconds: float) -> float:
    if seconds != seconds:
        raise ValueError("a time limit must be a number of seconds")
    return min(seconds, LONGEST)


def _pickled(task: Callable[..., Any], arguments: tuple[Any, ...]) -> bytes:
    return pickle.dumps((task, arguments), pickle.HIGHEST_PROTOCOL)


class Call(Future[Any]):
    """A task in the pool, as ``submit`` returns it.

    If the task is a generator, ``progress`` is the last value that it yielded,
    and ``result()`` returns what it returns.
    """

    def __init__(self, pool: WorkerPool) -> None:
        super().__init__()
        self.progress: Any = None
        self._pool = pool
        self._turn: Future[_Worker] = Future()
        self._worker: Optional[_Worker] = None
        self._is_cancelled = False

    def cancel(self) -> bool:
        """Cancels the call and kills its worker, unless the call has ended.

        ``result()`` then raises CancelledError.
        """
        with self._pool._lock:
            if self in self._pool._queue:
                self._pool._queue.remove(self)
                self._turn.set_exception(CancelledError())
                self._is_cancelled = True
            elif self._worker:
                self._is_cancelled = True
                self._worker.interrupt()
            return self._is_cancelled

    def _take(self, worker: "_Worker") -> None:
        self._worker = worker
        self._turn.set_result(worker)

    def _note(self, progress: Any) -> None:
        self.progress = progress


# ---- One worker, from Orthanc's side

PROGRESS, RESULT, ERROR = b"P", b"R", b"E"
# Messages that are read after the deadline: they may have arrived in time.
LATE_MESSAGES = 1000


class _Worker:
    """A worker process, or the one that has replaced it."""

    def __init__(self, helper: "_Helper") -> None:
        self._helper = helper
        self._pid, self._connection = helper.fork()

    def make_ready(self) -> None:
        """Replaces a worker that died while idle or was interrupted."""
        if _is_readable(self._connection):
            pid, connection = self._helper.fork()
            self._kill()
            self._connection.close()
            self._pid, self._connection = pid, connection

    def run(
        self, deadline: float, message: bytes, report: Callable[[Any], None]
    ) -> Any:
        """Runs a task in the worker.

        If the task does not end cleanly, the worker is not used again.
        """
        limit = time.monotonic() + deadline
        kind, answer, late = PROGRESS, bytearray(), 0
        try:
            with self._failing(deadline):
                _send(self._connection, RESULT, message, limit)
            while kind == PROGRESS:
                with self._failing(deadline):
                    kind, answer = _receive(self._connection, limit)
                    late += time.monotonic() > limit
                    if kind == PROGRESS and late > LATE_MESSAGES:
                        raise socket.timeout
                if kind == PROGRESS:
                    report(pickle.loads(answer))
        finally:
            if kind == PROGRESS:
                self.interrupt()
                self._kill()
        if kind == RESULT:
            return pickle.loads(answer)
        error, trace = pickle.loads(answer)
        raise error from WorkerTraceback(trace)

    @contextmanager
    def _failing(self, deadline: float) -> Iterator[None]:
        """Turns a failure of the connection into the PoolError it means."""
        try:
            yield
        except socket.timeout:
            raise DeadlineExceeded(
                f"no worker finished within {deadline:g} seconds"
            ) from None
        except (EOFError, OSError):
            raise WorkerDied("the worker has failed") from None

    def interrupt(self) -> None:
        """Shuts down the connection: ``run`` in another thread ends at once."""
        with suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)

    def _kill(self) -> None:
        if self._pid and self._helper.kill(self._pid):
            self._pid = 0  # The next worker may get the same number.


# ---- The helper process, from Orthanc's side


class _Helper:
    """A process that forks and kills workers.

    It has one thread, and none of Orthanc's network sockets.
    """

    PATIENCE = 10.0  # seconds without an answer until it counts as dead

    def __init__(
        self, initializer: Callable[..., None], arguments: tuple[Any, ...]
    ) -> None:
        self._prepare = (initializer, arguments)
        self._lock = threading.Lock()
        self._closed = False
        self._start()

    # region fork
    def _start(self) -> None:
        self._control, theirs = socket.socketpair(
            socket.AF_UNIX, socket.SOCK_SEQPACKET
        )
        self._control.settimeout(self.PATIENCE)
        self._pid = os.fork()
        if self._pid == 0:
            with _ending_here():
                self._control.close()
                _help(theirs, *self._prepare)
        theirs.close()

    def fork(self) -> tuple[int, socket.socket]:
        """Forks a worker. Returns its process id and a connection to it."""
        with self._lock:
            if self._closed:
                raise WorkerDied("the pool is closed")
            try:
                try:
                    pid, connections = self._ask(b"fork")
                except (OSError, EOFError):
                    # The helper was killed, and its workers with it.
                    self._start()
                    pid, connections = self._ask(b"fork")
                if pid < 0:
                    raise OSError(-pid, os.strerror(-pid))
                if not connections:  # No file descriptor was left for it.
                    self._ask(str(pid).encode())
                    raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
            except (OSError, EOFError) as error:
                raise WorkerDied(
                    f"no worker can be started: {error}"
                ) from error
            return pid, socket.socket(fileno=connections[0])

    # endregion

    def kill(self, pid: int) -> bool:
        """Kills a worker and what it started. Returns whether it has ended."""
        with self._lock, suppress(OSError, EOFError):
            return self._ask(str(pid).encode())[0] == 0
        return True  # The helper has ended, and its workers with it.

    def close(self) -> None:
        """Ends the helper, and all workers with it."""
        with self._lock:
            self._closed = True
            self._end()

    def _ask(self, order: bytes) -> tuple[int, list[int]]:
        try:
            self._control.send(order)
            # Unlike socket.recv_fds(), this sets a flag, so that no other
            # program inherits the connection.
            answer, parts, *_ = self._control.recvmsg(
                32, socket.CMSG_SPACE(4), socket.MSG_CMSG_CLOEXEC
            )
            if not answer:
                raise EOFError
            return int(answer), [_NUMBER.unpack(data)[0] for *_, data in parts]
        except (OSError, EOFError):
            self._end()
            raise

    def _end(self) -> None:
        if self._pid == 0:
            return
        with suppress(OSError):
            self._control.shutdown(socket.SHUT_WR)
            self._control.recv(1)  # returns when the helper has ended
        self._control.close()
        with suppress(ChildProcessError, ProcessLookupError):
            os.kill(self._pid, signal.SIGKILL)
            os.waitpid(self._pid, 0)
        self._pid = 0


_NUMBER = struct.Struct("@i")


# ---- In the helper process

_LIBC = ctypes.CDLL(None)
_PR_SET_PDEATHSIG, _PR_SET_NAME = 1, 15


def _help(
    control: socket.socket,
    initializer: Callable[..., None],
    arguments: tuple[Any, ...],
) -> None:
    """Forks and kills workers until Orthanc closes its end of ``control``.

    If Orthanc dies, that end closes, too.
    """
    _LIBC.prctl(_PR_SET_NAME, b"pool-helper")
    # A signal to Orthanc's group, such as Ctrl-C in a terminal, is for Orthanc,
    # which then ends its workers. A closed connection must raise an error, not
    # end the process by SIGPIPE.
    os.setpgid(0, 0)
    for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE):
        signal.signal(name, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    _leave_network()
    helper = os.getpid()
    workers: set[int] = set()
    try:
        while True:
            order = control.recv(32)
            if not order:
                break
            if order == b"fork":
                ours, theirs = socket.socketpair()
                with ours, theirs:
                    pid = _fork()
                    if pid == 0:
                        with _ending_here():
                            control.close()
                            ours.close()
                            _work(theirs, helper, initializer, arguments)
                    if pid > 0:
                        workers.add(pid)
                    connections = [ours.fileno()] if pid > 0 else []
                    socket.send_fds(control, [str(pid).encode()], connections)
            else:
                pid = int(order)
                # Any other number may belong to another process by now.
                if pid in workers and _kill(pid):
                    workers.remove(pid)
                control.send(b"1" if pid in workers else b"0")
    finally:
        for pid in workers:
            _kill(pid)


def _fork() -> int:
    """Like os.fork(), but returns an error as a negative number."""
    try:
        return os.fork()
    except OSError as error:
        return -(error.errno or 1)


def _kill(pid: int) -> bool:
    """Kills a worker and its process group.

    Returns whether the worker ended within a second.
    """
    for kill in (os.killpg, os.kill):  # It may not lead a group yet.
        with suppress(ProcessLookupError):
            kill(pid, signal.SIGKILL)
    for _ in range(200):
        if os.waitpid(pid, os.WNOHANG)[0] == pid:
            return True
        time.sleep(0.005)
    return False  # The kernel is waiting for a disk or the like.


def _leave_network() -> None:
    """Closes Orthanc's network sockets, which would keep its ports in use.

    Each becomes /dev/null, so that an object that still has its number can't
    hit a file that is opened next.
    """
    null = os.open(os.devnull, os.O_RDWR)
    for number in map(int, os.listdir("/proc/self/fd")):
        with suppress(OSError):
            if stat.S_ISSOCK(os.fstat(number).st_mode) and _is_network_socket(
                number
            ):
                os.dup2(null, number, inheritable=False)
    os.close(null)


def _is_network_socket(number: int) -> bool:
    found = socket.socket(fileno=number)
    try:
        return found.family != socket.AF_UNIX
    finally:
        found.detach()


@contextmanager
def _ending_here() -> Iterator[None]:
    """Ends a forked copy of Orthanc after its own work.

    It must not continue as a second Orthanc.
    """
    try:
        yield
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
    finally:
        os._exit(0)


# ---- In a worker


# region worker
def _work(
    connection: socket.socket,
    helper: int,
    initializer: Callable[..., None],
    arguments: tuple[Any, ...],
) -> None:
    """Runs tasks until Orthanc closes the connection."""
    _LIBC.prctl(_PR_SET_NAME, b"pool-worker")
    os.setpgid(0, 0)
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != helper:
        return
    for name in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(name, signal.SIG_DFL)
    initializer(*arguments)
    send = _make_sender(connection)
    with suppress(EOFError, ConnectionError):
        while True:
            _, message = _receive(connection)
            send(*_answer(send, message))


def _make_sender(connection: socket.socket) -> Callable[[bytes, bytes], None]:
    """Returns a function that sends a worker's messages.

    In a process that a task has forked, it ends that process instead.
    """
    worker = os.getpid()

    def send(kind: bytes, body: bytes) -> None:
        if os.getpid() != worker:
            os._exit(0)
        _send(connection, kind, body)

    return send


def _answer(
    send: Callable[[bytes, bytes], None], message: bytearray
) -> tuple[bytes, bytes]:
    """Runs one task. Returns its result or its error, pickled."""
    try:
        task, arguments = pickle.loads(message)
        result = task(*arguments)
        if isinstance(result, GeneratorType):
            result = _follow(send, result)
        return RESULT, pickle.dumps(result, pickle.HIGHEST_PROTOCOL)
    except Exception as error:
        return ERROR, _pickle_error(error)


def _follow(send: Callable[[bytes, bytes], None], steps: GeneratorType) -> Any:
    """Sends what a task yields, and returns what it returns."""
    try:
        while True:
            send(PROGRESS, pickle.dumps(next(steps), pickle.HIGHEST_PROTOCOL))
    except StopIteration as end:
        return end.value


# endregion


def _pickle_error(error: Exception) -> bytes:
    """Pickles an exception and its traceback.

    If the exception can't be pickled, a RuntimeError takes its place.
    """
    trace = traceback.format_exc()
    try:
        pickled = pickle.dumps((error, trace))
        pickle.loads(pickled)
        return pickled
    except Exception:
        return pickle.dumps((RuntimeError(repr(error)), trace))


# ---- Messages: one byte for the kind, the length of the rest, the rest

_HEAD = struct.Struct("!cQ")


def _send(
    connection: socket.socket,
    kind: bytes,
    body: bytes,
    limit: Optional[float] = None,
) -> None:
    """Sends a message.

    Raises socket.timeout after ``limit``, which is in time.monotonic().
    """
    head = _HEAD.pack(kind, len(body))
    for part in [head + body] if len(body) < 16_384 else [head, body]:
        connection.settimeout(_left(limit))
        with _waiting_ends():
            connection.sendall(part)


def _receive(
    connection: socket.socket, limit: Optional[float] = None
) -> tuple[bytes, bytearray]:
    """Receives a message.

    Raises socket.timeout after ``limit``, and EOFError at the connection's end.
    """
    kind, length = _HEAD.unpack(_read(connection, _HEAD.size, limit))
    return kind, _read(connection, length, limit)


def _read(
    connection: socket.socket, size: int, limit: Optional[float]
) -> bytearray:
    data = bytearray(size)
    rest = memoryview(data)
    while rest:
        connection.settimeout(_left(limit))
        with _waiting_ends():
            count = connection.recv_into(rest)
        if count == 0:
            raise EOFError
        rest = rest[count:]
    return data


def _left(limit: Optional[float]) -> Optional[float]:
    """Returns the seconds that are left, or None if there is no limit.

    After the limit it returns 0: data that has arrived is still read. The task
    may have ended in time, while another callback kept this one from reading.
    """
    return None if limit is None else max(0.0, limit - time.monotonic())


@contextmanager
def _waiting_ends() -> Iterator[None]:
    """Turns "would block" into a timeout: no time is left to wait."""
    try:
        yield
    except BlockingIOError:
        raise socket.timeout from None


def _is_readable(connection: socket.socket) -> bool:
    """Returns whether there is data to read, or the other end is closed."""
    poll = select.poll()
    poll.register(connection, select.POLLIN)
    return bool(poll.poll(0))
