"""Conditions that cannot both be true, as far as their expressions tell."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from factory.lint.jinja.parsed import environment

if TYPE_CHECKING:
    from jinja2 import nodes

_NOT = {"eq": "ne", "lt": "gteq", "gt": "lteq", "in": "notin"}
_OPPOSITE = {**_NOT, **{value: key for key, value in _NOT.items()}}


def exclude(one: str, other: str) -> bool:
    """Whether two conditions are never true together: `x` and `not x`, `x == 1` and `x == 2`."""
    return any(_exclude(a, b) for a in _parts(one) for b in _parts(other))


@lru_cache(maxsize=256)
def _parts(condition: str) -> tuple[Any, ...]:
    """What must all be true, also as a whole; nothing of one that does not parse."""
    from jinja2 import TemplateSyntaxError

    try:
        tree = environment().parse(condition.strip())
    except (TemplateSyntaxError, RecursionError):
        return ()
    found = [node for output in tree.body for node in getattr(output, "nodes", ())]
    return tuple(_conjuncts(found[0])) if len(found) == 1 else ()


def _conjuncts(node: nodes.Expr) -> Iterator[nodes.Expr]:
    from jinja2 import nodes

    yield _plain(node, negated=False)
    if isinstance(node, nodes.And):
        yield from _conjuncts(node.left)
        yield from _conjuncts(node.right)


def _plain(node: Any, *, negated: bool) -> Any:
    """Without `not` where another operator says the same."""
    from jinja2 import nodes

    if isinstance(node, nodes.Not):
        return _plain(node.node, negated=not negated)
    if not negated:
        return node
    if isinstance(node, nodes.Compare) and len(node.ops) == 1 and node.ops[0].op in _OPPOSITE:
        opposite = nodes.Operand(_OPPOSITE[node.ops[0].op], node.ops[0].expr)
        return nodes.Compare(node.expr, [opposite])
    return nodes.Not(node)


def _exclude(one: Any, other: Any) -> bool:
    return bool(_plain(one, negated=True) == other) or _differ(one, other)


def _differ(one: Any, other: Any) -> bool:
    """The same compared with two different constants."""
    from jinja2 import nodes

    values: list[Any] = []
    for each in (one, other):
        if not isinstance(each, nodes.Compare) or [entry.op for entry in each.ops] != ["eq"]:
            return False
        values.append(each.ops[0].expr)
    constant = all(isinstance(value, nodes.Const) for value in values)
    return constant and bool(one.expr == other.expr) and values[0].value != values[1].value


__all__ = ["exclude"]
