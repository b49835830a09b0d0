"""What a CI is told: each format as its reader takes it, and all of them the same problems."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from xml.etree import ElementTree

import msgspec
import pytest
import xmlschema
from jsonschema import Draft4Validator

from factory.codes import CODES
from factory.lint.lint import lint_project
from factory.lint.paths import repository
from factory.lint.report import Report, merge
from factory.lint.reporters import FORMATS, plain, reporter, snippet
from factory.project import Project

SCHEMAS = Path(__file__).parent / "schemas"

Write = Callable[[str, str], None]
Told = set[tuple[str, str, str]]  # the file, the severity, the code

GOOD = "version: 1\ntasks: [{id: a, run: ls}]\n"
BAD = "version: 1\nshedule: '@daily'\ntasks:\n  - {id: a, run: ls, needs: [b]}\n"


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """A project in a folder of a repository, with good and bad pipelines."""
    (tmp_path / ".git").mkdir()
    return tmp_path / "data team"


@pytest.fixture
def write(base: Path) -> Write:
    def write(name: str, text: str) -> None:
        path = base / "dag_factory_configs" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    write("fine.yaml", GOOD)
    write("team/bad.yaml", BAD)
    write("warned.yaml", f"vars: {{old: 1}}\n{GOOD}")
    write("more.yaml", f"{BAD}owner: 5\n")
    return write


def linted(base: Path, *environments: str, strict: bool = False) -> Report:
    root = base / "dag_factory_configs"
    snippet._lines.cache_clear()  # a file is read once in a run, and here are several runs
    names = environments or ("dev",)
    found = merge(lint_project(Project(root, name)) for name in names)
    return msgspec.structs.replace(found, strict=strict)


def text_of(form: str, base: Path, report: Report) -> str:
    return "\n".join(reporter(form)(report, base, plain))


def sarif(base: Path, report: Report) -> Any:
    document = json.loads(text_of("sarif", base, report))
    schema = json.loads((SCHEMAS / "sarif-schema-2.1.0.json").read_text("utf-8"))
    assert [error.message for error in Draft4Validator(schema).iter_errors(document)] == []
    return document["runs"][0]


def junit(base: Path, report: Report) -> ElementTree.Element:
    text = text_of("junit", base, report)
    xmlschema.XMLSchema(SCHEMAS / "junit-10.xsd").validate(text)
    return ElementTree.fromstring(text)


def test_every_format_tells_the_same_problems(
    base: Path, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(base.parent)
    report = linted(base)
    told = {
        (f"data team/{f.diagnostic.file}", f.diagnostic.severity, f.diagnostic.code)
        for f in report.findings
    }
    assert {code for _, _, code in told} == {"unknown-key", "unknown-task", "type", "unused-var"}
    texts = {form: text_of(form, base, report) for form in FORMATS}
    assert {form: readers[form](texts[form]) for form in FORMATS} == dict.fromkeys(FORMATS, told)


def from_text(text: str) -> Told:
    found = re.findall(r"^(.+?):\d+:\d+: (\w+)\[(.+?)\]:", text, re.MULTILINE)
    return {(file, severity, code) for file, severity, code in found}


def from_github(text: str) -> Told:
    found = set()
    for line in text.splitlines()[:-1]:
        level, _, rest = line.removeprefix("::").partition(" ")
        given = dict(part.split("=", 1) for part in rest.partition("::")[0].split(","))
        found.add((given["file"], level, given["title"]))
    return found


def from_sarif(text: str) -> Told:
    return {
        (
            unquote(one["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]),
            one["level"],
            one["ruleId"],
        )
        for one in json.loads(text)["runs"][0]["results"]
    }


def from_junit(text: str) -> Told:
    return {
        found
        for told in ElementTree.fromstring(text).findall("testsuite/testcase/*")
        for found in from_text(told.text or "")
    }


def from_json(text: str) -> Told:
    findings = json.loads(text)["findings"]
    return {(one["file"], one["severity"], one["code"]) for one in findings}


readers: dict[str, Callable[[str], Told]] = {
    "text": from_text,
    "github": from_github,
    "sarif": from_sarif,
    "junit": from_junit,
    "json": from_json,
}


def test_annotations_are_escaped_as_github_reads_them(base: Path, write: Write) -> None:
    write("100%,a:b/bad.yaml", 'version: 1\n"50%": 1\ntasks: [{id: a, run: ls}]\n')
    lines = text_of("github", base, linted(base)).splitlines()
    (line,) = [line for line in lines if "100%25%2Ca%3Ab" in line]
    head, _, message = line.removeprefix("::error ").partition("::")
    assert head == (
        "file=data team/dag_factory_configs/100%25%2Ca%3Ab/bad.yaml,"
        "line=2,col=1,endColumn=6,title=unknown-key"
    )
    assert message.startswith("the key '50%25' is not known here%0Aexpected one of ")


def test_errors_come_first_for_only_some_annotations_are_shown(base: Path, write: Write) -> None:
    write("a.yaml", f"vars: {{old: 1}}\n{GOOD}")
    lines = text_of("github", base, linted(base)).splitlines()[:-1]
    levels = [line.split(" ")[0] for line in lines]
    assert levels == sorted(levels)
    assert {"::error", "::warning"} == set(levels)


def test_columns_are_those_of_utf_16(base: Path, write: Write) -> None:
    write("emoji.yaml", 'version: 1\ntasks: [{id: a, run: "😀😀", 😀x: 1}]\n')
    (one,) = [r for r in results(base) if "emoji" in str(r)]
    before, key = 'tasks: [{id: a, run: "😀😀", ', "😀x"
    column = len(before.encode("utf-16-le")) // 2 + 1
    assert one["locations"][0]["physicalLocation"]["region"] == {
        "startLine": 2,
        "startColumn": column,
        "endColumn": column + len(key.encode("utf-16-le")) // 2,
    }
    assert f"col={column},endColumn={column + 3}" in text_of("github", base, linted(base))


def results(base: Path, *environments: str) -> list[Any]:
    found: list[Any] = sarif(base, linted(base, *environments))["results"]
    return found


def test_a_whole_file_has_no_columns(base: Path, write: Write) -> None:
    write("empty.yaml", "")
    (one,) = [r for r in results(base) if r["ruleId"] == "empty"]
    assert one["locations"][0]["physicalLocation"]["region"] == {"startLine": 1}
    (line,) = [x for x in text_of("github", base, linted(base)).splitlines() if "title=empty" in x]
    assert "col=" not in line


def test_the_rules_are_the_catalogue(base: Path, write: Write) -> None:
    run = sarif(base, linted(base))
    rules = run["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == list(CODES)
    assert all(rule["help"]["markdown"] and rule["shortDescription"]["text"] for rule in rules)
    for one in run["results"]:
        assert rules[one["ruleIndex"]]["id"] == one["ruleId"]


def test_an_upload_may_say_its_category(base: Path, write: Write) -> None:
    # upload-sarif passes over its `category` where a run has an id, and projects would share one
    assert "automationDetails" not in sarif(base, linted(base))


def test_a_code_of_another_package_needs_no_rule(base: Path, write: Write) -> None:
    report = linted(base)
    entry = msgspec.structs.replace(report.findings[0].diagnostic, code="their-own")
    other = msgspec.structs.replace(report.findings[0], diagnostic=entry)
    run = sarif(base, msgspec.structs.replace(report, findings=(other,)))
    (one,) = run["results"]
    assert one["ruleId"] == "their-own"
    assert "ruleIndex" not in one


def test_a_problem_keeps_its_fingerprint_when_lines_come_above_it(base: Path, write: Write) -> None:
    def marks() -> dict[str, str]:
        found = [r for r in results(base) if "/bad.yaml" in str(r)]
        return {r["ruleId"]: r["partialFingerprints"]["problem/v1"] for r in found}

    before = marks()
    write("team/bad.yaml", f"# a line\n\n{BAD}")
    assert marks() == before
    assert len({*before.values()}) == 2


def test_two_projects_of_one_repository_have_fingerprints_of_their_own(
    base: Path, write: Write
) -> None:
    def marks(folder: Path) -> set[str]:
        return {r["partialFingerprints"]["problem/v1"] for r in results(folder)}

    other = base.with_name("other team")
    shutil.copytree(base, other)
    assert not marks(base) & marks(other)


def test_problems_of_one_line_have_fingerprints_of_their_own(base: Path, write: Write) -> None:
    write("twice.yaml", "version: 1\ntasks: [{id: a, run: ls, x: 1, y: 2}]\n")
    found = [r["partialFingerprints"]["problem/v1"] for r in results(base) if "twice" in str(r)]
    assert len(found) == len({*found}) == 2


def test_the_environments_are_told(base: Path, write: Write) -> None:
    write("environments/dev.yaml", "version: 1\nvars: {who: me}\n")
    write("environments/prod.yaml", "version: 1\n")
    write("who.yaml", 'version: 1\ntasks: [{id: a, run: "echo ${vars.who}"}]\n')
    (one,) = [r for r in results(base, "dev", "prod") if "who.yaml" in str(r)]
    assert one["properties"]["environments"] == ["prod"]
    assert "in the environment prod" in one["message"]["text"]
    report = linted(base, "dev", "prod")
    assert "in the environment prod" in text_of("github", base, report)
    assert "in the environment prod" in text_of("junit", base, report)


@pytest.mark.parametrize("strict", [False, True])
def test_every_file_is_a_test_case(base: Path, write: Write, strict: bool) -> None:
    write("_defaults.yaml", "version: 1\n")
    suites = junit(base, linted(base, strict=strict))
    cases = {
        case.get("name", "").rpartition("/")[2]: [child.tag for child in case]
        for case in suites.findall("testsuite/testcase")
    }
    assert cases == {
        "_defaults.yaml": [],
        "fine.yaml": [],
        "bad.yaml": ["failure"],
        "more.yaml": ["failure"],
        "warned.yaml": ["failure" if strict else "system-out"],
    }
    assert suites.get("tests") == "5"
    assert suites.get("failures") == ("3" if strict else "2")


def test_xml_and_json_hold_any_name(base: Path, write: Write) -> None:
    write("x.yaml", 'version: 1\n"\ufffe😀\\x1b<&\u202e": 1\ntasks: [{id: a, run: ls}]\n')
    write("<&>\ufffe.yaml", BAD)
    report = linted(base)
    text = text_of("junit", base, report)
    assert text.isascii()
    names = {case.get("name") for case in junit(base, report).findall("testsuite/testcase")}
    assert "data team/dag_factory_configs/<&><fffe>.yaml" in names
    uris = [str(r["locations"]) for r in results(base)]
    assert any("%3C%26%3E" in uri for uri in uris)


def test_paths_count_from_the_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inside = tmp_path / "repo" / "teams" / "sales"
    inside.mkdir(parents=True)
    monkeypatch.chdir(inside)
    for name in ("GITHUB_WORKSPACE", "CI_PROJECT_DIR"):
        monkeypatch.delenv(name, raising=False)
    assert repository(inside) == inside
    monkeypatch.setenv("CI_PROJECT_DIR", str(tmp_path / "repo"))
    assert repository(inside) == tmp_path / "repo"
    monkeypatch.setenv("CI_PROJECT_DIR", str(tmp_path / "elsewhere"))
    assert repository(inside) == inside
    (tmp_path / "repo" / ".git").write_text("gitdir: …\n")  # as in a worktree
    assert repository(inside) == tmp_path / "repo"
    monkeypatch.chdir("/")
    (tmp_path / "repo" / ".git").unlink()
    assert repository(inside) in (Path("/"), inside)
