"""What lint needs, and what it does without; and what a template leaves of a definition."""

import subprocess
import sys
from typing import Any

import pytest

from factory.definitions import checks, writes
from factory.definitions.errors import BadOption

HEAVY = ("airflow", "adbc_driver_postgresql", "psycopg", "pyarrow", "sqlglot")
LINT = """
import pkgutil, sys
from importlib import import_module
from pathlib import Path
from factory import kinds
for module in pkgutil.walk_packages(kinds.__path__, "factory.kinds."):
    import_module(module.name)
from factory.cli.main import main
assert main(["lint", sys.argv[1]]) == 0
print([name for name in sys.argv[2:] if name in sys.modules])
"""


def test_every_kind_and_lint_do_without_what_moves_data() -> None:
    command = [sys.executable, "-c", LINT, "dag_factory_configs", *HEAVY]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_a_check_is_known_by_its_word() -> None:
    for struct in checks.OURS:
        assert sys.modules[struct.__module__].__name__.endswith(str(struct.__struct_config__.tag))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"type": "row_count", "min": None, "max": "7"}, checks.RowCount(max="7")),
        (
            {"type": "accepted_values", "column": "c", "values": [""]},
            checks.AcceptedValues(column="c", values=[""]),
        ),
        ({"type": "unique", "columns": "c"}, "'columns' of the check unique must be a list"),
        ({"type": "sql", "condition": 1}, "'condition' of the check sql must be text, not 1"),
        ({"type": "not_null", "columns": [1]}, "1 can't be a column of the check not_null"),
        ({"type": "unique"}, "the check unique needs `columns`. Write, for example, `columns: [or"),
    ],
)
def test_what_a_template_leaves(given: dict[str, Any], said: object) -> None:
    if isinstance(said, str):
        with pytest.raises(BadOption) as raised:
            checks.parse(given)
        assert said in str(raised.value)
    else:
        assert checks.parse(given) == said


def test_a_write_mode_is_as_plain_as_it_was_written() -> None:
    given = {"mode": "merge", "key": ["id"], "duplicates": "last"}
    assert writes.plain(writes.parse(given)) == given
    assert writes.plain(writes.Append()) == {"mode": "append"}
