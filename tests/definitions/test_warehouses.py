from typing import get_args

from factory.definitions import writes
from factory.definitions.warehouses import MYSQL, POSTGRES


def test_both_take_every_write_mode() -> None:
    known = {mode.__struct_config__.tag for mode in get_args(writes.Write)}
    assert set(POSTGRES.modes) == set(MYSQL.modes) == known
