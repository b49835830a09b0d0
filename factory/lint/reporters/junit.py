"""A report as JUnit XML: each file is a test case, those without a problem, too.

A file that fails is one `failure` with all that is wrong in it, for some readers take the first
alone; warnings of one that passes stand in its `system-out`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from factory.lint.report import Finding, Report
from factory.lint.reporters import Paint, plain
from factory.lint.reporters.place import in_repository
from factory.lint.reporters.text import findings

_NAME = "factory lint"
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def report(found: Report, base: Path, paint: Paint) -> Iterator[str]:
    """The report as one XML document, in ASCII with references for all else."""
    by_file: dict[str, list[Finding]] = {name: [] for name in found.files}
    for finding in found.findings:
        by_file.setdefault(finding.diagnostic.file, []).append(finding)
    suite = Element("testsuite", name=_NAME)
    for file in sorted(by_file):
        _case(suite, file, by_file[file], found, base)
    totals = {
        "tests": str(len(by_file)),
        "failures": str(len(suite.findall("testcase/failure"))),
        "errors": "0",
    }
    suite.attrib |= totals | {"skipped": "0"}
    suites = Element("testsuites", {"name": _NAME, **totals})
    suites.append(suite)
    indent(suites)
    yield tostring(suites, encoding="us-ascii", xml_declaration=True).decode()


def _case(suite: Element, file: str, told: list[Finding], found: Report, base: Path) -> None:
    name = _xml(in_repository(base, file))
    case = SubElement(suite, "testcase", name=name, classname=_NAME)
    failures = [finding for finding in told if found.fails(finding)]
    if failures:
        codes = dict.fromkeys(finding.diagnostic.code for finding in failures)
        first = failures[0].diagnostic
        more = f" (and {len(failures) - 1:,} more)" if len(failures) > 1 else ""
        message = _xml(f"{first.line}:{first.column}: {first.message}{more}")
        failure = SubElement(case, "failure", message=message, type=", ".join(codes))
        failure.text = _text(told, found, base)
    elif told:
        SubElement(case, "system-out").text = _text(told, found, base)


def _text(told: Sequence[Finding], found: Report, base: Path) -> str:
    return _xml("\n".join(findings(told, base, plain, found.sound)))


def _xml(text: str) -> str:
    """A text without what XML cannot hold."""
    return _NOT_XML.sub(lambda found: f"<{ord(found[0]):04x}>", text)
