"""The task of a `python` step."""

from __future__ import annotations

import asyncio
import importlib
import inspect
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import AirflowFailException  # it moved after 3.1
from airflow.sdk import BaseOperator

from factory.diagnostics import did_you_mean
from factory.in_airflow import functions
from factory.in_airflow.interval import interval_of
from factory.in_airflow.templates import evaluated, lone_expression

if TYPE_CHECKING:
    from airflow.sdk import Context
    from jinja2 import Environment


class CallPython(BaseOperator):
    """Calls a function that is loaded only now.

    :param callable: `file.py:function`, relative to the DAG's folder (in `_kinds/`, to the
        configuration root), or `package.function`.
    :param args: given by name, on top of those that the function names of Airflow's context.
    """

    template_fields: Sequence[str] = ("args",)

    def __init__(self, *, callable: str, args: Mapping[str, Any], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.callable = callable
        self.args = args

    def render_template(
        self,
        content: Any,
        context: Context,
        jinja_env: Environment | None = None,
        seen_oids: set[int] | None = None,
    ) -> Any:
        """As Airflow, but a text that is nothing but one `{{ … }}` is what that gives: a list."""
        if isinstance(content, str):
            env = jinja_env or self.get_template_env()
            expression = lone_expression(content, env)
            if expression:
                return evaluated(expression, env, context)
        return super().render_template(content, context, jinja_env, seen_oids)

    def execute(self, context: Context) -> Any:
        """Load, call, return what the function returns."""
        file, _, name = self.callable.rpartition(":")
        dag = context["dag"]
        place = functions.beside(dag, file) if file else None
        if place is None:
            name = self.callable.rpartition(".")[2]
        with _module(place, self.callable, getattr(dag, "spec_root", "")) as found:
            function = _function(found, name, self.callable)
            result = function(**arguments(function, self.args, context))
            return asyncio.run(result) if inspect.iscoroutine(result) else result


def arguments(
    function: Callable[..., Any], args: Mapping[str, Any], context: Mapping[str, Any]
) -> dict[str, Any]:
    """What the function is given: its own arguments, and what it names of the context.

    :raises AirflowFailException: it cannot be called with these.
    """
    try:
        signature = inspect.signature(function)
    except ValueError:  # written in C
        return dict(args)
    given = _given(signature.parameters.values(), args, context)
    try:  # of a decorated one, what stands around it may give some of them
        inspect.signature(function, follow_wrapped=False).bind(**given)
    except TypeError as error:
        takes = [*signature.parameters]
        unknown = next((name for name in given if name not in takes), "")
        said = f"got an unexpected keyword argument {unknown!r}" if unknown else str(error)
        name = getattr(function, "__name__", "the function")
        refused = AirflowFailException(f"{name} takes {', '.join(takes) or 'nothing'}: {said}")
        refused.hint = did_you_mean(unknown, takes)  # type: ignore[attr-defined]
        raise refused from None
    return given


def _given(
    takes: Collection[inspect.Parameter], args: Mapping[str, Any], context: Mapping[str, Any]
) -> dict[str, Any]:
    by_name = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    named = {entry.name for entry in takes if entry.kind in by_name}
    if "interval" in named and "interval" not in args:
        context = {**context, "interval": interval_of(context)}
    if any(entry.kind is entry.VAR_KEYWORD for entry in takes):
        return {**context, **args}
    return {name: context[name] for name in named if name in context} | dict(args)


@contextmanager
def _module(file: Path | None, written: str, root: str) -> Iterator[ModuleType]:
    """The module that holds the function; of a file, until the block ends."""
    if file is None:
        yield importlib.import_module(written.rpartition(".")[0])
        return
    with functions.module(file, root) as found:
        yield found


def _function(module: ModuleType, name: str, written: str) -> Callable[..., Any]:
    found = functions.function(module, name, written)
    if inspect.isgeneratorfunction(found) or inspect.isasyncgenfunction(found):
        raise AirflowFailException(f"{name} yields: nothing would run; let it return")
    return found
