"""libyaml's complaints in the words of the person who wrote the file."""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Iterable, Iterator
from typing import NamedTuple

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


class Where(NamedTuple):
    """The lines of a file, where libyaml gave up, and where what it could not finish begins."""

    lines: list[str]
    place: Spot
    start: Spot

    @property
    def source(self) -> str:
        """The line where libyaml gave up."""
        return self.line(self.place[0])

    @property
    def before(self) -> str:
        """What stands on that line before that."""
        return self.source[: self.place[1] - 1]

    def line(self, number: int) -> str:
        """One line; empty where there is none."""
        return self.lines[number - 1] if 0 < number <= len(self.lines) else ""


def explain_syntax(problem: str, lines: list[str], place: Spot, start: Spot) -> Complaint:
    """One complaint of libyaml.

    :param place: where libyaml gave up.
    :param start: where what it could not finish begins.
    """
    where = Where(lines, place, start)
    for look in (_conflict, _odd_space):
        if known := look(where):
            return known
    if known := _known_trap(where.source, place[0]) or _known_trap(where.line(start[0]), start[0]):
        return known
    for words, explain in _EXPLAINED:
        if words in problem:
            return explain(where)
    return _syntax(place, f"this is not valid YAML: {problem.strip()}")


def split_lines(text: str) -> list[str]:
    """The lines of a text, as libyaml counts them."""
    return _LINE_BREAK.split(text)


def as_quoted(text: str, most: int = MAX_NUMBER) -> str:
    """A scalar in quotes, cut when it is long."""
    shown = text if len(text) <= most else f"{text[:20]}…"
    if '"' in shown or "\\" in shown:
        return "'" + shown.replace("'", "''") + "'"
    return f'"{shown}"'


def runs(names: Iterable[str], chosen: Container[str]) -> list[tuple[str, list[str]]]:
    """The chosen names that follow each other, each row with the name before it."""
    found: list[tuple[str, list[str]]] = []
    before, open_ = "", False
    for name in names:
        if name not in chosen:
            before, open_ = name, False
        elif open_:
            found[-1][1].append(name)
        else:
            found.append((before, [name]))
            open_ = True
    return found


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


def _syntax(spot: Spot, message: str, hint: str = "") -> Complaint:
    return Complaint(*spot, "yaml-syntax", message, hint)


_CONFLICT = re.compile(r"(?:<{7}|>{7})(?: |$)")


def _conflict(where: Where) -> Complaint | None:
    for number, line in enumerate(where.lines, 1):
        if _CONFLICT.match(line):
            message = "this is a mark of git: two versions of these lines stand here"
            hint = (
                "keep one of them, and remove the lines that begin with <<<<<<<, ======= or >>>>>>>"
            )
            return Complaint(number, 1, "merge-conflict", message, hint)
    return None


def _odd_space(where: Where) -> Complaint | None:
    """A space that YAML does not take for one, where it looks like structure."""
    for number in range(max(1, min(where.place[0], where.start[0]) - 1), where.place[0] + 1):
        if match := _ODD_SPACE.match(where.line(number)[:_MAX_LINE]):
            return Complaint(number, match.end(), "odd-space", ODD_SPACE, "write ordinary spaces")
    return None


ODD_SPACES = "\u00a0\u1680\u2000-\u200b\u202f\u205f\u2060\u3000\ufeff"
ODD_SPACE = "a no-break or another odd space stands here, which is no space to YAML"
_ODD_SPACE = re.compile(rf"[ \t]*(?:-[ ]*)*(?:[\w.-]+:[ ]*)?[{ODD_SPACES}]")


def _control(where: Where) -> Complaint:
    hint = "remove it"
    if where.source[where.place[1] - 1 : where.place[1]] != "\0":
        hint += '; in quotes write it as an escape such as "\\x1b"'
    message = "a control character (such as NUL) stands here"
    return Complaint(*where.place, "control-character", message, hint)


def _bad_start(where: Where) -> Complaint:
    return _bad_first(where.source, where.place)


def _bad_anchor(where: Where) -> Complaint:
    return _bad_first(where.line(where.start[0]), where.start)


def _bad_first(source: str, spot: Spot) -> Complaint:
    """`@daily`, `*.csv`, `%Y`: text that YAML takes for something else."""
    if source.startswith("```"):
        message = "this is a fence of Markdown, not YAML"
        return _syntax(spot, message, "remove this line, and the one that ends it")
    value = re.split(r"\s#", source[spot[1] - 1 :])[0].rstrip()
    in_flow = re.search(r"[{\[]", source[: spot[1] - 1])
    shown = "" if in_flow or '"' in value else f": {as_quoted(value)}"
    message = f"a value cannot start with {source[spot[1] - 1 : spot[1]]!r}"
    return _syntax(spot, message, f"put the value in quotes{shown}")


def _unexpected_colon(where: Where) -> Complaint:
    if match := re.search(r":\s+(?=\S)", where.before):
        value = where.source[match.end() :].rstrip()
        shown = "" if value.startswith(('"', "'")) else f": {as_quoted(value, _MAX_SHOWN)}"
        message = "a second `: ` on this line starts a mapping where none can be"
        return _syntax(where.place, message, f"put a value that holds `: ` in quotes{shown}")
    above = where.line(where.place[0] - 1)
    if re.match(r"-[^-\s]", above.strip()):
        spot = (where.place[0] - 1, above.index("-") + 1)
        hint = f"write `- {above.strip()[1:]}`"
        return _syntax(spot, "a space is missing after this dash", hint)
    if glued := _glued(above, where.place[0] - 1):
        return glued
    message = "this line is indented as if it went on with the value above it"
    return _syntax(where.place, message, f"check the indentation{_alignment(where)}")


_GLUED = re.compile(r"(\s*(?:- +)*)([A-Za-z_][\w-]*)(:|\s*=\s*)([^\s:=/].*)")


def _glued(source: str, line: int) -> Complaint | None:
    """`key:value` and `key = value`."""
    match = _GLUED.fullmatch(source)
    if match is None:
        return None
    sign = match[3].strip()
    message = "a space is missing after this colon" if sign == ":" else "`=` is no sign of YAML"
    spot = (line, match.start(3) + 1 + match[3].index(sign))
    return _syntax(spot, message, f"write `{match[2]}: {match[4].strip()[:_MAX_SHOWN]}`")


def _no_colon(where: Where) -> Complaint:
    number = where.start[0]
    if glued := _glued(where.line(number), number):
        return glued
    if re.search(r":\s+[|>][-+0-9]*\s*(?:#.*)?$", where.line(number - 1)):
        message = "this text belongs to the `|` or `>` above, and is not indented below its key"
        return _syntax(where.start, message, "indent each line of the text by more than the key")
    message = "a `:` is missing after a key"
    return _syntax(where.start, message, "write `key: value`, with a space after the colon")


def _open_quote(where: Where) -> Complaint:
    return _syntax(where.start, "this quote is not closed", "close it on the same line")


def _escape(where: Where) -> Complaint:
    message = "a backslash in double quotes starts an escape, and this one is not known"
    return _syntax(where.place, message, "use single quotes, or two backslashes")


def _after_block_mark(where: Where) -> Complaint:
    message = "a text after `|` or `>` begins on the next line"
    hint = "begin it there, indented; a text that begins with this sign needs quotes"
    return _syntax(where.place, message, hint)


def _list_beside_key(where: Where) -> Complaint:
    message = "a list cannot begin on the line of its key"
    return _syntax(where.place, message, "begin it on the next line, or write [one, two]")


def _after_end(where: Where) -> Complaint:
    message = "the document has ended above, with `...`, and more follows"
    return _syntax(where.place, message, "remove the line with `...`")


def _in_flow(where: Where) -> Complaint:
    """What stands in braces or brackets, and does not end as it should."""
    (line, column), bracket = where.place, where.line(where.start[0])[where.start[1] - 1]
    rest = where.source[column - 1 :]
    if line == where.start[0]:
        if rest.startswith(("{{", "{%")):
            text = _entry(where.before) + re.split(r"(?<=[}%]\})", rest)[0]
            message = "YAML cannot read this unquoted template"
            hint = f"put the whole value in quotes: {as_quoted(text, _MAX_SHOWN)}"
            return Complaint(line, column, "unquoted-template", message, hint)
        if rest.startswith(":"):
            text = _entry(where.before) + re.split(r"[,\]}]", rest)[0].rstrip()
            message = "a second `: ` stands in this entry"
            hint = f"put the text in quotes: {as_quoted(text, _MAX_SHOWN)}, or a comma before a key"
            return _syntax(where.place, message, hint)
    elif _indent(where.source) > _indent(where.line(where.start[0])) and rest.startswith(":"):
        spot = (line - 1, len(where.line(line - 1).rstrip()))
        return _syntax(spot, "a comma is missing at the end of this line", "end it with `,`")
    opened = where.line(where.start[0])
    if line != where.start[0] and (comment := opened.find(" #", where.start[1])) >= 0:
        spot = (where.start[0], comment + 2)
        message = f"what follows ` #` is a comment, so that nothing closes the {bracket} before it"
        return _syntax(spot, message, "put a text that holds ` #` in quotes")
    message = f"this {bracket} is not closed, or a comma is missing after an entry"
    return _syntax(where.start, message, "values that hold any of , [ ] { } need quotes")


def _entry(before: str) -> str:
    """The text of an entry of braces or brackets, as far as it goes."""
    return re.split(r"[{\[,]\s*|:\s+", before)[-1]


def _misfit(where: Where) -> Complaint:
    """Something where a key, or the next entry of a list, should be."""
    before, rest = where.before.rstrip(), where.source[where.place[1] - 1 :]
    if before.endswith(('"', "'")) and rest.startswith(","):
        return _syntax(where.place, "a list stands here without brackets", "write [one, two]")
    if before.endswith(('"', "'")):
        match = re.search(r":\s+(?=[\"'])", before)
        text = f"{before[match.end() :]}{where.source[len(before) :].rstrip()}" if match else ""
        inside = text[1:-1] if text[:1] == text[-1:] else text
        shown = f": {as_quoted(inside, _MAX_SHOWN)}" if inside else ""
        message = "text follows the quote that closes this value"
        return _syntax(where.place, message, f"put the whole value in quotes of one kind{shown}")
    if before and rest.startswith(("]", "}")):
        message = f"this {rest[0]} closes nothing"
        return _syntax(where.place, message, "remove it, or put the whole value in quotes")
    message = "this fits neither the list nor the mapping above it"
    found = "" if before else _alignment(where)
    hint = f"check the indentation{found or ', and put whole values in quotes'}"
    return _syntax(where.place, message, hint)


def _alignment(where: Where) -> str:
    """The indentation of a line above that is nearest to this line's."""
    own, is_entry = _indent(where.source), where.source.lstrip().startswith("- ")
    known = [
        (abs(indent - own), where.place[0] - number, indent, number)
        for number in range(where.place[0] - 1, max(0, where.place[0] - _MAX_LINES), -1)
        for indent in _indents(where.line(number), is_entry=is_entry)
    ]
    if not known:
        return ""
    _, _, indent, number = min(known)
    return f": {indent} {'space' if indent == 1 else 'spaces'} would line it up with line {number}"


def _indents(line: str, *, is_entry: bool) -> Iterator[int]:
    """How far the entries of a list, or the keys, of a line are indented."""
    match = _INDENTED.match(line)
    if match is None:
        return
    if is_entry and match[1]:
        yield _indent(line)
    elif not is_entry:
        yield match.end()


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


_INDENTED = re.compile(r" *(- +)*(?=[^\s#])")
_MAX_LINES = 200
_MAX_SHOWN = 100

_EXPLAINED: tuple[tuple[str, Callable[[Where], Complaint]], ...] = (
    ("control characters are not allowed", _control),
    ("special characters", _control),
    ("cannot start any token", _bad_start),
    ("alphabetic or numeric", _bad_anchor),
    ("mapping values are not allowed", _unexpected_colon),
    ("could not find expected ':'", _no_colon),
    ("quoted scalar found unexpected end of stream", _open_quote),
    ("unknown escape", _escape),
    ("did not find expected ',' or", _in_flow),
    ("did not find expected '-'", _misfit),
    ("did not find expected key", _misfit),
    ("did not find expected comment or line break", _after_block_mark),
    ("block sequence entries are not allowed", _list_beside_key),
    ("did not find expected <document start>", _after_end),
)
