"""Ways on that are ready to be put into a spec."""

from __future__ import annotations

import json
import re

_PLAIN = re.compile(r"[A-Za-z_]\w*(?: \w+)*")
_OTHER = {"y", "yes", "n", "no", "on", "off", "true", "false", "null"}  # what YAML takes for more


def key(name: str) -> str:
    """A name as YAML has it: with quotes when it would be read as something else."""
    plain = _PLAIN.fullmatch(name) and name.isascii() and name.lower() not in _OTHER
    return name if plain else json.dumps(name, ensure_ascii=False)


def columns(name: str, word: str) -> str:
    """Declare a column's type; `…` is left to the reader."""
    return f"`columns: {{{name if name == '…' else key(name)}: {word}}}`"


def rename(*names: str) -> str:
    """Give columns of a file other names."""
    return f"`rename: {{{', '.join(f'{key(name)}: …' for name in names)}}}`"


def of_table(name: str, word: str) -> str:
    """For a value that the target's column can't hold: no declaration helps there."""
    other = f"give the table's column another type ({alter(name, word)})"
    return f"Correct it, {other}, or set such rows aside: `on_bad_row: quarantine`"


def alter(name: str, word: str) -> str:
    """Give a column of the table another type."""
    return f"`ALTER COLUMN {json.dumps(name)} TYPE {word}`"
