"""A download as the tests make it."""

from dataclasses import replace
from email.utils import formatdate
from pathlib import Path
from typing import Any

import requests

from factory.stores.disk import Disk
from factory.transfer.download import Downloaded, download

from ...stores.folders import Folder
from ..web import File, Web

BODY = bytes(range(256)) * 10_000
OTHER = bytes(reversed(range(256))) * 10_000
LONG_AGO = "Mon, 01 Jan 2024 00:00:00 GMT"
NOW = "now"
"""A moment of the test, not of its collection; see `dated`."""


def get(
    web: Web, path: Path | Folder, *, query: str = "token=secret", **options: Any
) -> Downloaded:
    with requests.Session() as session:
        session.trust_env = False
        return download(
            session,
            web.url(f"trips.csv?{query}"),
            path.store if isinstance(path, Folder) else Disk(),
            str(path),
            **{"timeout": (2, 0.5), "attempts": 3, "backoff": 0.01, **options},
        )


def names(folder: Path | Folder) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def dated(file: File) -> File:
    """`file`, modified this very moment where it says `NOW`."""
    return replace(file, modified=formatdate(usegmt=True)) if file.modified == NOW else file
