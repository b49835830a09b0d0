"""May a person's regular expression be run at all? Told from the pattern alone, before it runs.

Airflow matches with Python's `re`, which tries one way after the other: `(a+)+$` takes 2^n steps
for n characters, and nothing can stop it. A pattern is taken as an automaton of its characters.
It is refused when a text can be matched in exponentially many ways, and its degree tells with
which power of a text's length the steps may grow.
"""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any

MAX_LENGTH = 500
"""Characters of a pattern."""
MAX_DEGREE = 3
_MAX_PLACES = 400
_MAX_COPIES = 16  # more of the same count as any number
_MAX_STEPS = 100_000
_MAX_WAYS = 5000  # of matching the same few characters
_WORD = 40

_NEW = sys.version_info >= (3, 11)
_sre: Any = importlib.import_module("re._parser" if _NEW else "sre_parse")
_compiler: Any = importlib.import_module("re._compiler" if _NEW else "sre_compile")
_Ways = dict[int, int]
"""Places, and in how many ways each is reached."""


class Refused(Exception):
    """A pattern that is none, or that may run without end; the message says why."""


@lru_cache(maxsize=1024)
def degree(pattern: str) -> int:
    """With which power of a text's length the time of `re.search` may grow.

    :raises Refused: exponentially, or it cannot be told, or it is no regular expression.
    """
    if len(pattern) > MAX_LENGTH:
        raise Refused(f"it has {len(pattern):,} characters, more than {MAX_LENGTH:,}")
    try:
        re.compile(pattern)
        parsed = _sre.parse(pattern)
        found = _Automaton(parsed).degree()
    except re.error as error:
        raise Refused(f"it is no regular expression: {error}") from None
    except (RecursionError, OverflowError, MemoryError):
        raise Refused("its groups are nested too deeply, or it counts too far") from None
    if found and not _is_anchored(parsed):
        found += 1  # each place of the text is a beginning
    if found > MAX_DEGREE:
        raise Refused("its repetitions can share out the same text among them in too many ways")
    return found


def _is_anchored(nodes: Any, *, alone: bool = True) -> bool:
    """Whether what repeats can only begin where the text does; `alone`: nothing follows."""
    if not nodes:
        return False
    op, value = nodes[0]
    if op is _sre.AT:
        return str(value).startswith("AT_BEGINNING")
    alone = alone and len(nodes) == 1
    if op is _sre.SUBPATTERN:
        return _is_anchored(value[3], alone=alone)
    if op is not _sre.BRANCH:
        return False
    return all(
        _is_anchored(branch, alone=alone) or (alone and not _Automaton(branch).degree())
        for branch in value[1]
    )


class _Part:
    """A part of a pattern: where it may begin and end, and in how many ways it may be empty."""

    __slots__ = ("empty", "first", "last")

    def __init__(self, first: _Ways, last: _Ways, empty: int) -> None:
        self.first, self.last, self.empty = first, last, min(empty, 2)


class _Automaton:
    """Glushkov's automaton, which counts the ways: one place for each character of the pattern."""

    def __init__(self, parsed: Any, *, looped: bool = False) -> None:
        self.looped = looped
        self.ahead = 0  # the degree of what is looked at ahead
        self.classes: list[Any] = []
        self.follow: list[_Ways] = []
        self.steps = 0
        self.start = self._sequence(parsed).first
        alphabet = "".join(sorted(set(_alphabet(self.classes))))
        known: dict[str, int] = {}
        self.takes: list[int] = []
        for node in self.classes:
            if str(node) not in known:
                known[str(node)] = _taken(node, alphabet)
            self.takes.append(known[str(node)])

    def degree(self) -> int:
        loops = [group for group in _circles(self.follow) if self._is_loop(group)]
        for group in loops:
            self._require_one_way(group)
        self._require_few_ways()
        return max(self._longest_chain(loops), self.ahead)

    # -- from the parsed pattern to places

    def _sequence(self, nodes: Iterable[Any]) -> _Part:
        whole = _Part({}, {}, 1)
        for node in nodes:
            whole = self._joined(whole, self._part(node))
        return whole

    def _joined(self, one: _Part, other: _Part) -> _Part:
        self._link(one.last, other.first)
        return _Part(
            _sum(one.first, other.first, one.empty),
            _sum(other.last, one.last, other.empty),
            one.empty * other.empty,
        )

    def _link(self, ends: _Ways, starts: _Ways) -> None:
        self._spend(len(ends) * len(starts))
        for end, ways in ends.items():
            follow = self.follow[end]
            for start, more in starts.items():
                follow[start] = min(2, follow.get(start, 0) + ways * more)

    def _part(self, node: Any) -> _Part:
        op, value = node
        if op in _CHARACTERS:
            self._room()
            self.classes.append(node)
            self.follow.append({})
            place = len(self.follow) - 1
            return _Part({place: 1}, {place: 1}, 0)
        if op is _sre.AT:
            return _Part({}, {}, 1)
        if op is _sre.BRANCH:
            return self._branches(value[1])
        if op is _sre.SUBPATTERN:
            return self._sequence(value[3])
        if op in _REPEATS:
            return self._repeat(*value)
        if op in (_sre.ASSERT, _sre.ASSERT_NOT):
            return self._look(value[1])
        if op is getattr(_sre, "ATOMIC_GROUP", None):
            return self._sequence(value)
        raise Refused("it refers to what one of its own groups has matched")

    def _branches(self, branches: Iterable[Any]) -> _Part:
        first: _Ways = {}
        last: _Ways = {}
        empty = 0
        for branch in branches:
            part = self._sequence(branch)
            first, last = _sum(first, part.first), _sum(last, part.last)
            empty += part.empty
        return _Part(first, last, empty)

    def _repeat(self, least: int, most: int, body: Any) -> _Part:
        if most <= 1:
            part = self._sequence(body) if most else _Part({}, {}, 1)
            return part if least else _Part(part.first, part.last, part.empty + 1)
        whole = _Part({}, {}, 1)
        if least > _MAX_COPIES or (most - least > _MAX_COPIES):
            least, most = min(least, 1), _sre.MAXREPEAT
        for _ in range(least):
            whole = self._joined(whole, self._sequence(body))
        if most is _sre.MAXREPEAT or most == _sre.MAXREPEAT:
            return self._joined(whole, self._any_number(body))
        rest = _Part({}, {}, 1)
        for _ in range(most - least):
            rest = self._joined(self._sequence(body), rest)
            rest = _Part(rest.first, rest.last, rest.empty + 1)
        return self._joined(whole, rest)

    def _any_number(self, body: Any) -> _Part:
        was, self.looped = self.looped, True
        part = self._sequence(body)
        self.looped = was
        if part.empty and part.first:
            raise Refused("it repeats a part that may be empty, any number of times")
        self._link(part.last, part.first)
        return _Part(part.first, part.last, 1)

    def _look(self, body: Any) -> _Part:
        inner = _Automaton(body, looped=self.looped).degree()
        if inner and self.looped:
            raise Refused("it looks ahead any number of times, any number of characters")
        self.ahead = max(self.ahead, inner)
        return _Part({}, {}, 1)

    def _room(self) -> None:
        if len(self.follow) >= _MAX_PLACES:
            raise Refused("it is too large to be checked")

    def _spend(self, steps: int) -> None:
        self.steps += steps
        if self.steps > _MAX_STEPS:
            raise Refused("it is too large to be checked")

    # -- in how many ways a text is matched

    def _is_loop(self, group: list[int]) -> bool:
        return len(group) > 1 or group[0] in self.follow[group[0]]

    def _require_one_way(self, group: list[int]) -> None:
        """No word leads round a loop in two ways: n rounds would be 2^n ways."""
        inside = set(group)
        ahead: dict[tuple[int, int], list[tuple[int, int]]] = {}
        todo = [(place, place) for place in group]
        while todo:
            pair = todo.pop()
            if pair in ahead:
                continue
            ahead[pair] = []
            for one, ways in self.follow[pair[0]].items():
                if one not in inside:
                    continue
                if ways > 1:
                    raise Refused(_NESTED)
                self._spend(len(self.follow[pair[1]]))
                for other in self.follow[pair[1]]:
                    if other in inside and self.takes[one] & self.takes[other]:
                        ahead[pair].append((one, other))
            todo += ahead[pair]
        back: dict[tuple[int, int], list[tuple[int, int]]] = {}
        for pair, nexts in ahead.items():
            for each in nexts:
                back.setdefault(each, []).append(pair)
        seen: set[tuple[int, int]] = set()
        todo = [(place, place) for place in group]
        while todo:
            pair = todo.pop()
            if pair not in seen:
                seen.add(pair)
                todo += back.get(pair, ())
        if any(one != other for one, other in seen):
            raise Refused(_NESTED)

    def _longest_chain(self, loops: list[list[int]]) -> int:
        """How many loops one after the other may share out the same characters."""
        longest: dict[int, int] = {}
        for index in range(len(loops) - 1, -1, -1):  # the circles come last first
            chars = _any(self.takes[place] for place in loops[index])
            longest[index] = 1 + max(
                (
                    longest[later]
                    for later in range(index + 1, len(loops))
                    if self._share(loops[index], loops[later], chars)
                ),
                default=0,
            )
        return max(longest.values(), default=0)

    def _share(self, one: list[int], other: list[int], chars: int) -> bool:
        both = chars & _any(self.takes[place] for place in other)
        seen, todo, wanted = set(one), list(one), set(other)
        while both and todo:
            for place in self.follow[todo.pop()]:
                self._spend(1)
                if place not in seen and self.takes[place] & both:
                    if place in wanted:
                        return True
                    seen.add(place)
                    todo.append(place)
        return False

    def _require_few_ways(self) -> None:
        """Without loops, too, a part such as `(a?){15}` doubles the ways with each of its copies.

        Follows the characters that are matched in most ways.
        """
        ways = self.start
        for _ in range(_WORD):
            best: _Ways = {}
            letters = {self.takes[place] & -self.takes[place] for place in ways}
            for letter in letters:
                self._spend(len(ways))
                following: _Ways = {}
                for place, count in ways.items():
                    if self.takes[place] & letter:
                        for after, more in self.follow[place].items():
                            following[after] = following.get(after, 0) + count * more
                best = max(best, following, key=lambda found: sum(found.values()))
            ways = best
            if sum(ways.values()) > _MAX_WAYS:
                raise Refused("a text of few characters can be matched in too many ways")


_NESTED = "a repetition in a repetition can share out the same text in 2^n ways"
_CHARACTERS = (_sre.LITERAL, _sre.NOT_LITERAL, _sre.ANY, _sre.IN)
_REPEATS = tuple(
    getattr(_sre, name)
    for name in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT")
    if hasattr(_sre, name)
)
_SAMPLES = "aAzZ_09 \t\n-.,:;/@\u00e9\u0663\u4e2d\U0001f600"


def _sum(one: _Ways, other: _Ways, times: int = 1) -> _Ways:
    found = dict(one)
    for place, ways in other.items() if times else ():
        found[place] = min(2, found.get(place, 0) + ways * times)
    return found


def _any(masks: Iterable[int]) -> int:
    found = 0
    for mask in masks:
        found |= mask
    return found


def _circles(follow: list[_Ways]) -> list[list[int]]:
    """The strongly connected places, in the order in which a text comes through them."""
    number: dict[int, int] = {}
    low: dict[int, int] = {}
    open_: list[int] = []
    is_open: set[int] = set()
    found: list[list[int]] = []
    for root in range(len(follow)):
        todo = [(root, iter(follow[root]))] if root not in number else []
        while todo:
            place, nexts = todo[-1]
            if place not in number:
                number[place] = low[place] = len(number)
                open_.append(place)
                is_open.add(place)
            for after in nexts:
                if after not in number:
                    todo.append((after, iter(follow[after])))
                    break
                if after in is_open:
                    low[place] = min(low[place], low[after])
            else:
                todo.pop()
                if todo:
                    above = todo[-1][0]
                    low[above] = min(low[above], low[place])
                if low[place] == number[place]:
                    at = open_.index(place)
                    found.append(open_[at:])
                    is_open.difference_update(open_[at:])
                    del open_[at:]
    return found[::-1]


def _alphabet(classes: Iterable[Any]) -> Iterator[str]:
    """A character of each sort that the classes tell apart."""
    yield from _SAMPLES
    for op, value in classes:
        entries = value if op is _sre.IN else [(op, value)]
        for kind, entry in entries:
            ends = entry if kind is _sre.RANGE else (entry,)
            if kind in (_sre.RANGE, _sre.LITERAL, _sre.NOT_LITERAL):
                for code in ends:
                    for near in (code - 1, code, code + 1):
                        if 0 <= near <= sys.maxunicode:
                            yield chr(near)


def _taken(node: Any, alphabet: str) -> int:
    """The characters that a class takes, as bits; case is never told apart, and `.` takes any."""
    alone = _sre.SubPattern(_sre.State(), [node])
    found = 0
    for match in _compiler.compile(alone, re.DOTALL | re.IGNORECASE).finditer(alphabet):
        found |= 1 << match.start()
    return found


__all__ = ["MAX_DEGREE", "MAX_LENGTH", "Refused", "degree"]
