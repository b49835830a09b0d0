"""Conditions that cannot both be true, as far as their expressions tell."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from factory.lint.jinja.parsed import environment

if TYPE_CHECKING:
    from jinja2 import nodes

_NOT = {"eq": "ne", "lt": "gteq", "gt": "lteq", "in": "notin"}
_OPPOSITE = {**_NOT, **{value: key for key, value in _NOT.items()}}


def exclude(one: str, other: str) -> bool:
    """Whether two conditions are never true together: `x` and `not x`, `x == 1` and `x == 2`."""
    a, b = _parts(one), _parts(other)
    if not (a.never.isdisjoint(b.always) and b.never.isdisjoint(a.always)):
        return True
    return any(a.equal[what] != b.equal[what] for what in a.equal.keys() & b.equal.keys())


class _Parts(NamedTuple):
    """What must all be true, also as a whole, as jinja2 writes the expressions.

    `never` is what is then false, `equal` which constant an expression then is.
    """

    always: frozenset[str]
    never: frozenset[str]
    equal: dict[str, Any]


_NOTHING = _Parts(frozenset(), frozenset(), {})


@lru_cache(maxsize=4096)  # a pipeline has 2,000 tasks at most
def _parts(condition: str) -> _Parts:
    """Nothing of one that does not parse, or is nested too deeply: both are told elsewhere."""
    from jinja2 import TemplateSyntaxError

    try:
        return _of_tree(environment().parse(condition.strip()))
    except (TemplateSyntaxError, RecursionError):
        return _NOTHING


def _of_tree(tree: nodes.Template) -> _Parts:
    from jinja2 import nodes

    found: list[Any] = [node for output in tree.body for node in getattr(output, "nodes", ())]
    if len(found) != 1:
        return _NOTHING
    every = [*_conjuncts(found[0])]
    return _Parts(
        frozenset(map(repr, every)),
        frozenset(repr(_plain(node, negated=True)) for node in every),
        {
            repr(node.expr): node.ops[0].expr.value
            for node in every
            if isinstance(node, nodes.Compare)
            and [entry.op for entry in node.ops] == ["eq"]
            and isinstance(node.ops[0].expr, nodes.Const)
        },
    )


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


__all__ = ["exclude"]
