"""How a system is reached, and by whom: what an Airflow connection says, without Airflow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol


class Login(Protocol):
    """Airflow's connection, with its secrets."""

    conn_id: str
    host: str | None
    port: int | None
    login: str | None
    schema: str | None

    @property
    def conn_type(self) -> str | None:
        """Its type, such as `postgres`."""

    @property
    def password(self) -> str | None:
        """The secret."""

    @property
    def extra_dejson(self) -> Mapping[str, Any]:
        """What else the connection says."""


__all__ = ["Login"]
