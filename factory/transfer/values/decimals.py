"""Texts → decimals, exact or refused.

Arrow shifts a text's digits by its exponent and the type's scale. Where that takes more digits than
a decimal has, it gives another number in silence (`11` as decimal(38, 38) is 0.79…), so what may
come near is looked at here.
"""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

import pyarrow as pa
import pyarrow.compute as pc

_MOST = {128: 38, 256: 76}  # digits
_EXPONENT = 9  # that one digit says at most


def exact(texts: pa.Array, kind: pa.DataType, *, plain: bool = False) -> pa.Array:
    """Numbers as decimals. Raises `ArrowInvalid` for one that does not fit.

    :param plain: none of them has an exponent.
    """
    most = _MOST[kind.bit_width]
    longest = pc.max(pc.binary_length(texts)).as_py() or 0
    near = longest + kind.scale + (0 if plain else _EXPONENT) > most
    if not near and (plain or not _any(pc.match_substring_regex(texts, "[eE][+-]?[0-9]{2}"))):
        return texts.cast(kind)
    wide = pc.match_substring_regex(
        texts, rf"^[^0-9]*0*[1-9][0-9]{{{kind.precision - kind.scale}}}"
    )
    odd = pc.or_(
        pc.greater(pc.binary_length(texts), most), pc.match_substring(texts, "e", ignore_case=True)
    )
    risky = pc.fill_null(pc.or_(wide, odd), False)
    if _any(risky):
        words = [_in_full(word, kind) for word in texts.filter(risky).to_pylist()]
        texts = pc.replace_with_mask(texts, risky, pa.array(words, pa.string()))
    return texts.cast(kind)


def _any(mask: pa.BooleanArray) -> bool:
    return bool(pc.any(mask).as_py())


def _in_full(word: str, kind: pa.DataType) -> str:
    """A number without an exponent; no number when it does not fit."""
    try:
        sign, digits, exponent = Decimal(word).as_tuple()
    except InvalidOperation:
        return word
    assert isinstance(exponent, int)
    bare = "".join(map(str, digits)).strip("0")
    if not bare:
        return "0"
    exponent += len(digits) - len("".join(map(str, digits)).rstrip("0"))
    if -exponent > kind.scale or len(bare) + exponent > kind.precision - kind.scale:
        return f"{word} does not fit"
    return format(Decimal((sign, tuple(map(int, bare)), exponent)), "f")
