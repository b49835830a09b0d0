"""Which files are in a table, kept beside the ledger and written in the same transaction.

A file is in as long as the load that brought it in is: what `ledger` says of loads whose rows are
gone, or are forgotten by a person, holds for their files, too.
"""

from collections.abc import Mapping

import msgspec
from psycopg import sql

from factory.transfer.errors import TransferError
from factory.transfer.postgres import ledger, pages
from factory.transfer.postgres import table as tables
from factory.transfer.postgres.table import Connection, Existing, Table, lock
from factory.transfer.warehouse.arrivals import Arrivals, Known, some_names, taken_by

NAME = "_factory_files"
_COLUMNS = (
    "table_name text, step text, uri text, size bigint NOT NULL, version text NOT NULL,"
    " load_id text NOT NULL, PRIMARY KEY (table_name, step, uri)"
)
_IN = " JOIN {} l USING (table_name, load_id) WHERE l.gone_oid IS DISTINCT FROM %(oid)s::oid"
_ITS = " AND (({} AND table_name = %(name)s) OR l.table_oid = %(oid)s::oid)"
_KEPT = " AND (l.rows = 0 OR coalesce(l.file_nodes && %(nodes)s::bigint[], false))"
_LOST = " AND l.rows > 0 AND NOT coalesce(l.file_nodes && %(nodes)s::bigint[], false)"


def _files(schema: str) -> sql.Identifier:
    return sql.Identifier(schema, NAME)


def _loads(schema: str) -> sql.Identifier:
    return sql.Identifier(schema, ledger.NAME)


def files_in(connection: Connection, target: Table) -> Mapping[str, Mapping[str, Known]]:
    """Step → address → what is in. Raises `TransferError` when nobody can tell."""
    existing = tables.existing(connection, target)
    found: dict[str, dict[str, Known]] = {}
    if existing is None:
        return found
    seen = pages.look(connection, existing)
    emptied = pages.emptied(connection, target, existing, seen)
    given = {"name": target.name, "oid": existing.oid, "nodes": list(seen.nodes)}
    for schema in ledger.schemas(connection, NAME):
        its = sql.SQL(_IN + _ITS).format(_loads(schema), schema == target.schema)
        if emptied and not seen.fresh:
            _refuse_doubt(connection, target, schema, its, given)
        elif emptied:
            its += sql.SQL(_KEPT)
        # one row a load: a row a file takes its time, of which a folder may have 100,000
        query = sql.SQL("SELECT step, load_id, json_object_agg(uri, version)::text FROM {} f")
        rows = connection.execute(
            query.format(_files(schema)) + its + sql.SQL(" GROUP BY 1, 2"), given
        )
        for step, load_id, files in rows:
            versions = msgspec.json.decode(files, type=dict[str, str])
            its_files = {uri: Known(version, load_id) for uri, version in versions.items()}
            found.setdefault(step, {}).update(its_files)
    return found


def _refuse_doubt(
    connection: Connection,
    target: Table,
    schema: str,
    its: sql.Composed,
    given: Mapping[str, object],
) -> None:
    query = sql.SQL("SELECT DISTINCT load_id FROM {} f").format(_files(schema)) + its
    lost = [name for (name,) in connection.execute(query + sql.SQL(_LOST), given)]
    if lost:
        raise TransferError(
            f"{target} got files by {some_names(lost)}, and is empty: by TRUNCATE, or were the "
            "rows deleted one by one?",
            f"To load them again: DELETE FROM {ledger.name(Table(schema, ''))}"
            f" WHERE table_name = {sql.Literal(target.name).as_string()}",
        )


def ensure(connection: Connection, target: Table) -> None:
    """Make the table of files of the target's schema when it is missing."""
    with connection.transaction():
        lock(connection, f"factory ledger {target.schema}")
        create = sql.SQL("CREATE TABLE IF NOT EXISTS {} (" + _COLUMNS + ")")
        connection.execute(create.format(_files(target.schema)))


def forget(connection: Connection, target: Table) -> None:
    """The table is gone, with all that was loaded into it."""
    if target.schema in ledger.schemas(connection, NAME):
        query = sql.SQL("DELETE FROM {} WHERE table_name = %s").format(_files(target.schema))
        connection.execute(query, (target.name,))


def record(connection: Connection, target: Table, load_id: str, given: Arrivals) -> None:
    """Note the files of a load, in its transaction, before the load itself is noted.

    Raises `TransferError`: another run has brought one in since they were chosen.
    """
    existing = tables.existing(connection, target)
    assert existing is not None
    _refuse_taken(connection, target, existing, load_id, given)
    own = {"name": target.name, "step": given.step, "load": load_id}
    forget = "DELETE FROM {} WHERE table_name = %(name)s AND step = %(step)s AND load_id = %(load)s"
    connection.execute(sql.SQL(forget).format(_files(target.schema)), own)
    note = sql.SQL(
        "INSERT INTO {} SELECT %(name)s, %(step)s, f.*, %(load)s"
        " FROM unnest(%(uris)s::text[], %(sizes)s::bigint[], %(versions)s::text[]) f"
        " ON CONFLICT (table_name, step, uri) DO UPDATE SET"
        " size = excluded.size, version = excluded.version, load_id = excluded.load_id"
    )
    columns = {
        "uris": [file.uri for file in given.files],
        "sizes": [file.size for file in given.files],
        "versions": [file.version for file in given.files],
    }
    connection.execute(note.format(_files(target.schema)), {**own, **columns})


def _refuse_taken(
    connection: Connection, target: Table, existing: Existing, load_id: str, given: Arrivals
) -> None:
    query = sql.SQL(
        "SELECT f.uri, f.load_id FROM {} f JOIN unnest(%(uris)s::text[], %(before)s::text[])"
        " AS chosen(uri, before) USING (uri)" + _IN + " AND table_name = %(name)s"
        " AND f.step = %(step)s AND f.load_id <> %(load)s"
        " AND f.load_id IS DISTINCT FROM chosen.before ORDER BY 1"
    ).format(_files(target.schema), _loads(target.schema))
    taken = connection.execute(
        query,
        {
            "uris": [file.uri for file in given.files],
            "before": [file.before for file in given.files],
            "name": target.name,
            "step": given.step,
            "load": load_id,
            "oid": existing.oid,
        },
    ).fetchall()
    if taken:
        raise taken_by(taken[0][1], [uri for uri, _ in taken])
