"""What a worker imports for a load into Snowflake."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from benchmarks.measure import Line, Side, typical

ROUNDS = 5
# with the login, and no session; the modules are compiled, as installed ones are
_IMPORTS = """
import time, airflow.sdk
begin = time.process_time()
from factory.in_airflow.connections import snowflake_account
from factory.in_airflow.operators.ingest.load_snowflake import LoadSnowflake
import factory.transfer.snowflake.load
snowflake_account("snowflake_default", application="a benchmark")
took(time.process_time() - begin)
"""
_CONNECTION = '{"conn_type": "snowflake", "login": "me", "extra": {"account": "it"}}'


def lines(folder: Path) -> Iterator[Line]:
    """Imports."""
    env = {
        "AIRFLOW_CONN_SNOWFLAKE_DEFAULT": _CONNECTION,
        "PYTHONPYCACHEPREFIX": str(folder / "compiled"),
        "PYTHONDONTWRITEBYTECODE": "",
    }
    (found,) = typical([Side(code=_IMPORTS, env=env)], ROUNDS, folder)
    yield Line(
        name="imports of a load into Snowflake, on top of `airflow.sdk`",
        value=1000 * found,
        unit="ms",
        bound=600,
        detail="processor time; of it the driver has half, which loads pandas where it is there",
    )
