"""Poolers that give a session's transactions to several servers' sessions.

A load holds locks and settings over several transactions. Behind PgBouncer's `transaction` or
`statement` mode they would be another client's, and nobody would say so.
"""

import psycopg

from factory.transfer.errors import TransferError
from factory.transfer.postgres.table import Connection

_TRIES = 3
_NO_TRANSACTIONS = "not allowed in statement pooling mode"


def refuse(conninfo: str, connection: Connection) -> None:
    """Raise `TransferError` behind such a pooler, before anything is set or locked.

    A pooler answers for the server, and gives a process id of its own: where it is the server's,
    there is none. Else another client keeps a transaction open: a session that is ours alone has
    its process before, meanwhile and after, and the other one another.
    """
    before = _process(connection)
    if before == connection.info.backend_pid:
        return
    for _ in range(_TRIES):
        theirs, now = _at_once(conninfo, connection)
        if theirs == before or now != before:
            raise TransferError(
                "the connection goes through a pooler that gives each transaction another session "
                "(PgBouncer's pool_mode transaction or statement): locks and settings do not hold",
                "Connect to PostgreSQL itself, or to a pool of the mode session",
            )


def _at_once(conninfo: str, connection: Connection) -> tuple[int | None, int]:
    """The process of another client's transaction, and ours meanwhile."""
    try:
        with psycopg.connect(conninfo) as other:
            return _process(other), _process(connection)
    except psycopg.OperationalError as error:
        if _NO_TRANSACTIONS not in str(error):
            raise
        return None, -1


def _process(connection: Connection) -> int:
    # One statement, unprepared: a pooler may not know what another session has prepared.
    found = connection.execute("SELECT pg_backend_pid()", prepare=False).fetchone()
    assert found is not None
    return int(found[0])
