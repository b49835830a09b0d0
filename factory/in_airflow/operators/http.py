"""The task of an `http` step."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowException

if TYPE_CHECKING:
    from airflow.sdk import Context

log = logging.getLogger(__name__)


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
        log.info("%s answered %d, %d characters", answer.asked, answer.status, len(answer.text))
        problem = unmet(answer, self.request["expect"])
        if problem:
            raise AirflowException(problem)
        if self.returns == "none":
            return None
        return parsed(answer) if self.returns == "json" else answer.text
