"""A report as one JSON document; `format` counts up when its shape changes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec

from factory.diagnostics import printable
from factory.lint.paths import shown_path
from factory.lint.report import Finding, Report
from factory.lint.reporters import Paint


def report(found: Report, base: Path, paint: Paint) -> Iterator[str]:
    """The report as indented JSON."""
    document = {
        "format": 1,
        "environments": found.environments,
        "summary": {
            "errors": len(found.errors),
            "warnings": len(found.warnings),
            "files": len({finding.diagnostic.file for finding in found.findings}),
            "fine": len(found.fine),
        },
        "findings": [_finding(finding, base) for finding in found.findings],
    }
    yield msgspec.json.format(msgspec.json.encode(document), indent=2).decode()


def _finding(finding: Finding, base: Path) -> dict[str, object]:
    diagnostic = msgspec.structs.asdict(finding.diagnostic)
    diagnostic["file"] = printable(shown_path(base / finding.diagnostic.file))
    return {
        **diagnostic,
        "pipelines": finding.pipelines,
        "environments": finding.environments,
    }
