"""Airflow's connections as a file for a person's shell: what `factory run` needs."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from factory_embedded.service import Connection


@contextmanager
def exported(path: Path, connections: Mapping[str, Connection]) -> Iterator[Path]:
    """A file to be read with `.`, for as long as the connections hold; only its owner reads it."""
    lines = [
        f"export AIRFLOW_CONN_{name.upper()}={shlex.quote(one.json)}\n"
        for name, one in connections.items()
    ]
    path.unlink(missing_ok=True)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.writelines(lines)
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)
