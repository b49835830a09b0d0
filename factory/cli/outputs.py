"""Reports of lint: shown on standard output, or written to files."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from factory.cli.terminal import for_programs
from factory.diagnostics import did_you_mean, one_of
from factory.errors import FactoryError, UsageError
from factory.lint.paths import shown_path
from factory.lint.report import Report
from factory.lint.reporters import FORMATS, Paint, plain, reporter

_OF_PROGRAMS = ("json", "sarif")


def formats(names: Sequence[str]) -> list[str]:
    """Each of the formats once.

    :raises UsageError: there is no such format.
    """
    for name in names:
        if name not in FORMATS:
            hint = did_you_mean(name, FORMATS) or f"it is {one_of(FORMATS)}"
            raise UsageError(f"there is no format {name!r}", hint)
    return [*dict.fromkeys(names)]


def files(given: Sequence[str]) -> dict[Path, str]:
    """What `--output FORMAT=FILE` asks for, by file.

    :raises UsageError: one is not written so, or two are the same file.
    """
    found: dict[Path, str] = {}
    for text in given:
        form, equals, name = text.partition("=")
        if not equals or not name:
            raise UsageError(f"--output takes a format and a file, not {text!r}", "junit=lint.xml")
        formats([form])
        path = Path(name if _is_device(name) else os.path.realpath(name))
        if path in found:
            raise UsageError(f"two reports cannot be one file: {name}", "give each a file")
        found[path] = form
    return found


def show(form: str, found: Report, base: Path, paint: Paint) -> None:
    """Print a report."""
    for line in reporter(form)(found, base, paint):
        print(for_programs(line, sys.stdout) if form in _OF_PROGRAMS else line)


def write(files: Mapping[Path, str], found: Report, base: Path) -> FactoryError | None:
    """Write reports to files, each whole or not at all, and their folders.

    What cannot be written keeps nothing else from being told: the first such error comes back.
    """
    failed: list[FactoryError] = []
    for path, form in files.items():
        lines = [*reporter(form)(found, base, plain)]
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            _put(path, lines) if _is_device(str(path)) else _replace(path, lines)
        except OSError as error:
            reason = error.strerror or str(error)
            failed.append(FactoryError(f"{shown_path(path)} cannot be written: {reason}"))
    return failed[0] if failed else None


def _is_device(name: str) -> bool:
    """Whether it is written into, not replaced: a pipe, or `/dev/stdout` wherever that leads."""
    return name.startswith("/dev/") or (os.path.exists(name) and not os.path.isfile(name))


def _replace(path: Path, lines: Iterable[str]) -> None:
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        _put(beside, lines)
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)


def _put(path: Path, lines: Iterable[str]) -> None:
    with path.open("w", encoding="utf-8", errors="backslashreplace") as file:
        file.writelines(f"{line}\n" for line in lines)
