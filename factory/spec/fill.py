"""`${…}` in parsed values. `$${` stands for a literal `${`; `{{ … }}` is Airflow's, left alone."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from factory.context import CONTEXT
from factory.diagnostics import Path, did_you_mean, one_of, shortened
from factory.problem import Problem
from factory.spec.notes import Notes, size_of

Value = dict[str, Any]

MAX_LEVELS = 100
_AT_RUN = CONTEXT.union(("events", "item", "tasks")) - {"var"}  # `${var.x}`: `vars` is meant
_MAX_GUESSES = 50_000  # names that are compared to find the ones that were meant
_MAX_OPEN = 200  # characters to look at after a `${` that is not closed

_TOKEN = re.compile(r"\$\$\{|\$\{(?:([^{}]*)\})?")
_NESTED = re.compile(r"\$\{[\w.]+\$\{([\w.]+)\}[\w.]*\}")
HOLE: Any = object()
"""The value of what could not be told, and is told already."""


class Scope(msgspec.Struct, frozen=True):
    """The values that `${…}` may name. `matrix` is None when it is broken.

    `params` are those of a kind of the project's own; None: this is not in one.
    """

    vars: Value
    matrix: Value | None
    environment: str
    dag_id: str
    params: Value | None = None

    def tree(self) -> Value:
        """The scope by name."""
        found: Value = {
            "vars": self.vars,
            "matrix": self.matrix,
            "environment": self.environment,
            "dag_id": self.dag_id,
        }
        return found if self.params is None else {**found, "params": self.params}

    def within(self, matrix: Value | None) -> Scope:
        """The scope of a task with values of its own `matrix`."""
        both = None if matrix is None or self.matrix is None else {**self.matrix, **matrix}
        return msgspec.structs.replace(self, matrix=both)


class Filler:
    """Fills the `${…}` of one scope.

    :param lenient: leave `${matrix.…}` as it is when nothing is known by that name: a variable
        may be meant for tasks that have a matrix.
    """

    def __init__(self, scope: Scope, notes: Notes, *, lenient: bool = False) -> None:
        self.scope = scope
        self.names = scope.tree()
        self.notes = notes
        self.lenient = lenient
        self.open: list[str] = []
        self.level = 0
        self.known: dict[str, tuple[Any, int]] = {}
        self.sorted: dict[int, list[str]] = {}
        self.guesses = 0

    def fill(self, value: Any, path: Path) -> Any:
        """The value with every `${…}` in it replaced."""
        kind = value.__class__
        if kind is str:
            return self._text(value, path) if "${" in value else value
        if kind is dict:
            for key in value:
                if "${" in key:
                    self._key(key, path)
            return {
                # most values are plain text: they are not worth a call
                key: entry
                if entry.__class__ is str and "${" not in entry
                else self.fill(entry, (*path, key))
                for key, entry in value.items()
            }
        if kind is list:
            return [
                entry
                if entry.__class__ is str and "${" not in entry
                else self.fill(entry, (*path, index))
                for index, entry in enumerate(value)
            ]
        return value

    def _text(self, text: str, path: Path) -> Any:
        whole = _TOKEN.fullmatch(text)
        if whole and text != "$${":
            value = self._value(whole, path)
            return self._hole(path) if value is HOLE else value
        parts: list[str] = []
        end = 0
        for match in _TOKEN.finditer(text):
            parts.append(text[end : match.start()])
            parts.append(self.part(match, path))
            end = match.end()
        filled = "".join([*parts, text[end:]])
        if not self.notes.spend(len(filled) // 64):
            self.notes.too_large(path)
        return filled

    def part(self, match: re.Match[str], path: Path) -> str:
        """What stands for one `${…}` inside a longer text; the first group is the name in it."""
        if match[0] == "$${":
            return "${"
        value = self._value(match, path)
        if value is HOLE:
            return str(self._hole(path))
        if isinstance(value, (dict, list)):
            self._note(
                path,
                match[0],
                "placeholder-type",
                f"{shortened(match[0])} is a {'list' if isinstance(value, list) else 'mapping'}",
                expected="a single value inside a longer text",
                hint="let it stand alone to put in the whole collection",
            )
        return as_text(value)

    def _hole(self, path: Path) -> str:
        self.notes.holes.append(path)
        return ""

    def _value(self, match: re.Match[str], path: Path) -> Any:
        if match[1] is None:
            self._unclosed(match, path)
            return HOLE
        name = match[1].strip()
        value: Any = self.names
        parts = name.split(".")
        for depth, part in enumerate(parts):
            if value is None and depth == 1 and parts[0] == "matrix":
                return HOLE  # the matrix is broken, which is told already
            if value is HOLE:
                return HOLE
            if not isinstance(value, dict) or part not in value:
                return self._unknown(match[0], parts, depth, value, path)
            value = value[part]
        return self._variable(name, parts, value, path) if parts[0] == "vars" else value

    def _variable(self, name: str, parts: list[str], value: Any, path: Path) -> Any:
        """A value of `vars` may hold `${…}` itself: filled once, where it was written."""
        if name not in self.known:
            if name in self.open:
                return self._circle(name)
            if self.level + len(path) > MAX_LEVELS:
                self._too_deep(path)
                return HOLE
            holes = len(self.notes.holes)
            self.open.append(name)
            self.level += len(path)
            filled = self.fill(value, ("vars", *parts[1:]))
            self.level -= len(path)
            self.open.pop()
            whole = len(self.notes.holes) == holes
            self.known[name] = (filled, size_of(filled)) if whole else (HOLE, 0)
        filled, size = self.known[name]
        if not self.notes.spend(size):
            self.notes.too_large(path)
            return HOLE
        return filled

    def _unknown(self, token: str, parts: list[str], depth: int, scope: Any, path: Path) -> Any:
        if self.lenient and parts[0] == "matrix":
            return token
        if self.notes.full:
            self.notes.count(path, "unknown-placeholder", token)
            return HOLE
        known = self._sorted(scope) if isinstance(scope, dict) else []
        before = ".".join(parts[:depth])
        if depth == 0:
            ours = "" if self.scope.params is None else "${params.…}, "
            expected = ours + "${vars.…}, ${matrix.…}, ${environment} or ${dag_id}"
            hint = self._meant(token, parts, known, path)
        elif parts[0] == "matrix" and not known:
            wanted = shortened(parts[-1])
            expected = f"a `matrix:` with values for `{wanted}`, on this task or on the pipeline"
            hint = ""
        else:
            expected = one_of(known) if known else f"a name under `{shortened(before)}`"
            hint = self._near(parts[depth], known)
            if not hint and parts[0] == "vars":
                hint = f"add `{shortened(parts[depth])}:` under `{shortened(before)}:`"
        message = f"{shortened(token)} is not known"
        self._note(path, token, "unknown-placeholder", message, expected, hint)
        return HOLE

    def _sorted(self, scope: Value) -> list[str]:
        """The names of a scope, sorted once for all that are not in it."""
        if id(scope) not in self.sorted:
            self.sorted[id(scope)] = sorted(scope)
        return self.sorted[id(scope)]

    def _near(self, word: str, known: list[str]) -> str:
        """The nearest of few names; of many only for the first that are asked."""
        self.guesses += len(known)
        return did_you_mean(word, known) if self.guesses <= _MAX_GUESSES else ""

    def _meant(self, token: str, parts: list[str], known: list[str], path: Path) -> str:
        name = shortened(".".join(parts))
        if parts[0] == "params":
            return f"what a run is started with is read as {{{{ {name} }}}}"
        for group in ("params", "vars", "matrix"):
            if parts[0] in (self.names.get(group) or ()):
                return f"did you mean ${{{group}.{name}}}?"
        is_ours = parts[0] in _AT_RUN and re.fullmatch(r"\w+(\.\w+)*", name)
        if is_ours and parts[0] != name:
            return f"what is known when a task runs is read as {{{{ {name} }}}}"
        near = "" if is_ours else did_you_mean(parts[0], known)
        if near or not name:
            return near
        if is_ours:
            return f"Airflow's is read as {{{{ {name} }}}}, the shell's own variable as ${name}"
        if name.isidentifier():
            return f"for the shell's own variable write ${name} or ${shortened(token)}"
        kept = f"${shortened(token)}"
        if token.startswith("${#") and path[:1] == ("tasks",):  # to Airflow `{#` opens a comment
            kept = f"{{% raw %}}{kept}{{% endraw %}}"
        return f"to keep it as it is write {kept}"

    def _unclosed(self, match: re.Match[str], path: Path) -> None:
        start = match.start()
        if self.notes.full:
            self.notes.count(path, "open-placeholder", f"{start}")
            return
        text = match.string[start : start + _MAX_OPEN]
        if inner := _NESTED.match(text):
            self._nested(path, inner)
            return
        if text.startswith("${{"):
            hint = "${vars.x} is filled in here; Airflow's {{ … }} has no $ before it"
        else:
            hint = "to keep it as it is write $${"
        shown = re.split(r"\s", text)[0]
        self._note(path, shown, "open-placeholder", f"{shown[:20]} is not closed", "${name}", hint)

    def _nested(self, path: Path, match: re.Match[str]) -> None:
        hint = "keep the value under a name that is known as it stands"
        if match[1].startswith("matrix."):
            field = match[1].removeprefix("matrix.")
            hint = f"give the matrix rows, each with both values: `- {{{field}: …, other: …}}`"
        message = f"one ${{…}} stands in another: {shortened(match[0])}"
        self._note(path, match[0], "open-placeholder", message, "${name}", hint)

    def _key(self, key: str, path: Path) -> None:
        match = _TOKEN.search(key)
        if match and match[0] != "$${":
            note = Problem(
                (*path, key),
                "placeholder-in-key",
                f"{shortened(match[0])} stands in a key",
                expected="${…} in values only",
                at_key=True,
            )
            self.notes.add(note)

    def _circle(self, name: str) -> Any:
        round_trip = self.open[self.open.index(name) :]
        first = round_trip.index(min(round_trip))  # the same circle is found from each of its vars
        names = [*round_trip[first:], *round_trip[: first + 1]]
        shown = " → ".join(map(shortened, names[:12])) + " → …" * (len(names) > 12)
        self.notes.add(
            Problem(
                tuple(names[0].split(".")),
                "placeholder-cycle",
                f"the vars go round in a circle: {shown}",
                expected="vars that do not need each other",
            )
        )
        return HOLE

    def _too_deep(self, path: Path) -> None:
        self.notes.once(
            Problem(
                path,
                "too-deep",
                "the vars name each other too many times in a row",
                expected="a chain of at most 30 vars",
            )
        )

    def _note(
        self, path: Path, token: str, code: str, message: str, expected: str, hint: str = ""
    ) -> None:
        self.notes.add(Problem(path, code, message, expected, hint, part=token))


def as_text(value: Any) -> str:
    """A single value inside a longer text."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)
