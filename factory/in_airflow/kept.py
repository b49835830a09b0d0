"""Whether Airflow can keep what a task returns, for others to read."""

from __future__ import annotations

import json
from typing import Any

from airflow.providers.common.compat.sdk import AirflowFailException  # it moved after 3.1
from airflow.sdk.bases.xcom import BaseXCom
from airflow.sdk.execution_time.xcom import XCom

GIVE = "give texts, numbers, dates, and lists and mappings of such"
_PLAIN = (str, int, type(None))


def unkept(value: Any) -> str:
    """Why a value cannot be handed on, or an empty string."""
    try:
        kept: Any = BaseXCom.serialize_value(value)
    except Exception as error:  # of any type: what makes it so is another's
        return str(error).partition(". ")[0].partition("\n")[0] or type(error).__name__
    try:
        json.dumps(kept, allow_nan=False)
    except ValueError:
        return "it holds a number that is not finite (NaN, or infinite)"
    return ""


def require(task: Any, result: Any) -> None:
    """Airflow would tell it in words for who writes operators, when the task is over for us.

    Another store for outputs than Airflow's own may keep more, and only tells by doing it.

    :raises AirflowFailException: Airflow cannot keep what a task returns; it would return such
        again.
    """
    if isinstance(result, _PLAIN) or not task.do_xcom_push or XCom is not BaseXCom:
        return
    if why := unkept(result):
        error: Any = AirflowFailException(f"its output cannot be handed on: {why}")
        error.hint = f"{GIVE}; or leave `output` out"
        error.consequence = "the work is done, its output alone is not kept"
        raise error
