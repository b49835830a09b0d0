"""A run's lines, on a terminal and in a pipe."""

import fcntl
import io
import os
import pty
import re
import struct
import termios
import threading
from pathlib import Path

from factory.cli.progress import Progress
from factory.in_airflow.run import Event
from factory.transfer.progress import Progress as Step

SAID = "raw.orders: 1,203 rows read, 1,200 published by merge (900 inserted, 300 updated), 1.2 s"
LOG = f"2026-11-27T03:00:00.000000Z [info     ] {SAID} [factory.account] loc=account.py:12\n"
COLUMNS = 40


def plain(style: str, text: str) -> str:
    return text


def run(progress: Progress, log: Path) -> None:
    """One task, which says something while it runs and at its end."""
    with progress:
        with Step("copying", rows=8000) as step:
            step.add(rows=2000, bytes=1_500_000)
            progress.show(Event(task="load", state="running"))
        log.write_text(LOG)
        progress.show(Event(task="load", state="success", seconds=1.5))


def on_a_terminal(log: Path) -> str:
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, COLUMNS, 0, 0))
    shown: list[bytes] = []

    def read() -> None:
        while data := os.read(master, 1024):
            shown.append(data)
            if data.endswith(b"\x00"):
                return

    reader = threading.Thread(target=read)
    reader.start()
    with open(slave, "w", encoding="utf-8") as terminal:
        run(Progress(terminal, plain, log, ["load"]), log)
        terminal.write("\x00")
        terminal.flush()
        reader.join()
    os.close(master)
    return b"".join(shown).decode().rstrip("\x00")


def test_a_terminal_s_lines_fit_into_it(tmp_path: Path) -> None:
    shown = on_a_terminal(tmp_path / "log")
    lines = re.split(r"\r\n|\r", shown.replace("\x1b[K", ""))
    assert any(re.fullmatch(r"  … load  \d+ s  copying 25 %: 2,000 of .*", line) for line in lines)
    assert max(map(len, lines)) <= COLUMNS
    words = " ".join(line.strip() for line in lines if line.startswith(" " * 6))
    assert words == SAID


def test_a_pipe_gets_whole_lines(tmp_path: Path) -> None:
    out = io.StringIO()
    run(Progress(out, plain, tmp_path / "log", ["load"]), tmp_path / "log")
    running, ended, said = out.getvalue().splitlines()
    assert re.match(r"  … load  \d+ s  copying 25 %: 2,000 of 8,000 rows, 1\.5 MB, ", running)
    assert ended.split() == ["✓", "load", "success", "1.5", "s"]
    assert said == f"      {SAID}"
