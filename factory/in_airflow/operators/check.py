"""The task of a `check` step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator

from factory.definitions.tables import STATEMENT_SECONDS
from factory.in_airflow.interval import interval_of

if TYPE_CHECKING:
    from airflow.sdk import Context

    from factory.transfer.warehouse.audit import Result


class Check(BaseOperator):
    """Checks the rows of a table in the warehouse that the connection's type names.

    One that fails, fails the task.

    Its result, also when it fails: `table`, `rows` and, for each of the `checks`, `type`,
    `columns`, `passed`, `severity`, `measured` and `message`.

    :param where: SQL condition: only the rows that meet it are checked.
    :param maximum_bytes_billed: a query that would be billed for more is refused.
    :param statement_timeout: seconds.
    """

    consequence = "the table was only read, and is as it was; what needs this step does not run"

    template_fields: Sequence[str] = ("conn_id", "table", "checks", "where")

    def __init__(
        self,
        *,
        conn_id: str,
        table: str,
        checks: Sequence[Mapping[str, Any]],
        where: str | None = None,
        maximum_bytes_billed: int | None = None,
        statement_timeout: float = STATEMENT_SECONDS,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.conn_id = conn_id
        self.table = table
        self.checks = checks
        self.where = where
        self.maximum_bytes_billed = maximum_bytes_billed
        self.statement_timeout = statement_timeout

    def execute(self, context: Context) -> dict[str, Any]:
        """Check; ages are told from the end of the run's data interval, else from now."""
        from factory.definitions import checks
        from factory.in_airflow.connections import warehouse_of
        from factory.transfer.errors import ChecksFailed
        from factory.transfer.warehouse.check import check

        interval = interval_of(context)
        task = context["task_instance"]
        name = f"{task.dag_id}.{task.task_id}"
        warehouse, address = warehouse_of(
            self.conn_id, application=name, maximum_bytes_billed=self.maximum_bytes_billed
        )
        try:
            done = check(
                warehouse,
                address,
                table=self.table,
                checks=[checks.parse(check) for check in self.checks],
                where=self.where or "",
                as_of=interval.end if interval else None,
                statement_timeout=self.statement_timeout,
            )
        except ChecksFailed as error:
            task.xcom_push("return_value", self._result(error.rows, error.results))
            raise
        return self._result(done.rows, done.checks)

    def _result(self, rows: int, results: Sequence[Result]) -> dict[str, Any]:
        return {"table": self.table, "rows": rows, "checks": [each.plain() for each in results]}
