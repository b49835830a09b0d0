"""SQL that a person writes, before it becomes a part of ours.

It is put in parentheses of ours: it must not close them, nor end our statement.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

from factory.definitions.errors import BadOption

_NAMES = {"postgresql": "postgres", "mssql": "tsql", "mariadb": "mysql"}
"""What databases call themselves, where sqlglot has another name."""
_DEPTH = {"(": 1, ")": -1}


def query(text: str, dialect: str = "") -> str:
    """One SELECT, without the semicolon that ends it and what is behind. Raises `BadOption`."""
    signs = _signs(text, dialect)
    ends = [place for sign, place in signs if sign == ";"]
    kept = [sign for sign, _ in signs]
    while kept and kept[-1] == ";":
        kept.pop()
    if ";" in kept:
        raise BadOption("the `query` is several statements", "Leave all but one SELECT out")
    _refuse_open(kept, "query")
    return text[: ends[0]] if ends else text


def condition(text: str, dialect: str = "") -> str:
    """One expression. Raises `BadOption`."""
    signs = [sign for sign, _ in _signs(text, dialect)]
    if ";" in signs:
        raise BadOption("the `where` holds a semicolon", "Write one condition, without it")
    _refuse_open(signs, "where")
    return text


def _refuse_open(signs: Sequence[str], what: str) -> None:
    depths = [*accumulate((_DEPTH.get(sign, 0) for sign in signs), initial=0)]
    if min(depths) < 0 or depths[-1]:
        closed = min(depths) < 0
        said = "closes a parenthesis that it has not opened" if closed else "leaves one open"
        raise BadOption(f"the `{what}` {said}", "Count the parentheses")


def _signs(text: str, dialect: str) -> list[tuple[str, int]]:
    """Its words and signs with their places, each text an empty one, comments left out.

    None where sqlglot cannot tell them: the database will.
    """
    import sqlglot
    from sqlglot import TokenType
    from sqlglot.dialects.dialect import Dialect
    from sqlglot.errors import TokenError

    name = _NAMES.get(dialect, dialect)
    try:
        found = sqlglot.tokenize(text, read=name if Dialect.get(name) is not None else None)
    except TokenError:
        return []
    own = (TokenType.SEMICOLON, TokenType.L_PAREN, TokenType.R_PAREN)
    return [(token.text if token.token_type in own else "", token.start) for token in found]


__all__ = ["condition", "query"]
