"""What a service is: a module whose `running` gives a server, and Airflow's connection to it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from factory import errors, extras


class ServiceError(errors.FactoryError):
    """A service cannot be installed, started or entered; the message says what to do."""


class Cancelled(Exception):
    """The caller no longer wants it."""


@dataclass(frozen=True)
class Connection:
    """Airflow's connection to a server, in Airflow's fields."""

    conn_type: str
    host: str
    port: int | None = None
    login: str = ""
    password: str = field(default="", repr=False)
    schema: str = ""
    extra: Mapping[str, str | bool] = field(default_factory=dict)

    @property
    def json(self) -> str:
        """As `AIRFLOW_CONN_…` takes it."""
        return json.dumps({name: value for name, value in asdict(self).items() if value})


class Running(Protocol):
    """A server that is ready."""

    @property
    def connection(self) -> Connection:
        """How Airflow reaches it."""

    @property
    def look(self) -> str:
        """What a person opens in a browser, or types in a shell, to look inside."""


@runtime_checkable
class HasBuckets(Protocol):
    """A server that keeps files in buckets."""

    @property
    def scheme(self) -> str:
        """What the addresses of its files begin with, such as `s3`."""

    def create_bucket(self, name: str) -> Any:
        """Make a bucket; one that is there stays as it is."""


@runtime_checkable
class HasFolder(Protocol):
    """A server that gives what lies in a folder."""

    @property
    def folder(self) -> Path:
        """Where a person puts files."""


class Service(Protocol):
    """A module of `factory_embedded.services`, or one behind an entry point."""

    def running(
        self, folder: Path, /, *, cancelled: Callable[[], bool] = ...
    ) -> AbstractContextManager[Running]:
        """A server on 127.0.0.1, until its block ends; the block begins when it is ready.

        Below ``folder`` lies all that it keeps. However the process ends, nothing of the server is
        left running (`supervise`). Raises `ServiceError`, and `Cancelled` once ``cancelled()``.
        """


def never() -> bool:
    """A ``cancelled`` of those who wait."""
    return False


def install_hint() -> str:
    """How to get the services, and what they need."""
    return extras.services_hint("all")
