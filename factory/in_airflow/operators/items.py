"""The list that a step or a group has one copy for each item of."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, MappingView, Sequence, Set
from typing import TYPE_CHECKING, Any

from airflow.configuration import conf
from airflow.providers.common.compat.sdk import AirflowFailException  # it moved after 3.1
from airflow.sdk import BaseOperator

from factory.account import say
from factory.amounts import counted
from factory.in_airflow.hiding import holds_secret
from factory.in_airflow.kept import GIVE, unkept

if TYPE_CHECKING:
    from airflow.sdk import Context


class Items(BaseOperator):
    """Hands on what an expression gives, which must be a list.

    :param items: the list, once the expression is filled in.
    :param of: the step or group that it is for, as people are told.
    """

    consequence = "no copy of the step has run"
    template_fields: Sequence[str] = ("items",)

    def __init__(self, *, items: Any, of: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.items = items
        self.of = of

    def execute(self, context: Context) -> list[Any]:
        """The items.

        :raises AirflowFailException: it is no list, or one that Airflow does not take.
        """
        found = self._listed()
        most = conf.getint("core", "max_map_length", fallback=1024)
        if len(found) > most:
            raise self._refused(
                f"{len(found):,} items, and Airflow takes {most:,} at most (`core.max_map_length`)",
                "let each copy do several: `{{ … | batch(100) | list }}`",
            )
        for place, item in enumerate(found):
            if why := unkept(item):
                raise self._refused(
                    f"as item {place + 1} {_shown(item)}, which Airflow cannot keep: {why}",
                    GIVE,
                )
        if holds_secret({"items": found}):
            raise self._refused(
                "one with a secret in it, which people could read in Airflow",
                "let each copy read it itself: `{{ conn.x.password }}`, `{{ var.value.x }}`",
            )
        none = "" if found else ": nothing is to do, so the step is skipped"
        say("%s for %s%s", counted(len(found), "item"), self.of, none)
        return found

    def _listed(self) -> list[Any]:
        given = self.items
        if isinstance(given, str):
            raise self._refused(f"the text {_shown(given)}", _of_text(given))
        if isinstance(given, Mapping):
            hint = "`{{ x.values() | list }}` gives its values, `{{ x.items() | list }}` pairs"
            raise self._refused(f"the mapping {_shown(dict(given))}", hint)
        if given is None:
            raise self._refused("nothing (None)", "`{{ … or [] }}`, where that means no items")
        if isinstance(given, Set) and not isinstance(given, MappingView):
            raise self._refused(f"the set {_shown(given)}", "`{{ x | sort }}` is a list of it")
        if isinstance(given, bytes | bytearray) or not isinstance(given, Iterable):
            raise self._refused(_shown(given), "`{{ [x] }}` is a list of one")
        return list(given)

    def _refused(self, what: str, hint: str) -> AirflowFailException:
        error = AirflowFailException(f"`for_each` of {self.of} needs a list, and gets {what}")
        error.hint = hint  # type: ignore[attr-defined]
        return error


def _of_text(text: str) -> str:
    try:
        is_list = isinstance(json.loads(text), list)
    except ValueError:
        is_list = False
    if is_list:
        return "it is a list written as text: `{{ var.json.x }}` reads a Variable so"
    return "`{{ x.split(',') }}` makes a list of it"


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:60]}…"
