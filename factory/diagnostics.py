"""What is wrong in a spec, where, and what was expected: data, never formatted text."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from itertools import takewhile
from typing import Literal

import msgspec

Path = tuple[str | int, ...]

Severity = Literal["error", "warning"]

MAX_TOLD = 100
"""Problems of one file that are told one by one."""
MORE = "more-problems"
"""The code of the diagnostic that says how many others there are."""
_MAX_SHOWN = 60  # characters of one name


class Diagnostic(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """One problem. `line` and `column` count from 1; `width` is in columns of that line;
    0 stands for the whole file.

    `called`: of what stands in a kind of the project's own, the lines that call it, the nearest
    first. `read_in`: of what a call gives, the lines of the kinds that read it, the nearest first.
    `file` is relative to the folder that holds the configuration root, with forward slashes.

    Its texts are `printable`, whatever a file's name or an exception holds: a terminal, JSON and
    Airflow's database take them.
    """

    file: str
    line: int
    column: int
    code: str
    message: str
    path: str = ""
    expected: str = ""
    hint: str = ""
    width: int = 1
    severity: Severity = "error"
    called: str = ""
    read_in: str = ""

    def __post_init__(self) -> None:
        for name in ("file", "message", "path", "expected", "hint", "called", "read_in"):
            text = getattr(self, name)
            if not text.isprintable():
                msgspec.structs.force_setattr(self, name, printable(text))


def printable(text: str, *, lines: bool = False) -> str:
    """A text without characters that steer a terminal or that UTF-8 cannot say.

    In one line, unless `lines` may stay.
    """
    if text.isprintable():
        return text
    if lines:
        return "\n".join(map(printable, text.split("\n")))
    return "".join(map(_cell, text))


def is_one_line(text: str) -> bool:
    """Whether it holds no control character, no line break, and nothing that UTF-8 cannot say."""
    return text.isprintable() or not any(
        unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") for character in text
    )


def _cell(character: str) -> str:
    if character == "\t":
        return " " * _TAB
    if character < " ":
        return chr(0x2400 + ord(character))
    if character == "\x7f":
        return "\u2421"
    # format characters (such as those that turn the direction of text) and lone surrogates
    if unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp"):
        return f"<{ord(character):04x}>"
    return character


_TAB = 4


def limited(found: Iterable[Diagnostic], more: int = 0) -> list[Diagnostic]:
    """The diagnostics of one file: at most MAX_TOLD, errors first, and how many more there are.

    :param more: how many errors are known of, at least, that are not in `found`.
    """
    every = list(dict.fromkeys(found))
    told = [entry for entry in every if entry.code != MORE]
    if not told or (len(told) <= MAX_TOLD and not more):
        return every
    told.sort(key=lambda entry: entry.severity)
    rest = told[MAX_TOLD:]
    more += len(rest)
    told = sorted(told[:MAX_TOLD])
    if tails := [entry for entry in every if entry.code == MORE]:
        return [*told, tails[0]]
    is_error = len(rest) < more or any(entry.severity == "error" for entry in rest)
    last = told[-1]
    tail = Diagnostic(
        file=last.file,
        line=last.line,
        column=last.column + last.width,
        width=0,
        code=MORE,
        message=f"this file has at least {more:,} more problem{'s' * (more > 1)}, not told here",
        hint="mend these first: many may be the same mistake",
        severity="error" if is_error else "warning",
    )
    return [*told, tail]


def dotted(path: Path) -> str:
    """`("tasks", 0, "with")` as `tasks[0].with`; what is long is cut."""
    parts = []
    for part in path:
        if isinstance(part, int):
            parts.append(f"[{part}]")
        else:
            parts.append(f".{shortened(part)}" if parts else shortened(part))
    return "".join(parts)


def shortened(text: str, limit: int = _MAX_SHOWN) -> str:
    """A text, cut at `limit`."""
    return text if len(text) <= limit else f"{text[:limit]}…"


def quoted(text: str, limit: int = 60) -> str:
    """A text in quotes, cut at `limit`."""
    return repr(text) if len(text) <= limit else f"{text[:limit]!r}…"


def nearest(word: str, choices: Iterable[str]) -> str:
    """The choice that `word` was most likely meant to be, or an empty string."""
    if len(word) > 100:
        return ""
    options = sorted(choices)
    if same := same_but_for_case(word, options):
        return same
    if len(options) > _MANY:
        options = _likely(word, options)
    import difflib  # asked only when something is wrong

    found = difflib.get_close_matches(word, options, n=1, cutoff=0.6)
    return found[0] if found else ""


def same_but_for_case(word: str, choices: Iterable[str]) -> str:
    """The choice that differs only in upper and lower case, or in `-` and `_`; or nothing."""
    folded = _folded(word)
    found = [choice for choice in choices if _folded(choice) == folded]
    return word if word in found else min(found, default="")


def _folded(word: str) -> str:
    return word.lower().replace("-", "_")


_MANY = 200
_MAX_COMPARED = 20_000  # characters of the word times those of the choices


def _likely(word: str, options: list[str]) -> list[str]:
    """Those of many choices that are worth the time of a comparison."""
    first, last = word[:1].lower(), word[-1:].lower()
    left = _MAX_COMPARED
    found = []
    # what begins alike comes first, for there may be no time for all
    for option in sorted(options, key=lambda option: -_alike(word, option)):
        near = abs(len(option) - len(word)) <= max(3, len(word) // 3)
        if near and (option[:1].lower() == first or option[-1:].lower() == last):
            left -= len(word) * len(option)
            if left < 0:
                break
            found.append(option)
    return found


def _alike(word: str, option: str) -> int:
    """How many characters two words begin with."""
    return sum(
        1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(word, option, strict=False))
    )


def did_you_mean(word: str, choices: Iterable[str]) -> str:
    """A hint with the nearest choice, or an empty string."""
    near = nearest(word, choices)
    if near and near != word and _composed(near) == _composed(word):
        return f"did you mean {near!a}, which looks the same?"
    return f"did you mean {near!r}?" if near else ""


def _composed(word: str) -> str:
    return unicodedata.normalize("NFC", word)


def one_of(choices: Sequence[str], limit: int = 12) -> str:
    """The choices as a readable list, cut at `limit`."""
    shown = ", ".join(map(shortened, choices[:limit]))
    return f"one of {shown}, …" if len(choices) > limit else f"one of {shown}"
