"""Each promise fails where it does not hold; `tests/cli/test_verify.py` has them hold."""

from pathlib import Path
from typing import Any

import pytest

from factory.definitions.warehouses import POSTGRES
from factory.in_airflow.verify import promises
from factory.in_airflow.verify.bench import Bench, Place, Row


class Forgetful(Bench):
    """A warehouse that no server is: it takes every load, and has one row that nobody wrote."""

    def load(self, *args: Any, **more: Any) -> None:
        """Forget it."""

    def rows(self, table: str) -> list[Row]:
        """Of nobody."""
        return [(99, "z", promises.DAY)]


@pytest.mark.parametrize(
    "promise", [*promises.of(POSTGRES.modes, knows_files=True)], ids=lambda promise: promise.said
)
def test_a_promise_that_is_broken_is_seen(promise: promises.Promise, tmp_path: Path) -> None:
    bench = Forgetful(Place("postgres", "warehouse", "scratch"), tmp_path)
    with pytest.raises(promises.Broken, match=r"^expected "):
        promise.holds(bench)
    assert all(table.startswith("scratch.factory_verify_") for table in bench.tables)


def test_what_a_warehouse_cannot_is_left_out() -> None:
    said = [promise.said for promise in promises.of(("replace",))]
    assert not [each for each in said if "append" in each or "merge" in each]
