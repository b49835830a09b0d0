"""libyaml's complaints in the words of the person who wrote the file."""

from __future__ import annotations

import re

import msgspec

MAX_NUMBER = 64
"""Characters of a number, and of a value that is shown whole."""

QUOTE = 'put it in quotes: "{{ … }}"'

Spot = tuple[int, int]
"""Line and column, from 1."""


class Complaint(msgspec.Struct, frozen=True):
    """What is wrong with the YAML of a file, and where."""

    line: int
    column: int
    code: str
    message: str
    hint: str = ""


def explain_syntax(problem: str, lines: list[str], place: Spot, start: Spot) -> Complaint:
    """One complaint of libyaml.

    :param place: where libyaml gave up.
    :param start: where what it could not finish begins.
    """
    source = _line(lines, place)
    if known := _known_trap(source, place[0]) or _known_trap(_line(lines, start), start[0]):
        return known
    if "control characters are not allowed" in problem or "special characters" in problem:
        hint = "remove it"
        if source[place[1] - 1 : place[1]] != "\0":
            hint += '; in quotes write it as an escape such as "\\x1b"'
        message = "a control character (such as NUL) stands here"
        return Complaint(*place, "control-character", message, hint)
    if "cannot start any token" in problem or "alphabetic or numeric" in problem:
        spot = start if "alphabetic or numeric" in problem else place
        return _bad_start(_line(lines, spot), spot)
    if "mapping values are not allowed" in problem:
        return _unexpected_colon(lines, place)
    if "could not find expected ':'" in problem:
        hint = "write `key: value`, with a space after the colon"
        return _syntax(start, "a `:` is missing after a key", hint)
    if "quoted scalar" in problem and "end of stream" in problem:
        return _syntax(start, "this quote is not closed", "close it on the same line")
    if "unknown escape" in problem:
        message = "a backslash in double quotes starts an escape, and this one is not known"
        return _syntax(place, message, "use single quotes, or two backslashes")
    if "did not find expected ',' or" in problem:
        bracket = _line(lines, start)[start[1] - 1 : start[1]]
        message = f"this {bracket} is not closed, or a comma is missing after an entry"
        return _syntax(start, message, "values that hold any of , [ ] { } need quotes")
    if "did not find expected '-'" in problem or "did not find expected key" in problem:
        message = "this fits neither the list nor the mapping above it"
        return _syntax(place, message, "check the indentation, and put whole values in quotes")
    return _syntax(place, f"this is not valid YAML: {problem.strip()}")


def split_lines(text: str) -> list[str]:
    """The lines of a text, as libyaml counts them."""
    return _LINE_BREAK.split(text)


def as_quoted(text: str) -> str:
    """A scalar in quotes, cut when it is long."""
    return f'"{text}"' if len(text) <= MAX_NUMBER else f'"{text[:20]}…"'


_LINE_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
_TEMPLATE = re.compile(r"(?:[:\-\[,]\s+|\[)(\{\{|\{%)")
_PLACEHOLDER_IN_FLOW = re.compile(r"""[{\[](?:\s*|[^"'#]*[:,\[]\s*)(\$\{)""")


_MAX_LINE = 2000  # characters in which to look for a trap: the time grows with their square


def _known_trap(source: str, line: int) -> Complaint | None:
    source = source[:_MAX_LINE]
    if match := _TEMPLATE.search(source):
        message = "YAML cannot read this unquoted template"
        return Complaint(line, match.start(1) + 1, "unquoted-template", message, QUOTE)
    if match := _PLACEHOLDER_IN_FLOW.search(source):
        message = "inside { } or [ ] YAML cannot read an unquoted ${…}"
        hint = 'put it in quotes: "${…}"'
        return Complaint(line, match.start(1) + 1, "unquoted-placeholder", message, hint)
    tab = source.find("\t")
    if tab >= 0 and not source[:tab].strip():
        message = "a tab stands in the indentation"
        return Complaint(line, tab + 1, "tab", message, "indent with spaces")
    return None


def _line(lines: list[str], spot: Spot) -> str:
    return lines[spot[0] - 1] if spot[0] <= len(lines) else ""


def _syntax(spot: Spot, message: str, hint: str = "") -> Complaint:
    return Complaint(*spot, "yaml-syntax", message, hint)


def _bad_start(source: str, spot: Spot) -> Complaint:
    """`@daily`, `*.csv`, `%Y`: text that YAML takes for something else."""
    value = re.split(r"\s#", source[spot[1] - 1 :])[0].rstrip()
    in_flow = re.search(r"[{\[]", source[: spot[1] - 1])
    shown = "" if in_flow or '"' in value else f": {as_quoted(value)}"
    message = f"a value cannot start with {source[spot[1] - 1 : spot[1]]!r}"
    return _syntax(spot, message, f"put the value in quotes{shown}")


def _unexpected_colon(lines: list[str], place: Spot) -> Complaint:
    source = _line(lines, place)
    if re.search(r":\s", source[: place[1] - 1]):
        message = "a second `: ` on this line starts a mapping where none can be"
        return _syntax(place, message, "put a value that holds `: ` in quotes")
    above = _line(lines, (place[0] - 1, 1)).strip()
    if re.match(r"-[^-\s]", above):
        spot = (place[0] - 1, lines[place[0] - 2].index("-") + 1)
        return _syntax(spot, "a space is missing after this dash", f"write `- {above[1:]}`")
    message = "this line is indented as if it went on with the value above it"
    return _syntax(place, message, "check the indentation")
