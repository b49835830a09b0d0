"""What the demo shows: plain lines, or on a terminal a live table of its runs."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any, Protocol

from factory_embedded.airflow_api import DagRun, TaskInstance

if TYPE_CHECKING:
    from rich.table import Table as RichTable

    from factory_embedded.demo.results import Table

_COLOURS = {
    "success": "green",
    "failed": "bold red",
    "upstream_failed": "red",
    "up_for_retry": "yellow",
    "running": "cyan",
    "queued": "blue",
    "scheduled": "blue",
    "skipped": "magenta",
}

_WORST = ("failed", "upstream_failed", "up_for_retry", "skipped")
_MOST_COLUMNS = 7  # of tasks; with more of them, a line is a step

HowFar = Callable[[], str]
_PATIENCE = 15.0  # seconds between two lines about one thing


class Screen(Protocol):
    """Where the demo's progress goes. Used in a with block."""

    def __enter__(self) -> Screen:
        """Begin."""

    def __exit__(self, *error: object) -> None:
        """Leave the terminal as it was."""

    def say(self, text: str = "", *, since: bool = False) -> None:
        """Show some text, on request with the time since the start."""

    def waiting(self, text: str, how_far: HowFar = str) -> AbstractContextManager[None]:
        """Show what is waited for within the block, and how far that is."""

    def progress(
        self, order: Sequence[str], runs: Sequence[DagRun], tasks: Sequence[TaskInstance]
    ) -> None:
        """Show where the runs and their tasks are, the tasks in their order."""

    def settled(self) -> None:
        """Follow the runs no longer; what was shown of them stays."""


def month(run: DagRun) -> str:
    """The month that a run loads."""
    return f"{run.logical_date or run.run_after:%Y-%m}"


def screen(label: Callable[[DagRun], str]) -> Screen:
    """The screen that suits where stdout goes; ``label`` names a run."""
    return LiveScreen(label) if sys.stdout.isatty() else LineScreen(label)


class LineScreen:
    """One line for each change, for logs."""

    def __init__(self, label: Callable[[DagRun], str] = month) -> None:
        self._label = label
        self._started = time.monotonic()
        self._seen: dict[tuple[str, ...], str] = {}

    def __enter__(self) -> LineScreen:
        return self

    def __exit__(self, *error: object) -> None:
        """Nothing to restore."""

    def say(self, text: str = "", *, since: bool = False) -> None:
        """Print the text."""
        print(f"{time.monotonic() - self._started:6.1f}s  {text}" if since else text, flush=True)

    @contextmanager
    def waiting(self, text: str, how_far: HowFar = str) -> Iterator[None]:
        """Print the text, and from time to time that it still holds."""
        self.say(text, since=True)
        with _every(_PATIENCE, lambda: self.say(f"… {text} {how_far()}".rstrip(), since=True)):
            yield

    def progress(
        self, order: Sequence[str], runs: Sequence[DagRun], tasks: Sequence[TaskInstance]
    ) -> None:
        """Print what changed since the last time."""
        width = max(map(len, order), default=0)
        place = {name: at for at, name in enumerate(order)}
        for run in runs:
            ours = [task for task in tasks if task.dag_run_id == run.dag_run_id]
            for task in sorted(ours, key=lambda task: place.get(task.task_id, 0)):
                key = (run.dag_run_id, task.task_id, str(task.map_index))
                self._change(key, task.state, f"{self._label(run)}  {task.task_id:{width}}")
            self._change((run.dag_run_id,), run.state, f"{self._label(run)}  {'the run':{width}}")

    def settled(self) -> None:
        """Nothing is followed between calls."""

    def _change(self, key: tuple[str, ...], state: str | None, text: str) -> None:
        if state and self._seen.get(key) != state:
            self._seen[key] = state
            self.say(f"{text}  {state}", since=True)


class LiveScreen:
    """A table that is drawn again in place: one line a run, one column a task; of a pipeline with
    many tasks, one line a step, one column a run."""

    def __init__(self, label: Callable[[DagRun], str] = month) -> None:
        from rich.console import Console
        from rich.live import Live

        self._label = label
        self._started = time.monotonic()
        self._console = Console(highlight=False)
        self._live = Live(console=self._console, auto_refresh=False)

    def __enter__(self) -> LiveScreen:
        return self

    def __exit__(self, *error: object) -> None:
        self.settled()

    def say(self, text: str = "", *, since: bool = False) -> None:
        """Print the text above the table."""
        elapsed = f"{time.monotonic() - self._started:6.1f}s  " if since else ""
        # what stands without a time may be copied: commands, addresses
        self._console.print(elapsed + text, markup=False, soft_wrap=not since)

    @contextmanager
    def waiting(self, text: str, how_far: HowFar = str) -> Iterator[None]:
        """Print the text, and below it, in place, how long and how far."""
        from rich.text import Text

        began = time.monotonic()

        def now() -> Text:
            return Text(f"{time.monotonic() - began:.0f} s  {how_far()}")

        self.say(text, since=True)
        with self._console.status(now()) as status, _every(1.0, lambda: status.update(now())):
            yield

    def progress(
        self, order: Sequence[str], runs: Sequence[DagRun], tasks: Sequence[TaskInstance]
    ) -> None:
        """Draw the table."""
        if not self._live.is_started:
            self._live.start()
        self._live.update(self._table(order, runs, tasks), refresh=True)

    def settled(self) -> None:
        """Leave the table as it was drawn last."""
        if self._live.is_started:
            self._live.stop()

    def _table(
        self, order: Sequence[str], runs: Sequence[DagRun], tasks: Sequence[TaskInstance]
    ) -> RichTable:
        from rich import box
        from rich.table import Table as RichTable

        title = f"{time.monotonic() - self._started:.0f} s"
        # it fits into 80 columns; what does nothing has nothing to tell
        empty = {task.task_id for task in tasks if task.operator == "EmptyOperator"}
        order = [name for name in order if name not in empty]
        found = {(task.dag_run_id, task.task_id): task for task in tasks}
        if len(order) <= _MOST_COLUMNS:
            head = ("run", *_short(order), title)
            rows = [
                (
                    self._label(run),
                    *(_task_cell(found.get((run.dag_run_id, name))) for name in order),
                    _coloured(run.state),
                )
                for run in runs
            ]
        else:
            head = (title, *map(self._label, runs))
            rows = [
                (step, *(_step_cell([found.get((run.dag_run_id, x)) for x in ids]) for run in runs))
                for step, ids in _steps(order).items()
            ]
            rows.append(("the run", *(_coloured(run.state) for run in runs)))
        table = RichTable(*head, box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
        for row in rows:
            table.add_row(*row)
        return table


@contextmanager
def _every(seconds: float, act: Callable[[], None]) -> Iterator[None]:
    """Do it every so many seconds, until the block ends."""
    over = threading.Event()

    def go_on() -> None:
        while not over.wait(seconds):
            act()

    thread = threading.Thread(target=go_on, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _short(order: Sequence[str]) -> list[str]:
    """The tasks' names without their groups', where that leaves no two alike."""
    names = [each.rpartition(".")[2] for each in order]
    return [
        name if names.count(name) == 1 else whole for name, whole in zip(names, order, strict=True)
    ]


def _steps(order: Sequence[str]) -> dict[str, list[str]]:
    """The tasks of each step: of a group, all that are in it."""
    found: dict[str, list[str]] = {}
    for name in order:
        found.setdefault(name.partition(".")[0], []).append(name)
    return found


def format_table(table: Table) -> list[str]:
    """The table as psql writes it: names above a line, numbers to the right."""
    cells = [[_text(value) for value in row] for row in table.rows]
    columns = list(zip(table.columns, *cells, strict=True))
    widths = [max(map(len, column)) for column in columns]
    lines = [
        " | ".join(name.center(width) for name, width in zip(table.columns, widths, strict=True)),
        "-+-".join("-" * width for width in widths),
    ]
    for row, texts in zip(table.rows, cells, strict=True):
        padded = [
            text.ljust(width) if isinstance(value, str) else text.rjust(width)
            for value, text, width in zip(row, texts, widths, strict=True)
        ]
        lines.append(" | ".join(padded))
    return [f" {line}".rstrip() for line in lines]


def indented(lines: Iterable[str]) -> str:
    """The lines below their title."""
    return "\n".join(f"         | {line}" for line in lines)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else f"{value:,}"


def _task_cell(task: TaskInstance | None) -> str:
    if task is None or task.state is None:
        return ""
    spent = f" {task.duration:.1f} s" if task.duration and task.state == "success" else ""
    again = f" (try {task.try_number})" if task.try_number > 1 else ""
    return _coloured(task.state) + spent + again


def _step_cell(tasks: Sequence[TaskInstance | None]) -> str:
    """The step's state; while it works, how many of its tasks are done."""
    states = [task.state if task else None for task in tasks]
    done = states.count("success")
    for state in _WORST:
        if state in states:
            return _coloured(state)
    if done == len(states):
        spent = sum(task.duration or 0 for task in tasks if task)
        return f"{_coloured('success')} {spent:.1f} s"
    if not any(states):
        return ""
    now = next((state for state in states if state not in (None, "success")), None)
    return f"{_coloured(now or 'scheduled')}, {done} of {len(states)}"


def _coloured(state: str) -> str:
    colour = _COLOURS.get(state)
    return f"[{colour}]{state}[/]" if colour else state
