"""One line of a file with its number and a mark under the columns that are meant."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from factory.diagnostics import printable
from factory.spec import links
from factory.spec.secrets import hidden

MAX_BYTES = 1024 * 1024
WIDTH = 96
_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")  # what YAML takes for the end of a line


def snippet(
    path: Path, line: int, column: int, width: int, root: Path | None = None
) -> Iterator[tuple[str, str]]:
    """(gutter, text) of the line and of the mark under it; nothing when there is no such line.

    A secret in the line is shown as stars, whatever the line is shown for.

    :param root: the configuration root: what `read` refuses because of it is not shown either.
    """
    text = line_of(path, line, root)
    if text is None:
        return
    cut = max(0, column - 1 - 2 * WIDTH)  # of a long line only what may be shown is looked at
    around = text[cut : column + 2 * WIDTH]
    cells = [printable(character) for character in around]
    start = min(column - 1 - cut, len(cells))
    end = min(start + max(width, 1), len(cells))
    first, last = _window(cells, start, end)
    before = sum(map(_columns, cells[first:start]))
    under = max(1, sum(map(_columns, cells[start : min(end, last)])))
    left, right = "…" * (cut + first > 0), "…" * (cut + last < len(text))
    yield str(line), f"{left}{''.join(cells[first:last])}{right}".rstrip()
    yield "", " " * (len(left) + before) + "^" * under


def line_of(path: Path, line: int, root: Path | None = None) -> str | None:
    """A line of a file with its secrets as stars; None when there is no such line."""
    lines = _lines(path, root)
    return lines[line - 1] if 0 < line <= len(lines) else None


def _window(cells: list[str], start: int, end: int) -> tuple[int, int]:
    """The part of a long line to show: all of it, or some around the column."""
    if sum(map(_columns, cells[: WIDTH + 1])) <= WIDTH and len(cells) <= WIDTH:
        return 0, len(cells)
    first = max(0, start - WIDTH // 3)
    if sum(map(_columns, cells[:end])) <= WIDTH:
        first = 0
    last, room = first, WIDTH
    while last < len(cells) and room >= _columns(cells[last]):
        room -= _columns(cells[last])
        last += 1
    return first, last


def _columns(cell: str) -> int:
    if len(cell) != 1 or cell.isascii():
        return len(cell)
    if unicodedata.combining(cell):
        return 0
    return 2 if unicodedata.east_asian_width(cell) in "WF" else 1


@lru_cache(maxsize=16)
def _lines(path: Path, root: Path | None) -> list[str]:
    try:
        with links.reading(path, root) as file:
            data = file.read(MAX_BYTES)
    except (OSError, links.Outside):
        return []
    return _BREAK.split(hidden(data.decode("utf-8", errors="replace")))
