"""Keys and indexes, which take so many bytes of all their columns and no more."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from factory.transfer.mysql.kinds import BYTES, TEXTS, parts_of
from factory.transfer.mysql.session import name

_MOST = 3072
_OF_OTHERS = 32  # at most: a number, a moment
_OF_CHARACTER = 4
_LONGEST = 255
_BOUNDED = {"longtext": "varchar", "longblob": "varbinary"}


def bounded(kind: str, key: Collection[str]) -> str:
    """What a column becomes that a primary key of these types has: none takes texts without end."""
    return f"{_BOUNDED[kind]}({_share(key)})" if kind in _BOUNDED else kind


def indexed(columns: Sequence[str], kinds: Mapping[str, str]) -> str:
    """The columns of an index, quoted: of long texts, as much of their beginning as fits."""
    share = _share([kinds[each] for each in columns])
    return ", ".join(
        f"{name(each)}({share})" if _is_longer(kinds[each], share) else name(each)
        for each in columns
    )


def _share(key: Collection[str]) -> int:
    """Characters, or bytes, that each text of the key may have."""
    texts = sum(map(_is_text, key))
    left = _MOST - _OF_OTHERS * (len(key) - texts)
    return min(_LONGEST, left // _OF_CHARACTER // max(texts, 1))


def _is_longer(kind: str, share: int) -> bool:
    _, size, _ = parts_of(kind)
    return _is_text(kind) and (not size or size[0] > share)


def _is_text(kind: str) -> bool:
    return parts_of(kind)[0] in (*TEXTS, *BYTES)
