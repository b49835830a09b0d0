"""What a task decides itself, before its templates are filled in: `if:` on a step."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache, partial, wraps
from typing import TYPE_CHECKING, Any, Literal

from airflow.providers.common.compat.sdk import (  # they moved after Airflow 3.1
    AirflowException,
    AirflowFailException,
    AirflowSkipException,
)

from factory.account import say
from factory.errors import words
from factory.in_airflow.guard import context_of, where
from factory.in_airflow.templates import Expression

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator

Moment = Literal["render_template_fields", "_do_render_template_fields", "pre_execute"]
"""When it is decided. Of a mapped task, another object fills in the templates."""


Decide = Callable[[Any, Mapping[str, Any]], None]
"""Of an operator and its context: raises `AirflowSkipException` where it has no work."""


@lru_cache(maxsize=1024)
def conditional(operator: type[BaseOperator], condition: str, moment: Moment) -> type[BaseOperator]:
    """The operator with a condition."""

    def by_condition(self: Any, context: Mapping[str, Any]) -> None:
        decide(condition, context, partial(where, self))

    return deciding(operator, by_condition, moment)


def deciding(operator: type[BaseOperator], decides: Decide, moment: Moment) -> type[BaseOperator]:
    """The operator that decides. Airflow stores, shows and imports it under its own name."""
    own: dict[str, Any] = {
        "inherits_from_empty_operator": False,  # one that does nothing would not be asked
        "__module__": operator.__module__,
        "__qualname__": operator.__qualname__,
        "__doc__": operator.__doc__,
        moment: _deciding(getattr(operator, moment), decides),
    }
    metaclass: Any = type(operator)
    made: type[BaseOperator] = metaclass(operator.__name__, (operator,), own)
    return made


def _deciding(method: Callable[..., Any], decides: Decide) -> Callable[..., Any]:
    @wraps(method)
    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        context = context_of((*args, *kwargs.values()))
        if not _goes_on(context):
            decides(self, context)
        return method(self, *args, **kwargs)

    return call


def _goes_on(context: Mapping[str, Any]) -> bool:
    """Whether the task was deferred, and has its work behind it in part."""
    told = getattr(context["ti"], "_ti_context_from_server", None)
    return bool(getattr(told, "next_method", None))


def decide(condition: str, context: Mapping[str, Any], place: Callable[[], str]) -> None:
    """Skip the task where its condition is false.

    False are false, none, 0, and what is empty: a list, a mapping. A text is neither: '0' and
    'false' would count as true.

    :param place: where it is written; asked for errors alone, for it plans the pipeline anew.
    :raises AirflowSkipException: it is false.
    :raises AirflowFailException: it gives a text.
    """
    said = f"`if: {condition}`"
    try:
        found, is_true = _told(condition, context)
    except Exception as error:
        raise AirflowException(f"{said} ({place()}) cannot be told: {words(error)}") from error
    if isinstance(found, str):
        raise AirflowFailException(
            f"{said} ({place()}) gives the text {found[:60]!r}, which is neither true nor "
            "false: compare it, as in `x == 'yes'`, or make a number of it with `| int`"
        )
    if not is_true:
        say("skipped: %s", said)
        raise AirflowSkipException(said)


def _told(condition: str, context: Mapping[str, Any]) -> tuple[Any, bool]:
    found = Expression(condition).resolve(context)
    return found, bool(found)
