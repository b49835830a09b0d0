"""Every staged row arrives, and no row of another table goes with those that it replaces."""

from factory.transfer.errors import TransferError
from factory.transfer.postgres.modes import Changed, Mode, Staged
from factory.transfer.postgres.table import TREE, Connection, Existing, Table, has_triggers, touched

_EVENTS = {"INSERT": "3", "UPDATE": "2", "DELETE": "4"}  # as pg_rewrite has them
_ACTIONS = {"c": "CASCADE", "n": "SET NULL", "d": "SET DEFAULT"}  # as pg_constraint has them


def refuse(
    connection: Connection, target: Table, existing: Existing, mode: Mode, staged: Staged
) -> None:
    """Raise `TransferError` when a write would do more, or less, than it says."""
    _refuse_rules(connection, target, existing, mode)
    _refuse_foreign(connection, target, existing, mode)
    if "DELETE" in mode.needs:
        _refuse_children(connection, target, existing, mode)
    _refuse_lost_references(connection, target, existing, mode, staged)


def _refuse_rules(connection: Connection, target: Table, existing: Existing, mode: Mode) -> None:
    events = [_EVENTS[need] for need in mode.needs if need in _EVENTS]
    found = connection.execute(
        'SELECT rulename FROM pg_rewrite WHERE ev_class = %s AND ev_type = ANY (%s::"char"[])'
        " AND ev_enabled <> 'D' ORDER BY 1",
        (existing.oid, events),
    ).fetchall()
    if found:
        raise TransferError(
            f"the rule {found[0][0]!r} of {target} turns a write into something else, and where "
            "the rows go can't be counted",
            "Let a trigger do its work",
        )


def _refuse_foreign(connection: Connection, target: Table, existing: Existing, mode: Mode) -> None:
    if not existing.partitioned and mode.needs == ("INSERT",):
        return  # nothing is written into what inherits
    found = connection.execute(
        "SELECT c.oid::regclass::text FROM pg_class c"
        f" WHERE c.relkind = 'f' AND c.oid IN {TREE} ORDER BY 1",
        (existing.oid,),
    ).fetchall()
    if found:
        what = "a partition of" if existing.partitioned else "which inherits from"
        raise TransferError(
            f"{found[0][0]}, {what} {target}, is a foreign table: what is written there "
            "is not of the transaction that publishes",
            "Load into a table of that server",
        )


def _refuse_children(connection: Connection, target: Table, existing: Existing, mode: Mode) -> None:
    found = connection.execute(
        "SELECT inhrelid::regclass::text FROM pg_inherits JOIN pg_class p ON p.oid = inhparent"
        " WHERE inhparent = %s AND p.relkind = 'r' ORDER BY 1",
        (existing.oid,),
    ).fetchall()
    if found:
        raise TransferError(
            f"{found[0][0]} inherits from {target}: a {mode.name} would delete its rows, too",
            "Load by `append` or `merge`, or make partitions of them",
        )


def _refuse_lost_references(
    connection: Connection, target: Table, existing: Existing, mode: Mode, staged: Staged
) -> None:
    updated = mode.updates(existing, staged)
    # (What PostgreSQL derives for partitions has a parent. One of a partition alone counts, too.)
    for name, other, own, deletes, updates, columns in connection.execute(
        f"WITH tree AS {TREE}"
        " SELECT o.conname, o.conrelid::regclass::text, o.conrelid IN (TABLE tree),"
        " o.confdeltype::text, o.confupdtype::text,"
        " ARRAY(SELECT a.attname::text FROM pg_attribute a"
        "        WHERE a.attrelid = o.confrelid AND a.attnum = ANY (o.confkey))"
        " FROM pg_constraint o WHERE o.contype = 'f' AND o.conparentid = 0"
        " AND o.confrelid IN (TABLE tree) ORDER BY 2, 1",
        (existing.oid,),
    ).fetchall():
        if "DELETE" in mode.needs and deletes in _ACTIONS and not (own and mode.whole):
            raise TransferError(
                f"a {mode.name} deletes rows of {target}, and {other} would lose or change those "
                f"that refer to them (foreign key {name!r}, ON DELETE {_ACTIONS[deletes]})",
                "Load by `merge`, or make the foreign key ON DELETE NO ACTION",
            )
        if updates in "nd" and updated.intersection(columns):
            raise TransferError(
                f"a {mode.name} updates {sorted(updated.intersection(columns))} of {target}, and "
                f"{other} would lose what refers to it (foreign key {name!r}, "
                f"ON UPDATE {_ACTIONS[updates]})",
                "Make the foreign key ON UPDATE CASCADE or NO ACTION",
            )


def written(
    connection: Connection, target: Table, existing: Existing, mode: Mode, staged: Staged
) -> Changed:
    """Write into a target that is there. Raises `TransferError` when its triggers hinder it.

    Where there are none, PostgreSQL's own count is right, and nothing is counted again.
    """
    if not existing.triggers:
        changed = mode.write(connection, target, existing, staged)
        _refuse_what_came(connection, target, existing, mode)
        return changed
    before = touched(connection, existing)
    changed = mode.write(connection, target, existing, staged)
    connection.execute("SET CONSTRAINTS ALL IMMEDIATE")  # triggers that wait for the commit
    inserted, _, deleted = (
        after - old for after, old in zip(touched(connection, existing), before, strict=True)
    )
    # (An update that moves a row to another partition is a delete and an insert.)
    if not (existing.partitioned and changed.updated) and (inserted, deleted) != (
        changed.inserted,
        changed.deleted,
    ):
        raise refused(
            target,
            f"{inserted} rows were inserted and {deleted} deleted, "
            f"but the load inserts {changed.inserted} and deletes {changed.deleted}",
        )
    mode.arrived(connection, target, existing, staged)
    _refuse_what_came(connection, target, existing, mode)
    return changed


def _refuse_what_came(
    connection: Connection, target: Table, existing: Existing, mode: Mode
) -> None:
    """Look again: a partition may come while its table is written into."""
    _refuse_foreign(connection, target, existing, mode)
    if has_triggers(connection, existing.oid) != existing.triggers:
        raise TransferError(
            f"a table with triggers came to {target} while its rows were written", "Repeat the load"
        )


def refused(target: Table, said: str) -> TransferError:
    """Build the error for a trigger that turns rows away."""
    return TransferError(f"{target}: {said}", "A trigger of the table turns rows away or adds some")
