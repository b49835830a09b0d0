"""The same problem once, with everything that it concerns."""

import msgspec

from factory.diagnostics import Diagnostic
from factory.lint.report import collect, merge


def problem(file: str = "c/_defaults.yaml", path: str = "", code: str = "type") -> Diagnostic:
    return Diagnostic(file=file, line=1, column=1, code=code, message="m", path=path)


def test_a_shared_problem_is_one_finding() -> None:
    found = [("a", problem(path="tasks[0]")), ("b", problem(path="tasks[1]")), ("a", problem())]
    report = collect(found, ["c"], "dev")
    assert [finding.pipelines for finding in report.findings] == [("a", "b")]
    assert report.errors == report.findings
    assert report.fine == ("c",)


def test_environments_are_merged() -> None:
    dev = collect([("a", problem("c/a.yaml"))], ["b", "d"], "dev")
    prod = collect([("a", problem("c/a.yaml")), ("b", problem("c/b.yaml"))], ["d"], "prod")
    report = merge([dev, prod])
    assert [finding.environments for finding in report.findings] == [("dev", "prod"), ("prod",)]
    assert report.fine == ("d",)


def test_what_is_expected_may_differ_between_environments() -> None:
    dev, prod = (
        collect([("a", msgspec.structs.replace(problem(), expected=expected))], [], name)
        for name, expected in (("dev", "one of a, b"), ("prod", "one of b"))
    )
    (finding,) = merge([dev, prod]).findings
    assert finding.environments == ("dev", "prod")
    assert finding.diagnostic.expected == "one of a, b"


def test_a_broken_environment_cannot_tell_about_pipelines() -> None:
    dev = collect([("a", problem("c/a.yaml"))], ["b"], "dev")
    prod = collect([("a", problem("c/environments/prod.yaml"))], [], "prod")
    assert merge([dev, prod]).sound == ("dev",)
