"""YAML text → plain data. Only this and `scalars` touch YAML; `positions` reads its events too.

libyaml's events are turned into values here, not by PyYAML's constructor: that is twice as
fast, never recurses (a file nested 100,000 deep overflows libyaml's C stack when composed),
builds no object that a tag names, and sees duplicate keys and swallowed templates.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NoReturn

import msgspec
import yaml

from factory.diagnostics import MAX_TOLD, Diagnostic, limited, quoted
from factory.diagnostics import Path as Place
from factory.errors import SpecError
from factory.spec.others import other
from factory.spec.scalars import Doubtful, long_value, plain_value
from factory.spec.syntax import MAX_NUMBER, QUOTE, as_quoted, explain_syntax, runs, split_lines
from factory.spec.text import fail, fail_whole, text_of

try:
    from yaml import CSafeLoader as Loader
except ImportError:  # libyaml is missing: slower, the same result
    from yaml import SafeLoader as Loader  # type: ignore[assignment]

Event = Any  # yaml's events: their marks are typed as optional

MAX_DEPTH = 64
MAX_NODES = 100_000


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """One file as read: `value` is plain data, `name` is what diagnostics call the file.

    `parts` are files that `$file` names, by their places: their values stand in `value`. That of a
    part is any plain data.
    """

    name: str
    path: Path
    text: str
    value: dict[str, Any]
    parts: Mapping[Place, Document] = {}

    def at(self, place: Place) -> tuple[Document, Place]:
        """The file that wrote what stands at a place, and the place there."""
        for length in range(1, len(place)) if self.parts else ():
            if (part := self.parts.get(place[:length])) is not None:
                return part, place[length:]
        return self, place

    def texts(self) -> Iterator[str]:
        """Its own text, and those of its parts."""
        yield self.text
        yield from (part.text for part in self.parts.values())


def read(path: Path, name: str, root: Path | None = None) -> Document:
    """Read one YAML file.

    :param root: the configuration root that it is in; what links to elsewhere is not read.
    :raises SpecError: the file cannot be read, or is not one YAML mapping of plain data.
    """
    text = text_of(path, name, root)
    return Document(name=name, path=path, text=text, value=_Builder(name, text).build())


def read_value(path: Path, name: str, root: Path | None = None) -> Document:
    """Read a YAML or JSON file that holds any value.

    :raises SpecError: the file cannot be read, or is empty.
    """
    text = text_of(path, name, root)
    return Document(name=name, path=path, text=text, value=_Builder(name, text).value("a value"))


def events(text: str) -> Iterator[Event]:
    """libyaml's events for a text that `read` has accepted."""
    yield from yaml.parse(text, Loader)


class _Frame:
    """A collection that is still open: `key` is the mapping's pending key."""

    __slots__ = (
        "anchor",
        "bare",
        "event",
        "has_key",
        "key",
        "key_event",
        "merges",
        "size",
        "value",
    )

    def __init__(self, event: Event, value: Any) -> None:
        self.event = event
        self.value = value
        self.anchor = event.anchor
        self.has_key = False
        self.key: Any = None
        self.key_event: Event = None
        self.bare: dict[str, Event] | None = None
        self.merges: list[Any] | None = None
        self.size = 1


class _Builder:
    """Builds one file's value from its events and collects what is wrong on the way."""

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        self.text = text
        self.problems: list[Diagnostic] = []
        self.anchors: dict[str, tuple[Any, int]] = {}
        self.stack: list[_Frame] = []
        self.root: Any = None
        self.documents = 0

    def build(self) -> dict[str, Any]:
        """The file's mapping."""
        value = self.value("a mapping of keys, such as `version: 1`")
        if not isinstance(value, dict):
            kind = "list" if isinstance(value, list) else "single value"
            fail(
                self.name,
                1,
                1,
                "not-a-mapping",
                f"the file holds a {kind}",
                expected="a mapping of keys, such as `version: 1`",
            )
        return value

    def value(self, expected: str) -> Any:
        """What the file holds, whatever it is."""
        loader = Loader(self.text)
        try:
            self._run(loader)
        except yaml.YAMLError as error:
            self._syntax(error)
        except UnicodeDecodeError as error:  # libyaml decodes what a tag says with `%`
            self._tag_not_utf_8(error)
        finally:
            loader.dispose()
        if self.problems:
            self._require_ours()
            raise SpecError(self.problems)
        if self.root is None:
            fail(
                self.name,
                1,
                1,
                "empty",
                "the file is empty",
                expected=expected,
                width=0,
            )
        return self.root

    def _require_ours(self) -> None:
        """Of another program's file not its mistakes are told, but what it is.

        :raises SpecError: it is one, such as a workflow of GitHub with its `on:`.
        """
        if isinstance(self.root, dict) and (found := other(self.root)) is not None:
            fail_whole(self.name, found.code, found.message, found.expected, found.hint)

    def _run(self, loader: Any) -> None:
        next_event = loader.get_event
        while (event := next_event()) is not None:
            kind = event.__class__
            if kind is yaml.ScalarEvent:
                if "\0" in event.value:
                    self._nul(event)
                if event.tag is not None:
                    self._check_tag(event, "tag:yaml.org,2002:str")
                    value: Any = event.value
                elif event.implicit[0]:
                    text = event.value
                    try:
                        value = plain_value(text) if len(text) <= MAX_NUMBER else long_value(text)
                    except Doubtful as doubt:
                        value = text
                        self._doubt(event, doubt)
                else:
                    value = event.value
                self._add(event, value, event.anchor, 1)
            elif kind is yaml.MappingStartEvent:
                self._open(event, {}, "tag:yaml.org,2002:map")
            elif kind is yaml.SequenceStartEvent:
                self._open(event, [], "tag:yaml.org,2002:seq")
            elif kind is yaml.MappingEndEvent or kind is yaml.SequenceEndEvent:
                self._close()
            elif kind is yaml.AliasEvent:
                self._alias(event)
            elif kind is yaml.DocumentStartEvent:
                self.documents += 1
                if self.documents == 2:
                    self._stop(
                        event,
                        "several-documents",
                        "a second YAML document starts here",
                        expected="one document a file: one file is one pipeline",
                    )

    def _nul(self, event: Event) -> None:
        # no database takes one: Airflow's own would end its Dag processor
        self._note(
            event,
            "control-character",
            "this text holds a NUL character",
            expected="text without NUL, which no database takes",
            hint="remove it; where a program wants one, in single quotes its own escape stays "
            "text, such as `printf '\\000'`",
        )

    def _doubt(self, event: Event, doubt: Doubtful) -> None:
        text = event.value
        frame = self.stack[-1] if self.stack else None
        is_key = frame is not None and isinstance(frame.value, dict) and not frame.has_key
        hint = f"put it in quotes: {as_quoted(text)}"
        if doubt.instead and not is_key:
            hint = f"write {doubt.instead}, or {as_quoted(text)} if text is meant"
        self._note(event, doubt.code, doubt.message, hint=doubt.hint or hint, width=len(text))

    def _open(self, event: Event, value: Any, tag: str) -> None:
        if event.tag is not None:
            self._check_tag(event, tag)
        if len(self.stack) >= MAX_DEPTH:
            self._stop(
                event,
                "too-deep",
                f"nested more than {MAX_DEPTH} levels deep",
                expected=f"at most {MAX_DEPTH} levels",
            )
        self.stack.append(_Frame(event, value))

    def _close(self) -> None:
        frame = self.stack.pop()
        if frame.merges:
            for source in frame.merges:
                for key, value in source.items():
                    frame.value.setdefault(key, value)
        if frame.bare and not self._is_key():
            self._bare_keys(frame.value, frame.bare)
        self._add(frame.event, frame.value, frame.anchor, frame.size)

    def _alias(self, event: Event) -> None:
        if event.anchor not in self.anchors:
            self._stop(
                event,
                "unknown-alias",
                f"no anchor &{event.anchor} stands before this alias",
                expected="an anchor that is already complete",
                hint=f'if text is meant put it in quotes: "*{event.anchor}"',
            )
        value, size = self.anchors[event.anchor]
        self._add(event, value, None, size)

    def _add(self, event: Event, value: Any, anchor: str | None, size: int) -> None:
        if anchor is not None:
            self.anchors[anchor] = (value, size)
        if not self.stack:
            self.root = value
            return
        frame = self.stack[-1]
        frame.size += size
        if frame.size > MAX_NODES:
            self._stop(
                event,
                "too-many-values",
                f"more than {MAX_NODES:,} values once aliases expand",
                expected=f"at most {MAX_NODES:,} values a file",
            )
        target = frame.value
        if target.__class__ is list:
            target.append(value)
        elif frame.has_key:
            frame.has_key = False
            if frame.key is _MERGE:
                self._merge(event, frame, value)
            elif frame.key is not _BROKEN:
                target[frame.key] = value
                if value is None and self._has_no_colon(frame, event):
                    frame.bare = {**(frame.bare or {}), frame.key: frame.key_event}
        else:
            frame.has_key = True
            frame.key_event = event
            frame.key = self._key(event, frame, value)

    def _has_no_colon(self, frame: _Frame, event: Event) -> bool:
        """Whether a key in braces stands alone: `{key}`, where `{key: }` says its nothing."""
        if not frame.event.flow_style or getattr(event, "value", None) != "":
            return False
        between = self.text[frame.key_event.end_mark.index : event.start_mark.index]
        return ":" not in between

    def _is_key(self) -> bool:
        """Whether what was just closed is itself a key: told as that."""
        above = self.stack[-1] if self.stack else None
        return above is not None and isinstance(above.value, dict) and not above.has_key

    def _bare_keys(self, value: dict[str, Any], bare: dict[str, Event]) -> None:
        """Keys without a value: mostly one text, which a comma has cut."""
        for before, cut in runs(value, bare):
            hint = "write `key: value`" + (", or [ ] for a list" if len(cut) == len(value) else "")
            if isinstance(value.get(before), str):
                whole = as_quoted(", ".join((value[before], *cut)), 120)
                hint = f"a text that holds a comma needs quotes: {before}: {whole}"
            first = cut[0]
            self._note(
                bare[first],
                "bare-key",
                f"{quoted(first)} stands here as a key without a value",
                expected="`key: value`",
                hint=hint,
                width=len(first),
            )

    def _key(self, event: Event, frame: _Frame, key: Any) -> Any:
        if key.__class__ is not str:
            return self._broken_key(event, frame, key)
        if key == "<<" and event.implicit[0]:
            return _MERGE
        if key in frame.value:
            self._note(
                event,
                "duplicate-key",
                f"the key {quoted(key)} stands here a second time",
                expected="each key once",
                width=len(key),
            )
        return key

    def _broken_key(self, event: Event, frame: _Frame, key: Any) -> object:
        if isinstance(key, (dict, list)):
            start = frame.event
            mark, inner = start.start_mark, event.start_mark
            if (mark.line, mark.column + 1) == (inner.line, inner.column) and isinstance(key, dict):
                self._note(
                    start,
                    "unquoted-template",
                    "YAML reads this template as a mapping",
                    expected="text",
                    hint=QUOTE,
                    width=2,
                )
            else:
                self._note(
                    event, "key-not-text", "a key is a whole collection", expected="text as key"
                )
        else:
            raw = getattr(event, "value", "")
            if raw:
                kind = {bool: "true or false", type(None): "null"}.get(type(key), "a number")
                message = f"YAML reads the key {raw} as {kind}"
                hint = f"put it in quotes: {as_quoted(raw)}"
            else:
                message, hint = "a key is missing before the colon", ""
            self._note(
                event,
                "key-not-text",
                message,
                expected="text as key",
                hint=hint,
                width=max(1, len(raw)),
            )
        return _BROKEN

    def _merge(self, event: Event, frame: _Frame, value: Any) -> None:
        sources = value if isinstance(value, list) else [value]
        if all(isinstance(source, dict) for source in sources):
            frame.merges = frame.merges or []
            frame.merges += sources
        else:
            self._note(
                event,
                "bad-merge",
                "`<<` merges mappings only",
                expected="an alias of a mapping, such as *base",
            )

    def _check_tag(self, event: Event, allowed: str) -> None:
        if event.tag not in (allowed, "!"):
            tag = event.tag.replace("tag:yaml.org,2002:", "!!")
            is_own = not tag.startswith("!!")
            self._note(
                event,
                "tag",
                f"the tag {tag} is not allowed",
                expected="plain data: a spec never builds objects",
                hint=f'if text is meant put it in quotes: "{tag} …"' if is_own else "",
                width=len(tag),
            )

    def _note(
        self,
        event: Event,
        code: str,
        message: str,
        *,
        expected: str = "",
        hint: str = "",
        width: int = 1,
    ) -> None:
        mark = event.start_mark
        if len(self.problems) >= MAX_TOLD:
            raise SpecError(limited(self.problems, more=1))
        self.problems.append(
            Diagnostic(
                file=self.name,
                line=mark.line + 1,
                column=mark.column + 1,
                code=code,
                message=message,
                expected=expected,
                hint=hint,
                width=width,
            )
        )

    def _stop(
        self, event: Event, code: str, message: str, *, expected: str, hint: str = ""
    ) -> NoReturn:
        self._note(event, code, message, expected=expected, hint=hint)
        raise SpecError(self.problems)

    def _syntax(self, error: yaml.YAMLError) -> None:
        """Translate libyaml's complaint; later problems would only be echoes of it."""
        mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        problem = str(getattr(error, "problem", None) or getattr(error, "reason", None) or error)
        if mark is not None:
            place = mark.line + 1, mark.column + 1
        else:
            place = self._place(getattr(error, "position", 0))
        opened = getattr(error, "context_mark", None)
        start = (opened.line + 1, opened.column + 1) if opened else place
        if any(known.line in (place[0], start[0]) for known in self.problems):
            return  # an echo of what is told already
        context = str(getattr(error, "context", None) or "")
        complaint = explain_syntax(f"{context} {problem}", split_lines(self.text), place, start)
        if any((p.line, p.code) == (complaint.line, complaint.code) for p in self.problems):
            return
        self.problems.append(
            Diagnostic(
                file=self.name,
                line=complaint.line,
                column=complaint.column,
                code=complaint.code,
                message=complaint.message,
                hint=complaint.hint,
            )
        )

    def _tag_not_utf_8(self, error: UnicodeDecodeError) -> None:
        where = next((m for m in _ESCAPED.finditer(self.text) if not _is_utf_8(m[0])), None)
        before = self.text[: where.start()] if where else ""
        fail(
            self.name,
            before.count("\n") + 1,
            len(before) - before.rfind("\n"),
            "tag",
            f"a tag holds the byte 0x{error.object[error.start]:02x}, which is not UTF-8",
            expected="plain data: a spec never builds objects",
            width=len(where[0]) if where else 0,
        )

    def _place(self, offset: int) -> tuple[int, int]:
        # libyaml counts bytes here
        before = self.text.encode()[:offset].decode(errors="replace")
        return before.count("\n") + 1, len(before) - before.rfind("\n")


def _is_utf_8(escaped: str) -> bool:
    try:
        bytes.fromhex(escaped.replace("%", "")).decode()
    except UnicodeDecodeError:
        return False
    return True


_ESCAPED = re.compile("(?:%[0-9A-Fa-f]{2})+")
_MERGE: object = object()
_BROKEN: object = object()
