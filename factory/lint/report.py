"""What lint found: each problem once, with the pipelines and environments that it concerns."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from factory.diagnostics import Diagnostic, limited
from factory.spec import discover


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One problem. `pipelines` are the files, by name, that cannot do without its repair."""

    diagnostic: Diagnostic
    pipelines: tuple[str, ...] = ()
    environments: tuple[str, ...] = ()


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """A whole run of lint; `fine` are the DAGs that can be built in every environment.

    `sound` are the environments whose own file is right: only they can tell about pipelines.
    `files` are all that were looked at, good ones, too. `strict`: warnings count as errors.
    """

    findings: tuple[Finding, ...]
    fine: tuple[str, ...]
    environments: tuple[str, ...]
    sound: tuple[str, ...]
    files: tuple[str, ...] = ()
    strict: bool = False

    @property
    def errors(self) -> tuple[Finding, ...]:
        """Findings that keep a pipeline from being built."""
        return tuple(f for f in self.findings if f.diagnostic.severity == "error")

    @property
    def warnings(self) -> tuple[Finding, ...]:
        """Findings that a person should look at."""
        return tuple(f for f in self.findings if f.diagnostic.severity == "warning")

    @property
    def failures(self) -> tuple[Finding, ...]:
        """Findings for which lint ends with 1."""
        return tuple(filter(self.fails, self.findings))

    def fails(self, finding: Finding) -> bool:
        """Whether lint ends with 1 because of it."""
        return self.strict or finding.diagnostic.severity == "error"


def collect(
    found: Iterable[tuple[str, Diagnostic]],
    fine: Iterable[str],
    environment: str,
    files: Iterable[str] = (),
) -> Report:
    """A report of one environment, from (file that is concerned, problem)."""
    kept: dict[Diagnostic, tuple[Diagnostic, dict[str, None]]] = {}
    for name, diagnostic in found:
        _, names = kept.setdefault(_same(diagnostic), (diagnostic, {}))
        if name:
            names[name] = None
    told = _limited(first for first, _ in kept.values())
    findings = []
    for entry in told:
        first, names = kept.get(_same(entry), (entry, {}))
        pipelines = tuple(names)
        findings.append(Finding(diagnostic=first, pipelines=pipelines, environments=(environment,)))
    return Report(
        findings=tuple(sorted(findings, key=lambda finding: finding.diagnostic)),
        fine=tuple(fine),
        environments=(environment,),
        sound=(environment,),
        files=tuple(files),
    )


def _limited(found: Iterable[Diagnostic]) -> list[Diagnostic]:
    """The problems of all files, each file's within its limit."""
    by_file: dict[str, list[Diagnostic]] = {}
    for entry in found:
        by_file.setdefault(entry.file, []).append(entry)
    return [entry for entries in by_file.values() for entry in limited(entries)]


def merge(reports: Iterable[Report]) -> Report:
    """Reports of several environments as one."""
    all_of = list(reports)
    kept: dict[Diagnostic, Finding] = {}
    for report in all_of:
        for finding in report.findings:
            key = _same(finding.diagnostic)
            kept[key] = _joined(kept[key], finding) if key in kept else finding
    sound = [report for report in all_of if not _has_broken_layer(report)]
    fine = set(all_of[0].fine).intersection(*(report.fine for report in all_of))
    return Report(
        findings=tuple(sorted(kept.values(), key=lambda finding: finding.diagnostic)),
        fine=tuple(name for name in all_of[0].fine if name in fine),
        environments=tuple(name for report in all_of for name in report.environments),
        sound=tuple(name for report in sound for name in report.environments),
        files=tuple(dict.fromkeys(name for report in all_of for name in report.files)),
    )


def _has_broken_layer(report: Report) -> bool:
    files = {f"{discover.ENVIRONMENTS}/{name}.yaml" for name in report.environments}
    return any(finding.diagnostic.file.partition("/")[2] in files for finding in report.errors)


def _joined(one: Finding, other: Finding) -> Finding:
    return Finding(
        diagnostic=one.diagnostic,
        pipelines=tuple(dict.fromkeys((*one.pipelines, *other.pipelines))),
        environments=(*one.environments, *other.environments),
    )


def _same(diagnostic: Diagnostic) -> Diagnostic:
    # a mistake in a layer has another path in each pipeline, and where an environment says a key
    # that key is not among those expected: it is one mistake; and so it is in a kind, whoever calls
    return msgspec.structs.replace(diagnostic, path="", expected="", called="", read_in="")
