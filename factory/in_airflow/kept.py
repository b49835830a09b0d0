"""Whether Airflow can keep what a task returns, for others to read."""

from __future__ import annotations

import json
from typing import Any

import msgspec
from airflow.providers.common.compat.sdk import AirflowFailException  # it moved after 3.1
from airflow.sdk.bases.xcom import BaseXCom
from airflow.sdk.execution_time.xcom import XCom

GIVE = "give texts, numbers, dates, and lists and mappings of such"


def unkept(value: Any) -> str:
    """Why a value cannot be handed on, or an empty string."""
    try:
        kept: Any = BaseXCom.serialize_value(value)
    except Exception as error:  # of any type: what makes it so is another's
        return str(error).partition(". ")[0].partition("\n")[0] or type(error).__name__
    try:
        # so Airflow hands it from the task to its supervisor
        msgspec.msgpack.encode(kept, enc_hook=_plain)
        json.dumps(kept, allow_nan=False)
    except OverflowError:
        return "it holds a whole number of more than 64 bits"
    except UnicodeEncodeError:
        return "it holds a text that is no Unicode, such as the name of a file in another encoding"
    except ValueError:
        return "it holds a number that is not finite (NaN, or infinite)"
    return ""


def _plain(value: Any) -> Any:
    """What a class of its own is below, such as a text that is marked safe."""
    return next((kind(value) for kind in (int, float) if isinstance(value, kind)), str(value))


def require(task: Any, result: Any) -> None:
    """Airflow would tell it in words for who writes operators, when the task is over for us.

    Another store for outputs than Airflow's own may keep more, and only tells by doing it.

    :raises AirflowFailException: Airflow cannot keep what a task returns; it would return such
        again.
    """
    if not task.do_xcom_push or XCom is not BaseXCom:
        return
    if why := unkept(result):
        error: Any = AirflowFailException(f"its output cannot be handed on: {why}")
        error.hint = f"{GIVE}; or leave `output` out"
        error.consequence = "the work is done, its output alone is not kept"
        raise error
