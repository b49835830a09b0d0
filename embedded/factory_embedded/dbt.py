"""A real dbt for the demo and the tests, with the adapter of PostgreSQL."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path

from factory_embedded.apart import python
from factory_embedded.service import never

LOCK = Path(__file__).with_name("dbt.lock")


def executable(folder: Path, cancelled: Callable[[], bool] = never) -> Path:
    """The program `dbt`, written into ``folder``; the first call ever downloads what it needs.

    Raises `ServiceError`, and `Cancelled` once ``cancelled`` says so.
    """
    interpreter = python("dbt", LOCK, cancelled)
    program = folder / "dbt"
    code = "from dbt.cli.main import cli; cli()"
    program.write_text(f'#!/bin/sh\nexec {shlex.quote(str(interpreter))} -c "{code}" "$@"\n')
    program.chmod(0o755)
    return program
