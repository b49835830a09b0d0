"""`if:` on a task: true, false, or one expression."""

from __future__ import annotations

import re
from typing import Any

from factory.diagnostics import Path, quoted
from factory.problem import Problem

_ONE = re.compile(r"\s*\{\{(?!.*\}\}.*\{\{).*\}\}\s*", re.DOTALL)
_TEXT = re.compile(r"""\s*\{\{-?\s*('[^']*'|"[^"]*")\s*-?\}\}\s*""")
_WORDS = {"true": "true", "yes": "true", "on": "true", "false": "false", "no": "false"}


def is_expression(text: str) -> bool:
    """Whether a text is nothing but one `{{ … }}`."""
    return _ONE.fullmatch(text) is not None


def problem(written: Any, path: Path) -> Problem | None:
    """A text that is no expression; of other values the schema tells."""
    if not isinstance(written, str):
        return None
    text = _TEXT.fullmatch(written)
    if is_expression(written) and not text:
        return None
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
        "condition",
        f"{quoted(written)} is a text, which is neither true nor false",
        expected='one expression, such as `"{{ params.full }}"`, or true or false',
        hint=hint,
    )
