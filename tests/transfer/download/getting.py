"""A download as the tests make it."""

from pathlib import Path
from typing import Any

import fsspec
import requests

from factory.transfer.download import Downloaded, download

from ..web import Web

BODY = bytes(range(256)) * 10_000
OTHER = bytes(reversed(range(256))) * 10_000
LONG_AGO = "Mon, 01 Jan 2024 00:00:00 GMT"


def get(web: Web, path: Path, *, query: str = "token=secret", **options: Any) -> Downloaded:
    with requests.Session() as session:
        session.trust_env = False
        return download(
            session,
            web.url(f"trips.csv?{query}"),
            fsspec.filesystem("file"),
            str(path),
            **{"timeout": (2, 0.5), "attempts": 3, "backoff": 0.01, **options},
        )


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())
