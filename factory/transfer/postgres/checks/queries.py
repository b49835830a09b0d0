"""SQL that the checks share, and samples of what failed."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import psycopg
from psycopg import sql

from factory.transfer.errors import BadOption
from factory.transfer.postgres.checks.parts import Finding, Scope, many
from factory.transfer.postgres.table import Connection

SAMPLES = 5
LONGEST = 60
TEXTS = ("text", "character varying")  # what a pattern is matched with as it is

_SAMPLED = 2000
_COMMON = 4


def ident(name: str) -> sql.Identifier:
    """A column's name, quoted."""
    return sql.Identifier(name)


def condition(text: str) -> sql.Composable:
    """A person's own condition; a comment at its end does not reach beyond it."""
    return sql.SQL("({}\n)").format(sql.SQL(text))


def source(scope: Scope, also: sql.Composable | None = None) -> sql.Composable:
    """`FROM` the table, and the condition that its rows must meet."""
    wanted = [condition(scope.subject.where)] if scope.subject.where else []
    wanted += [sql.SQL("({})").format(also)] if also else []
    where = sql.SQL(" WHERE {}").format(sql.SQL(" AND ").join(wanted)) if wanted else sql.SQL("")
    return sql.SQL("FROM {}{}").format(scope.subject.table.identifier, where)


def count_of(bad: sql.Composable) -> sql.Composable:
    """How many rows meet a condition."""
    return sql.SQL("count(*) FILTER (WHERE {})").format(bad)


def text_of(value: object) -> str:
    """A value of YAML, as PostgreSQL reads it in any type."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    return str(value)


def literal(scope: Scope, column: str, text: str) -> sql.Composable:
    """A value in the type of a column."""
    return sql.SQL("CAST({} AS {})").format(sql.Literal(text), sql.SQL(scope.types[column]))


@contextmanager
def blaming(what: str) -> Iterator[None]:
    """PostgreSQL's refusal of what a person wrote, as a `BadOption`."""
    try:
        yield
    except (psycopg.DataError, psycopg.ProgrammingError, psycopg.NotSupportedError) as error:
        said = error.diag.message_primary or str(error).partition("\n")[0]
        raise BadOption(f"{what}: PostgreSQL said: {said}", error.diag.message_hint) from None


def understood(connection: Connection, what: str, query: sql.Composed) -> list[int]:
    """Let PostgreSQL read a query that yields no rows, and give the types of its columns."""
    with blaming(what):
        # `binary` for its protocol, which takes one statement only.
        found = connection.execute(query, binary=True)
    return [column.type_code for column in found.description or ()]


def castable(
    connection: Connection, scope: Scope, check: str, column: str, texts: Sequence[str]
) -> None:
    """Are these values of the column's type? Raises `BadOption` for the first that is not."""
    for text in texts:  # one by one: PostgreSQL's message alone does not tell which column's
        kind = scope.types[column]
        what = f"{shown(text)!r} in the check {check} is no {kind}, which the column {column} is"
        understood(connection, what, sql.SQL("SELECT {}").format(literal(scope, column, text)))


def unless_common(
    connection: Connection, scope: Scope, column: str, good: sql.Composable, bad: sql.Composable
) -> sql.Composable:
    """`bad`, but not asked about the values that most rows have and that are known to be good.

    Comparing with one value costs a tenth of a regular expression or of a list.
    """
    if not scope.stored:
        return bad
    common = _common(connection, scope, column, good)
    if not common:
        return bad
    # Bytes are compared: a collation may take two texts for one that a pattern tells apart.
    name, collate = ident(column), sql.SQL(' COLLATE "C"' if scope.types[column] in TEXTS else "")
    known = [
        sql.SQL("{}{} = {}").format(name, collate, literal(scope, column, text)) for text in common
    ]
    return sql.SQL("NOT ({}) AND {}").format(sql.SQL(" OR ").join(known), bad)


def _common(
    connection: Connection, scope: Scope, column: str, good: sql.Composable
) -> Sequence[str]:
    """The most frequent good values among the first rows, if they are most of them."""
    query = sql.SQL(
        "SELECT value, rows, sampled FROM ("
        "SELECT {column}::text, count(*), sum(count(*)) OVER ()::bigint, coalesce({good}, false)"
        " FROM (SELECT {column} FROM {table} LIMIT {most}) first_rows GROUP BY {column}"
        ") AS found (value, rows, sampled, good) WHERE good ORDER BY rows DESC, value LIMIT {few}"
    ).format(
        column=ident(column),
        table=scope.subject.table.identifier,
        good=good,
        most=sql.Literal(_SAMPLED),
        few=sql.Literal(_COMMON),
    )
    found = connection.execute(query).fetchall()
    few = bool(found) and 2 * sum(rows for _, rows, _ in found) >= found[0][2]
    return [text for text, *_ in found if len(text) <= LONGEST] if few else []


def samples(connection: Connection, scope: Scope, finding: Finding) -> str:
    """Name some failing rows by their key, else some of the values; empty when there are none."""
    if finding.bad is None:
        return ""
    if scope.subject.key:
        return _keys(connection, scope, finding.bad)
    return _values(connection, scope, finding.bad, finding.shown) if finding.shown else ""


def _keys(connection: Connection, scope: Scope, bad: sql.Composable) -> str:
    key = scope.subject.key
    query = sql.SQL(
        "SELECT {shown} FROM (SELECT {key} {source} ORDER BY {key} LIMIT {most}) failed"
    ).format(
        shown=sql.SQL(", ").join(map(short, key)),
        key=sql.SQL(", ").join(map(ident, key)),
        source=source(scope, bad),
        most=sql.Literal(SAMPLES),
    )
    return "; ".join(named(key, row) for row in connection.execute(query))


def _values(connection: Connection, scope: Scope, bad: sql.Composable, column: str) -> str:
    query = sql.SQL("SELECT {}, count(*) {} GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT {}").format(
        short(column), source(scope, bad), sql.Literal(SAMPLES)
    )
    return ", ".join(
        f"'{shown(text)}' in {many(count)}" for text, count in connection.execute(query)
    )


def short(column: str) -> sql.Composable:
    """A column as text, no longer than what is shown of it."""
    return sql.SQL("left({}::text, {})").format(ident(column), sql.Literal(LONGEST + 1))


def named(columns: Sequence[str], texts: Sequence[str | None]) -> str:
    """`id = 5, day = 2024-01-01`"""
    return ", ".join(
        f"{name} = {'null' if text is None else shown(text)}"
        for name, text in zip(columns, texts, strict=True)
    )


def shown(text: str) -> str:
    """Cut a text to a sane length and escape what would disturb a log."""
    cut = text if len(text) <= LONGEST else text[:LONGEST] + "…"
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in cut)
