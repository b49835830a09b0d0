"""The task of an `http` step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowException

from factory.account import say
from factory.amounts import size

if TYPE_CHECKING:
    from airflow.sdk import Context


class CallHttp(BaseOperator):
    """Calls an HTTP API once and checks the answer.

    :param request: what `factory.in_airflow.http.send` takes, with `expect`.
    :param returns: `none`, `text`, or `json` for the parsed answer.
    """

    template_fields: Sequence[str] = ("request",)

    def __init__(self, *, request: Mapping[str, Any], returns: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.request = request
        self.returns = returns

    def execute(self, context: Context) -> Any:
        """Send, check, return what is asked for."""
        from factory.in_airflow.http import parsed, send, unmet

        answer = send(**self.request)
        say("%s answered %d, %s", answer.asked, answer.status, size(len(answer.text.encode())))
        problem = unmet(answer, self.request["expect"])
        if problem:
            raise AirflowException(problem)
        if self.returns == "none":
            return None
        return parsed(answer) if self.returns == "json" else answer.text
