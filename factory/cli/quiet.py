"""Everything that a process and its children print goes to a file for a while."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

Clean = Callable[[str], str]


class _Cleaned(io.TextIOWrapper):
    """A file in which texts are written without what `clean` takes away."""

    clean: Clean = staticmethod(str)
    _busy = False

    def write(self, text: str) -> int:
        """Write; what is printed meanwhile, by what cleans, goes in as it is."""
        if self._busy:
            return super().write(text)
        self._busy = True
        try:
            super().write(self.clean(text))
        finally:
            self._busy = False
        return len(text)


@contextmanager
def quiet(log: Path, clean: Clean) -> Iterator[TextIO]:
    """Send standard output and error to `log`; gives what standard output was.

    :param clean: what this process prints, without its secrets.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    kept = os.dup(1), os.dup(2)
    streams = sys.stdout, sys.stderr
    real = _on_descriptor(sys.stdout, kept[0])
    # line by line, so that the file is complete whenever it is read
    target = _Cleaned(
        log.open("ab"), encoding="utf-8", errors="backslashreplace", line_buffering=True
    )
    target.clean = clean
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


@contextmanager
def cleaned(clean: Clean) -> Iterator[TextIO]:
    """Print what this process prints without its secrets; gives standard output."""
    streams = sys.stdout, sys.stderr
    made = []
    for stream in streams:
        stream.flush()
        made.append(
            _Cleaned(
                io.BufferedWriter(io.FileIO(os.dup(stream.fileno()), "w")),
                encoding=stream.encoding,
                errors=stream.errors,
                line_buffering=True,
            )
        )
        made[-1].clean = clean
    sys.stdout, sys.stderr = made
    try:
        yield made[0]
    finally:
        sys.stdout, sys.stderr = streams
        for stream in made:
            stream.close()


def _on_descriptor(stream: TextIO, copy: int) -> TextIO:
    """A stream to where descriptor 1 led; one that never led there is as good as it is."""
    try:
        if stream.fileno() != 1:
            return stream
    except OSError:
        return stream
    return open(copy, "w", encoding=stream.encoding, errors=stream.errors, closefd=False)
