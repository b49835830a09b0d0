"""Amounts as people read them, the same everywhere: `1,203 rows`, `1.1 GB`, `31.0 MB/s`."""

from __future__ import annotations

_UNITS = ("kB", "MB", "GB", "TB")


def counted(number: int, noun: str) -> str:
    """`1 file`, `1,203 files`, `2 entries`."""
    if number == 1:
        return f"1 {noun}"
    if noun.endswith("y") and noun[-2:-1] not in "aeiou":
        noun = f"{noun[:-1]}ie"
    return f"{number:,} {noun}s"


def size(number: float) -> str:
    """`512 bytes`, `1.1 GB`; a kB is 1000 bytes."""
    if number < 1000:
        return counted(round(number), "byte")
    for unit in _UNITS:
        number /= 1000
        if number < 999.95:
            return f"{number:.1f} {unit}"
    return f"{number:,.1f} {_UNITS[-1]}"


def spent(seconds: float) -> str:
    """`0.4 s`, `2 min 5 s`, `1 h 0 min`."""
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600:,} h {whole % 3600 // 60} min"
