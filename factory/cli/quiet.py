"""Everything that a process and its children print goes to a file for a while."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO


@contextmanager
def quiet(log: Path) -> Iterator[TextIO]:
    """Send standard output and error to `log`; gives what standard output was."""
    sys.stdout.flush()
    sys.stderr.flush()
    kept = os.dup(1), os.dup(2)
    streams = sys.stdout, sys.stderr
    real = _on_descriptor(sys.stdout, kept[0])
    # line by line, so that the file is complete whenever it is read
    target = log.open("a", buffering=1, encoding="utf-8", errors="backslashreplace")
    os.dup2(target.fileno(), 1)
    os.dup2(target.fileno(), 2)
    sys.stdout = sys.stderr = target
    try:
        yield real
    finally:
        real.flush()
        os.dup2(kept[0], 1)
        os.dup2(kept[1], 2)
        sys.stdout, sys.stderr = streams
        for descriptor in kept:
            os.close(descriptor)


def _on_descriptor(stream: TextIO, copy: int) -> TextIO:
    """A stream to where descriptor 1 led; one that never led there is as good as it is."""
    try:
        if stream.fileno() != 1:
            return stream
    except OSError:
        return stream
    return open(copy, "w", encoding=stream.encoding, errors=stream.errors, closefd=False)
