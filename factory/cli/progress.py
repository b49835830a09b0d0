"""A run's tasks as they go: a line for each, which on a terminal tells how far it is."""

from __future__ import annotations

import os
import textwrap
import threading
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import msgspec

from factory.amounts import counted, spent
from factory.cli.logged import account
from factory.diagnostics import printable
from factory.transfer import progress as transfer

if TYPE_CHECKING:
    from factory.in_airflow.run import Event
    from factory.lint.reporters import Paint

_TICK, _LINE = 1.0, 30.0  # seconds: a terminal's line is written anew, a pipe gets another
_INDENT = 6
_MARKS = {
    "success": ("✓", "good"),
    "failed": ("✗", "error"),
    "stopped": ("✗", "error"),
    "skipped": ("-", "faint"),
    "upstream_failed": ("-", "faint"),
}


class Failure(msgspec.Struct, frozen=True):
    """A task that failed; its output stands in the log from `start` on."""

    task: str
    error: BaseException | None
    start: int


class Progress:
    """Shows events, counts them by state, and keeps the tasks that failed, in their order."""

    def __init__(self, out: TextIO, paint: Paint, log: Path, tasks: list[str]) -> None:
        self.failures: list[Failure] = []
        self.counts: Counter[str] = Counter()
        self.warnings = 0
        self._out = out
        self._paint = paint
        self._log = log
        self._width = max(map(len, tasks), default=0)
        self._running: dict[str, tuple[float, int]] = {}
        self._told = 0  # bytes of the log when the last event came
        self._live = out.isatty()
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._began = 0.0

    @property
    def seconds(self) -> float:
        """How long ago the first task began."""
        return time.monotonic() - self._began if self._began else 0.0

    def __enter__(self) -> Progress:
        self._starting()
        threading.Thread(target=self._tick, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        with self._lock:
            self._clear()

    def say(self, line: str) -> None:
        """Show a line before the first task begins."""
        self._clear()
        print(line, file=self._out, flush=True)
        self._starting()

    def show(self, event: Event) -> None:
        """Show a task's new state."""
        with self._lock:
            self._clear()
            self._began = self._began or time.monotonic()
            before, self._told = self._told, self._log.stat().st_size if self._log.exists() else 0
            if event.state == "running":
                self._running[event.task] = (time.monotonic(), self._told)
                self._waiting()
                return
            self.counts[event.state] += 1
            # one whose templates fail has never run
            _, start = self._running.pop(event.task, (0.0, before))
            if event.state == "failed":
                self.failures.append(Failure(event.task, event.error, start))
            self._line(event)
            self._account(event, start)

    def _line(self, event: Event) -> None:
        mark, style = _MARKS[event.state]
        seconds = spent(event.seconds) if event.task and event.seconds else ""
        state = "not run" if event.state == "upstream_failed" else event.state
        text = f"{event.task:<{self._width}}  {state:<8} {seconds:>8}".rstrip()
        print(f"  {self._paint(style, mark)} {text}", file=self._out, flush=True)

    def _account(self, event: Event, start: int) -> None:
        """What the task says it did, and its warnings; of one that failed, its error tells."""
        said = account(self._log, start)
        self.warnings += len(said.warnings)
        if event.state == "success":
            for text in said.did:
                self._indented(printable(text))
            if said.before:
                print(f"{' ' * _INDENT}… {counted(said.before, 'line')} before", file=self._out)
            for text in said.printed:  # as it is: a table would not be one
                print(f"{' ' * _INDENT}{printable(text)}".rstrip(), file=self._out, flush=True)
        for text in said.warnings:
            self._indented(printable(text), self._paint("warning", "warning:"))

    def _indented(self, text: str, word: str = "") -> None:
        """Below its task; a terminal's lines are broken between words."""
        lines = [text]
        if self._live:
            width = max(self._columns - _INDENT, 20)
            first = " " * len("warning: ") if word else ""
            lines = textwrap.wrap(text, width, initial_indent=first, break_on_hyphens=False)
        start = f"{word} " if word else ""
        for at, line in enumerate(lines):
            said = start + line.lstrip() if at == 0 else line
            print(f"{' ' * _INDENT}{said}", file=self._out, flush=True)

    @property
    def _columns(self) -> int:
        """Of this terminal: descriptor 1 leads to the log now, which has none."""
        return os.get_terminal_size(self._out.fileno()).columns or 80

    def _waiting(self) -> None:
        for task, (began, _) in self._running.items():
            seconds = round(time.monotonic() - began)
            how_far = transfer.now()
            text = f"{seconds} s  {how_far}" if seconds or how_far else "running"
            line = f"  … {task:<{self._width}}  {text}"
            if self._live:
                print(f"\r{line[: self._columns - 1]}\033[K", end="", file=self._out, flush=True)
            else:
                print(line.rstrip(), file=self._out, flush=True)

    def _starting(self) -> None:
        if self._live:
            print("  … starting Airflow", end="", file=self._out, flush=True)

    def _clear(self) -> None:
        if self._live:
            print("\r\033[K", end="", file=self._out, flush=True)

    def _tick(self) -> None:
        while not self._over.wait(_TICK if self._live else _LINE):
            with self._lock:
                if self._running:
                    self._waiting()
