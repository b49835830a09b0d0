"""Numbers as people write them → as programs do: `(1.234,50 €)` → `-1234.50`."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc

from factory.transfer.values.spelling import Numbers, Spelling

_SPACES = r"[ \x{a0}\x{202f}]*"
_ALIKE = {" ": r"[ \x{a0}\x{202f}]", "'": r"['\x{2019}]"}
_NULL = pa.scalar(None, pa.string())


def plain(texts: pa.Array, how: Spelling, known: Numbers, *, whole: bool) -> pa.Array:
    """Each text with a sign, digits and a point at most, or an exponent; null where it is none.

    :param whole: of integers: no fraction.
    """
    result = pa.nulls(len(texts), pa.string())
    for pattern, minus in _patterns(how, known, whole):
        groups = "".join(rf"\{number}" for number in range(1, _groups(pattern) + 1))
        fits = pc.fill_null(pc.match_substring_regex(texts, pattern), False)
        found = pc.replace_substring_regex(texts, pattern, minus + groups)
        result = pc.coalesce(result, pc.if_else(fits, found, _NULL))
        if result.null_count == texts.null_count:
            break
    if known.thousands is not None:
        between = _ALIKE.get(known.thousands, re.escape(known.thousands))
        result = pc.replace_substring_regex(result, between, "")
    if how.decimal_point != "." and not whole:
        result = pc.replace_substring(result, how.decimal_point, ".")
    return pc.binary_join_element_wise(result, "e-2", "") if known.percent else result


def _groups(pattern: str) -> int:
    return len(re.findall(r"(?<!\\)\((?!\?)", pattern))


def _patterns(how: Spelling, known: Numbers, whole: bool) -> Iterator[tuple[str, str]]:
    """Each way to write a number, and the sign that it stands for.

    Every number has its digits in groups; what a group does not hold is left out.
    """
    words = "|".join(map(re.escape, sorted(known.strip, key=len, reverse=True)))
    before = f"(?:(?:{words}){_SPACES})?" if words else ""
    after = f"(?:{_SPACES}(?:{words}))?" if words else ""
    number = _number(how, known, whole)
    sign = r"(?:\+|(-))?"
    # one sign, on either side of what is stripped
    first = rf"(?:{sign}{_SPACES}{before}|{before}{sign}{_SPACES})"
    yield f"^{_SPACES}{first}{number}{after}{_SPACES}$", ""
    if known.trailing_minus:
        minus = rf"(?:{_SPACES}-{after}|{after}{_SPACES}-)"
        yield f"^{_SPACES}{before}{number}{minus}{_SPACES}$", "-"
    if known.parentheses:
        inner = rf"\({_SPACES}{before}{number}{after}{_SPACES}\)"
        yield f"^{_SPACES}{before}{inner}{after}{_SPACES}$", "-"


def _number(how: Spelling, known: Numbers, whole: bool) -> str:
    digits, point = "[0-9]+", re.escape(how.decimal_point)
    if not whole:
        exponent = "" if known.percent else "(?:[eE][+-]?[0-9]+)?"
        digits = rf"(?:{digits}(?:{point}[0-9]*)?|{point}[0-9]+){exponent}"
    if known.thousands is not None:
        between = _ALIKE.get(known.thousands, re.escape(known.thousands))
        fraction = "" if whole else rf"(?:{point}[0-9]*)?"
        digits = rf"(?:[1-9][0-9]{{0,2}}(?:{between}[0-9]{{3}})+{fraction}|{digits})"
    if known.percent:
        return rf"(?:({digits}){_SPACES}%|%{_SPACES}({digits}))"
    return f"({digits})"
