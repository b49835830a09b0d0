"""`if:` on a task: true, false, or one expression."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from factory.diagnostics import Path, quoted
from factory.problem import Problem
from factory.spec import params

_CODE = "condition"

_ONE = re.compile(r"\s*\{\{(?!.*\}\}.*\{\{).*\}\}\s*", re.DOTALL)
_TEXT = re.compile(r"""\s*\{\{-?\s*('[^']*'|"[^"]*")\s*-?\}\}\s*""")
_WORDS = {"true": "true", "yes": "true", "on": "true", "false": "false", "no": "false"}


def is_expression(text: str) -> bool:
    """Whether a text is nothing but one `{{ … }}`."""
    return _ONE.fullmatch(text) is not None


def problems(resolved: Any) -> Iterator[Problem]:
    """What is wrong with every `if` of a resolved spec."""
    defaults = params.defaults(resolved.value)
    tasks = resolved.value.get("tasks")
    for where, entries in (("groups", resolved.groups), ("tasks", tasks)):
        for index, entry in enumerate(entries if isinstance(entries, list | tuple) else ()):
            written = entry.get("if") if isinstance(entry, dict) else None
            if found := _problem(written, (where, index, "if"), defaults):
                yield found


def _problem(written: Any, path: Path, defaults: Mapping[str, Any]) -> Problem | None:
    """A text that is no expression, or a parameter that is one; of other values the schema tells.

    :param defaults: those of the parameters.
    """
    if not isinstance(written, str):
        return None
    text = _TEXT.fullmatch(written)
    if is_expression(written) and not text:
        name = params.alone(written)
        default = defaults.get(name)
        return _of_text(name, default, path) if isinstance(default, str) else None
    bare = written.strip()
    if text:
        hint = f"compare it, as in `{{{{ params.mode == {text[1]} }}}}`"
    elif bare.lower() in _WORDS:
        hint = f"write `if: {_WORDS[bare.lower()]}`, without quotes"
    elif "{{" in bare or "{%" in bare:
        hint = "put all of it into one: `{{ a and b }}`, `{{ a if b else c }}`"
    else:
        hint = f'write `if: "{{{{ {bare} }}}}"`' if bare else "leave `if` out"
    return Problem(
        path,
        _CODE,
        f"{quoted(written)} is a text, which is neither true nor false",
        expected='one expression, such as `"{{ params.full }}"`, or true or false',
        hint=hint,
    )


def _of_text(name: str, default: str, path: Path) -> Problem:
    word = _WORDS.get(default.lower())
    hint = f"let its default be {word}, without quotes" if word else ""
    return Problem(
        path,
        _CODE,
        f"the parameter {quoted(name)} is a text, which is neither true nor false",
        expected=f"a parameter that is true or false, or `{{{{ params.{name} == '…' }}}}`",
        hint=hint,
    )
