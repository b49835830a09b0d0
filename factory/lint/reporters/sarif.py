"""A report as SARIF 2.1.0, what code scanning reads: the rules are the catalogue of codes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec

from factory.codes import CODES, Code, without_links
from factory.diagnostics import Diagnostic
from factory.lint.report import Finding, Report
from factory.lint.reporters import Paint
from factory.lint.reporters.place import in_repository, region, root_of
from factory.lint.reporters.snippet import line_of
from factory.lint.reporters.text import notes

SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)
_PACKAGE = "airflow-pipeline-factory"
_ROOT = "%SRCROOT%"
_INDEX = {name: index for index, name in enumerate(CODES)}


def report(found: Report, base: Path, paint: Paint) -> Iterator[str]:
    """The report as one indented JSON document."""
    marks: Counter[str] = Counter()
    run = {
        "tool": {"driver": _driver()},
        "columnKind": "utf16CodeUnits",
        "originalUriBaseIds": {_ROOT: {"description": {"text": "The root of the repository."}}},
        "invocations": [{"executionSuccessful": True}],
        "properties": {"environments": found.environments},
        "results": [_result(finding, base, found, marks) for finding in found.findings],
    }
    document = {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}
    yield msgspec.json.format(msgspec.json.encode(document), indent=2).decode()


def _driver() -> dict[str, Any]:
    return {
        "name": "factory lint",
        "fullName": "Pipeline Factory: lint of pipelines",
        "version": version(_PACKAGE),
        "rules": [_rule(code) for code in CODES.values()],
    }


def _rule(code: Code) -> dict[str, Any]:
    title = f"{code.title[0].upper()}{code.title[1:]}."
    meaning, advice = without_links(code.meaning), without_links(code.advice)
    return {
        "id": code.name,
        "name": "".join(word.capitalize() for word in code.name.split("-")),
        "shortDescription": {"text": title},
        "fullDescription": {"text": meaning},
        "help": {
            "text": advice + _example(code, "", ""),
            "markdown": f"{meaning} {advice}" + _example(code, "```yaml\n", "\n```"),
        },
        "defaultConfiguration": {"level": code.severity},
    }


def _example(code: Code, before: str, after: str) -> str:
    if not code.wrong:
        return ""
    shown = (("Wrong", code.wrong), ("Right", code.right))
    return "".join(f"\n\n{word}:\n\n{before}{text}{after}" for word, text in shown)


def _result(finding: Finding, base: Path, found: Report, marks: Counter[str]) -> dict[str, Any]:
    entry = finding.diagnostic
    lines = [entry.message, *(f"{word} {text}" for word, text in notes(finding, found.sound))]
    rule = {"ruleIndex": _INDEX[entry.code]} if entry.code in _INDEX else {}
    return {
        "ruleId": entry.code,
        **rule,
        "level": entry.severity,
        "message": {"text": "\n".join(lines)},
        "locations": [{"physicalLocation": _location(entry, base)}],
        "partialFingerprints": {"problem/v1": _fingerprint(entry, base, marks)},
        "properties": {"environments": finding.environments, "pipelines": finding.pipelines},
    }


def _location(entry: Diagnostic, base: Path) -> dict[str, Any]:
    place: dict[str, Any] = {"startLine": entry.line}
    if part := region(base, entry):
        place |= {"startColumn": part.column, "endColumn": part.end}
    uri = quote(in_repository(base, entry.file))
    return {"artifactLocation": {"uri": uri, "uriBaseId": _ROOT}, "region": place}


def _fingerprint(entry: Diagnostic, base: Path, marks: Counter[str]) -> str:
    """The same when lines above come or go: of the line's own text, which is told of how often."""
    path = base / entry.file
    text = (line_of(path, entry.line, root_of(path, entry)) or "") if entry.width else ""
    parts = (in_repository(base, entry.file), entry.code, text.strip() or entry.message)
    mark = sha256("\0".join(parts).encode(errors="backslashreplace")).hexdigest()[:16]
    marks[mark] += 1
    return f"{mark}:{marks[mark]}"
