from typing import get_args

from factory.definitions import writes
from factory.definitions.warehouses import CONNECTIONS, MYSQL, POSTGRES
from factory.transfer.warehouse.warehouse import OURS


def test_both_take_every_write_mode() -> None:
    known = {mode.__struct_config__.tag for mode in get_args(writes.Write)}
    assert set(POSTGRES.modes) == set(MYSQL.modes) == known


def test_a_check_takes_the_connections_of_all_warehouses() -> None:
    assert set(OURS) <= {*CONNECTIONS}
