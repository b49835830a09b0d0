"""Lines of JSON → columns, quickly when all is well, else with care.

msgspec decodes a line into a Struct at some million rows a second, but keeps the last of two equal
keys, and gives numbers as Python has them. So the keys of a block are counted, and where their
number, an escape or a number with many digits makes a difference possible, or where anything is
refused, the same lines are read again key by key (`careful`).
(pyarrow's JSON reader is no faster on one core, infers a double for 20 digits, takes bytes that are
not UTF-8, has no text for an object, and no line for its errors.)
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
from msgspec import UNSET, Raw, UnsetType

from factory.transfer.formats.jsonl.converters import Double, Kind, Unfit

# Before each key's colon stands its quote, or white space. In texts these may stand too, so this
# counts keys or more.
_COLONS = (b'":', b" :", b"\t:", b"\r:")
# Numbers that a double may not hold as they are written, in any column: of 16 digits, with an
# exponent of three, and -0, which msgspec gives no sign.
_LONG_NUMBER = r"[1-9][0-9]{15}|[1-9][0-9.]{16}|[eE][+-]?[0-9]{3}|-0[^0-9.]"
_NEGATIVE_ZERO = r"-0[,}\s]"
_SEVERAL = re.compile(rb"\}\s*\{")
# Names that a Struct can't have.
_ODD = re.compile(r'["\\\x00-\x1f]')


@dataclass(frozen=True)
class Field:
    """A key of the objects, and how its values are read."""

    key: str
    kind: Kind


class Doubtful(Exception):
    """A block that must be read with care."""


class Fast:
    """Decodes lines that have these fields and no others."""

    def __init__(self, fields: Sequence[Field], *, any_key: bool, nul: bool) -> None:
        self._fields = fields
        self._any_key = any_key
        self._nul = nul
        self._usable = not any(_ODD.search(field.key) for field in fields)
        doubles = [field.kind for field in fields if isinstance(field.kind, Double)]
        self._declared = any(kind.declared for kind in doubles)
        self._inferred = any(not kind.declared for kind in doubles)
        self._decoders: dict[bool, msgspec.json.Decoder[Any]] = {}

    def columns(self, data: bytes, lines: Sequence[bytes]) -> list[Sequence[Any]]:
        """Values of each field, as its `array` takes them. Raises `Doubtful`."""
        nul = not self._nul and b"\\u0000" in data
        if not self._usable or nul or not _is_utf8(data):
            raise Doubtful
        exact = self._inferred and _has(data, _LONG_NUMBER)
        exact = exact or (self._declared and _has(data, _NEGATIVE_ZERO))
        try:
            rows = list(map(self._decoder(exact).decode, lines))
            columns = list(zip(*map(msgspec.structs.astuple, rows), strict=True))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise Doubtful from None
        return self._settled(data, columns or [()] * len(self._fields), len(lines), exact)

    def _settled(
        self, data: bytes, columns: Sequence[Sequence[Any]], rows: int, exact: bool
    ) -> list[Sequence[Any]]:
        keys, found = _count(data), 0
        settled: list[Sequence[Any]] = []
        for field, values in zip(self._fields, columns, strict=True):
            missing = sum(value is UNSET for value in values) if UNSET in values else 0
            found += rows - missing
            if _fast(field.kind, exact) is Raw:
                tokens = [b"null" if value is UNSET else bytes(value) for value in values]
                # Keys of objects in an object are not this object's.
                if not isinstance(field.kind, Double):
                    keys -= _count(b"".join(t for t in tokens if t[:1] in b'{["'))
                values = list(map(field.kind.one, tokens))
            elif missing:
                values = [None if value is UNSET else value for value in values]
            settled.append(values)
        if keys != found:
            raise Doubtful
        return settled

    def _decoder(self, exact: bool) -> msgspec.json.Decoder[Any]:
        if exact not in self._decoders:
            row = msgspec.defstruct(
                "Row",
                [
                    (f"f{n}", _fast(field.kind, exact) | UnsetType, UNSET)
                    for n, field in enumerate(self._fields)
                ],
                rename={f"f{n}": field.key for n, field in enumerate(self._fields)},
                forbid_unknown_fields=not self._any_key,
                gc=False,
            )
            self._decoders[exact] = msgspec.json.Decoder(row)
        return self._decoders[exact]


def _fast(kind: Kind, exact: bool) -> Any:
    return Raw if exact and isinstance(kind, Double) else kind.fast


def _count(data: bytes) -> int:
    return sum(map(data.count, _COLONS))


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _has(data: bytes, pattern: str) -> bool:
    # Arrow's automaton: Python's expressions are twenty times slower at this.
    found = pc.match_substring_regex(pa.scalar(data, pa.large_string()), pattern)
    return bool(found.as_py())


class _Key:
    """A key that equals no other, so that a dict keeps all of them."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name


def _key(kind: type, name: str) -> _Key:
    return _Key(name)


_PAIRS = msgspec.json.Decoder(dict[_Key, Raw], dec_hook=_key)


def tokens(line: bytes) -> dict[str, bytes]:
    """Keys of the object in `line`, and the JSON text of each value. Raises `Unfit`."""
    try:
        line.decode()
        pairs: Mapping[_Key, Raw] = _PAIRS.decode(line)
    except UnicodeDecodeError as error:
        byte = f"byte {error.start + 1} of the row ({line[error.start]:#04x})"
        raise Unfit(f"{byte} is not UTF-8") from None
    except msgspec.ValidationError:
        raise Unfit("it is not an object", "Each row is one `{…}`") from None
    except msgspec.DecodeError as error:
        raise Unfit(f"it is not JSON: {_why(line, str(error))}", _way(line, str(error))) from None
    except RecursionError:
        raise Unfit("it is nested too deeply") from None
    found = {key.name: bytes(raw) for key, raw in pairs.items()}
    if len(found) < len(pairs):
        raise Unfit(f"the key {_repeated(pairs)!r} stands there twice")
    return found


def _repeated(pairs: Mapping[_Key, Raw]) -> str:
    seen: set[str] = set()
    for key in pairs:
        if key.name in seen:
            return key.name
        seen.add(key.name)
    raise AssertionError


_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F][0-9a-fA-F]{2}")
_NO_NUMBER = re.compile(rb"[:\[,]\s*(NaN|-?Infinity)")


def _way(line: bytes, said: str) -> str | None:
    if match := _NO_NUMBER.search(line):
        word = match[1].decode()
        return f"Write null where the file is made (Python's json.dumps writes {word})"
    if "trailing" in said and _SEVERAL.search(line):
        return "Several objects stand in one line: end each with a line break where they are made"
    return None


def _why(line: bytes, said: str) -> str:
    if match := _NO_NUMBER.search(line):
        return f"{match[1].decode()} is no number"
    if "surrogate" in said or ("truncated" in said and _SURROGATE.search(line)):
        return "it holds half of a surrogate pair (\\ud800 … \\udfff)"
    if "truncated" in said:
        return "it ends too soon"
    return said.removeprefix("JSON is malformed: ")
