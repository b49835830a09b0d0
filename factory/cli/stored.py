"""Places in stores, for commands that look there or write there without a pipeline."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from typing import TYPE_CHECKING

from factory import extras
from factory.errors import FactoryError

if TYPE_CHECKING:
    from factory.stores.model import Place


@contextmanager
def reached(uri: str) -> Iterator[Place]:
    """Where an address is, by Airflow's connection.

    :raises FactoryError: it, or what the block does there, fails; or a package is missing.
    """
    from factory.definitions.errors import TransferError

    try:
        with redirect_stdout(sys.stderr):  # Airflow tells how it logs in
            from factory.in_airflow.storage import place

            yield place(uri)
    except (TransferError, FactoryError):
        raise
    except ModuleNotFoundError as error:
        said = f"{uri!r} needs {error.name}, which is not installed here"
        raise FactoryError(said, extras.hint(error)) from error
    except OSError as error:
        raise FactoryError(str(error), getattr(error, "hint", "")) from None
    except Exception as error:
        from factory.in_airflow.failure import missing_connection

        if not (name := missing_connection(error)):
            raise
        way = f"set AIRFLOW_CONN_{name.upper()}, or add it to the Airflow of AIRFLOW_HOME"
        raise FactoryError(f"Airflow does not know the connection {name!r}", way) from None
