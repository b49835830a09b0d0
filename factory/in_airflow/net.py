"""One net around all that one spec can do while it is built: raise, wait, end the process."""

from __future__ import annotations

import contextlib
import faulthandler
import os
import resource
import select
import signal
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from airflow.sdk.definitions._internal.contextmanager import DagContext, TaskGroupContext

from factory.errors import TimeIsUp, is_fault
from factory.in_airflow.journal import Journal

Made = TypeVar("Made")

_SHARE = 0.6  # of the time that is left, for one spec: so there is always some for the others
_SHORTEST = 1.0
_TRIAL = 20.0
_DONE = b"done"


class Net:
    """Builds one spec after the other, so that none can keep the others from being built.

    The time is Airflow's for the whole Dag file, when it counts one.
    """

    def __init__(self, journal: Journal) -> None:
        self.journal = journal
        self.interrupted = False
        self._in_main_thread = threading.current_thread() is threading.main_thread()
        self._process = _Process(self._in_main_thread)
        left = signal.getitimer(signal.ITIMER_REAL)[0] if self._in_main_thread else 0.0
        self._end = time.monotonic() + left if left else None

    def catch(
        self, source: str, make: Callable[[], Made], *, foreign: bool = True
    ) -> tuple[Made | None, BaseException | None]:
        """What `make` returns, or what it raised.

        :param foreign: it may run code of other packages, which may do anything.
        :raises KeyboardInterrupt: a person pressed Ctrl-C; one that a module raises is caught.
        :raises AirflowTaskTimeout: the time for the whole Dag file is up.
        """
        self.journal.note(source)
        try:
            if not foreign:
                return make(), None
            share = self._share()
            with self.own_signals(), registering_nothing():
                if not share:
                    return make(), None
                with _alarm(share):
                    return make(), None
        except BaseException as error:
            others = foreign and isinstance(error, TimeIsUp | KeyboardInterrupt)
            if self.interrupted or not (is_fault(error) or others):
                raise
            return None, error
        finally:
            self.journal.note("")

    def tidy(self) -> None:
        """Put back what code of others may have changed of the process, for those after it."""
        self._process.restore()

    def trial(self, source: str, make: Callable[[], object]) -> str:
        """Build in a process of its own: why that did not come to its end, or an empty string."""
        self.journal.note(source)
        try:
            return _in_a_child(make, self._share() or _TRIAL)
        finally:
            self.journal.note("")

    @property
    def time_is_up(self) -> bool:
        """Whether there is too little left to build what runs code of others."""
        return self._end is not None and self._share() == 0.0

    def _share(self) -> float:
        """How long one spec may take; 0 for as long as it likes."""
        if self._end is None:
            return 0.0
        share = (self._end - time.monotonic()) * _SHARE
        # of so little it would be unjust: Airflow's own error says what to do
        return share if share >= _SHORTEST else 0.0

    @contextlib.contextmanager
    def own_signals(self) -> Iterator[None]:
        """Tell a person's Ctrl-C from the same exception raised by a module; let a fault be one.

        Airflow has a handler of its own for SIGSEGV, in Python. It is never come to: the faulty
        instruction is repeated without end.
        """

        def interrupt(number: int, frame: Any) -> Any:
            self.interrupted = True
            return before[number](number, frame)

        ours: dict[int, Any] = {signal.SIGINT: interrupt, signal.SIGSEGV: signal.SIG_DFL}
        before: dict[int, Any] = {}
        for number in ours if self._in_main_thread else ():
            if callable(signal.getsignal(number)):
                before[number] = signal.signal(number, ours[number])
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


class _Process:
    """What a module can change of a process with one line, as it was at first."""

    def __init__(self, in_main_thread: bool) -> None:
        self.in_main_thread = in_main_thread
        self.folder = ""
        with contextlib.suppress(OSError):
            self.folder = os.getcwd()
        self.recursion = sys.getrecursionlimit()
        names = (name for name in dir(resource) if name.startswith("RLIMIT_"))
        numbers = {getattr(resource, name) for name in names}
        self.limits = {number: resource.getrlimit(number) for number in numbers}
        self.blocked = signal.pthread_sigmask(signal.SIG_BLOCK, [])
        self.children = _children()
        self.contexts = [DagContext._context, TaskGroupContext._context]
        self.open = [len(context) for context in self.contexts]

    def restore(self) -> None:
        """What cannot be put back stays: a limit that was lowered for good."""
        with contextlib.suppress(OSError):
            os.chdir(self.folder or ".")
        sys.setrecursionlimit(self.recursion)
        for number, limits in self.limits.items():
            if resource.getrlimit(number) != limits:
                with contextlib.suppress(OSError, ValueError):
                    resource.setrlimit(number, limits)
        faulthandler.cancel_dump_traceback_later()
        for child in _children() - self.children:
            _end(child)  # it holds what Airflow waits for the end of
        for context, size in zip(self.contexts, self.open, strict=True):
            while len(context) > size:  # `with DAG(…)` that was never left
                context.popleft()
        if self.in_main_thread:
            for timer in (signal.ITIMER_VIRTUAL, signal.ITIMER_PROF):
                signal.setitimer(timer, 0)
            signal.pthread_sigmask(signal.SIG_SETMASK, self.blocked)


def _children() -> set[int]:
    """The processes that this one has started, where the system tells."""
    found: set[int] = set()
    for task in Path("/proc/self/task").glob("*/children"):
        with contextlib.suppress(OSError):
            found.update(map(int, task.read_text().split()))
    return found


@contextlib.contextmanager
def registering_nothing() -> Iterator[None]:
    """A DAG that a module makes for itself, while it is imported for one of ours, is not ours.

    Airflow would take it for a DAG of the loader's file: of one name with another pipeline, it
    would stop the scheduling of all.
    """
    before = DagContext.current_autoregister_module_name
    known = set(DagContext.autoregistered_dags)
    DagContext.current_autoregister_module_name = None
    try:
        yield
    finally:
        DagContext.current_autoregister_module_name = before
        DagContext.autoregistered_dags.intersection_update(known)


@contextlib.contextmanager
def _alarm(seconds: float) -> Iterator[None]:
    """Raise `TimeIsUp` after so long, again and again; Airflow's own alarm goes on after."""
    armed = True

    def ring(number: int, frame: Any) -> None:
        if armed:
            raise TimeIsUp

    start = time.monotonic()
    before = signal.signal(signal.SIGALRM, ring)
    left, _ = signal.setitimer(signal.ITIMER_REAL, seconds, 1.0)
    try:
        yield
    finally:
        armed = False
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        if left:
            spent = time.monotonic() - start
            signal.setitimer(signal.ITIMER_REAL, max(left - spent, 0.001))


def _in_a_child(make: Callable[[], object], limit: float) -> str:
    ours, theirs = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of a fork beside threads
        child = os.fork()
    if child == 0:
        _run_and_end(make, theirs)
    os.close(theirs)
    try:
        return _outcome(child, ours, limit)
    finally:
        os.close(ours)


def _run_and_end(make: Callable[[], object], end: int) -> None:
    """In the child: an exception is an outcome like any other; only its end counts here."""
    try:
        signal.setitimer(signal.ITIMER_REAL, 0)
        os.setpgid(0, 0)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # its end is told by us
        with contextlib.suppress(BaseException):
            make()
        os.write(end, _DONE)
    finally:
        os._exit(0)


def _outcome(child: int, pipe: int, limit: float) -> str:
    start = time.monotonic()
    status = None
    while status is None and time.monotonic() < start + limit:
        if select.select([pipe], [], [], 0.02)[0]:
            if os.read(pipe, len(_DONE)) == _DONE:
                _end(child)
                return ""
            time.sleep(0.02)  # it was closed: the end comes, or the limit
        ended, code = os.waitpid(child, os.WNOHANG)
        status = code if ended else None
    if status is None:
        _end(child)
        return f"it was still not built after {limit:.0f} s"
    _kill_group(child)
    if os.WIFSIGNALED(status):
        names = {number.value: number.name for number in signal.Signals}
        name = names.get(os.WTERMSIG(status), str(os.WTERMSIG(status)))
        return f"it ends the process that builds it, by the signal {name}"
    return f"it ends the process that builds it, with exit code {os.WEXITSTATUS(status)}"


def _end(child: int) -> None:
    """The child, and what it may have started, by its own group."""
    _kill_group(child)
    with contextlib.suppress(OSError):
        os.kill(child, signal.SIGKILL)
    with contextlib.suppress(ChildProcessError):
        os.waitpid(child, 0)


def _kill_group(child: int) -> None:
    """Those that a child started, if it has a group of its own."""
    with contextlib.suppress(OSError):
        os.killpg(child, signal.SIGKILL)
