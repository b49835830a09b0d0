"""Names as Snowflake has them: a plain one is upper-cased, as SQL without quotes has it.

So `order_id` of a load is `ORDER_ID` there. A name of other characters is as it stands. A column
that somebody made as `"order_id"`, in quotes, is met, too.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from sqlglot import exp

from factory.definitions import identifiers
from factory.definitions.warehouses import SNOWFLAKE
from factory.transfer.errors import TransferError
from factory.transfer.warehouse import parts

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_$]*")
OURS = "_FACTORY_"
"""What the names of our own tables begin with."""


@dataclass(frozen=True)
class Table(parts.Table):
    """A table's name, with its database; as Snowflake keeps it.

    An empty part is the session's.
    """

    database: str = ""

    def beside(self, name: str) -> Table:
        """Another table of its schema."""
        return Table(self.schema, name, self.database)

    def noted(self, name: str, dialect: str) -> str:
        """See `parts.Table`."""
        return quoted(self.beside(folded(name)))

    @property
    def digest(self) -> str:
        """What tells it from other tables of its schema, in eight characters."""
        return hashlib.sha256(str(self).encode()).hexdigest()[:8].upper()

    def __str__(self) -> str:
        return ".".join(part for part in (self.database, self.schema, self.name) if part)


def folded(name: str) -> str:
    """A name as SQL without quotes has it."""
    return identifiers.as_one(name, SNOWFLAKE)


def other_case(name: str) -> str:
    """How people write a name that Snowflake keeps in capitals; else the name itself."""
    return name.lower() if _PLAIN.fullmatch(name) and name == name.upper() else name


def table(name: str, database: str = "", schema: str = "") -> Table:
    """`table`, `schema.table` or `database.schema.table`; the rest is as given.

    Raises `BadOption`.
    """
    given = parts.split(name, SNOWFLAKE)
    in_database, in_schema, own = map(folded, (given[0] or database, given[1] or schema, given[2]))
    return Table(in_schema, own, in_database)


def there(name: str, columns: Collection[str]) -> str:
    """What the column of a load is called in a table of these columns, or would be."""
    return name if name in columns else folded(name)


def refuse_alike(names: Iterable[str]) -> None:
    """Raise `TransferError` for two columns that Snowflake takes for one."""
    for _, name, other in identifiers.alike(names, SNOWFLAKE):
        raise TransferError(
            f"the columns {other!r} and {name!r} are both {folded(name)} in Snowflake",
            "Rename one of them with `rename`, or leave one out with `select`",
        )


def quoted(name: str | Table) -> str:
    """As an identifier."""
    if isinstance(name, Table):
        return ".".join(quoted(part) for part in (name.database, name.schema, name.name) if part)
    return exp.to_identifier(name, quoted=True).sql(dialect=SNOWFLAKE.dialect)


def literal(text: str) -> str:
    """As a text."""
    return exp.Literal.string(text).sql(dialect=SNOWFLAKE.dialect)
