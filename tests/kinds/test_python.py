"""What lint tells of a `python` step, by reading only."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from factory.kinds import python
from factory.plan.kind import Step
from factory.problem import Problem

RUN = "def run(a, b=1, *, c, d=2): pass"


def problems(folder: Path, callable: str, **args: Any) -> list[Problem]:
    given = msgspec.convert({"callable": callable, "args": args}, python.Arguments)
    return list(python.inspect(Step(id="x", uses="python", arguments=given, dag_id="d"), folder))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "code.py").write_text(RUN)
    return tmp_path


def code(folder: Path, text: str, **args: Any) -> list[Problem]:
    (folder / "code.py").write_text(text)
    return problems(folder, "code.py:run", **args)


def test_nothing_is_wrong(folder: Path) -> None:
    assert problems(folder, "code.py:run", a=1, c=2) == []
    assert problems(folder, "code.py:run", a=1, b=1, c=2, d=3) == []


@pytest.mark.parametrize(
    ("callable", "message", "hint"),
    [
        ("cod.py:run", "there is no file 'cod.py' beside this one", "did you mean 'code.py'?"),
        ("code.py:rum", "there is no function 'rum' in code.py", "did you mean 'run'?"),
        ("../code.py:run", "the file '../code.py' is outside of the folder of this spec", ""),
        ("/code.py:run", "the file '/code.py' is outside of the folder of this spec", ""),
        (
            "sub/code.py:run",
            "there is no file 'sub/code.py' beside this one",
            "did you mean 'code.py'?",
        ),
    ],
)
def test_a_file_or_function_that_is_not_there(
    folder: Path, callable: str, message: str, hint: str
) -> None:
    (problem,) = problems(folder, callable, a=1, c=2)
    assert (problem.path, problem.message, problem.hint) == (("callable",), message, hint)


def test_arguments_that_it_does_not_take_or_lacks(folder: Path) -> None:
    (unknown,) = problems(folder, "code.py:run", a=1, cc=2)
    assert (unknown.path, unknown.at_key) == (("args", "cc"), True)
    assert unknown.message == "run has no argument 'cc'"
    assert unknown.expected == "one of a, b, c, d"
    assert unknown.hint == "did you mean 'c'?"
    (lacking,) = problems(folder, "code.py:run", a=1)
    assert (lacking.path, lacking.message) == (("args",), "run needs the argument 'c'")
    assert [problem.path for problem in problems(folder, "code.py:run")] == [("callable",)] * 2


@pytest.mark.parametrize(
    "text",
    [
        "def run(ds, params, *, ti, data_interval_start): pass",
        "def run(*args, **kwargs): pass",
        "async def run(ds): pass",
        "def wrap(f): return f\n@wrap\ndef run(other): pass",
        "class run: pass",
        "from somewhere import run",
        "from somewhere import *",
        "import somewhere as run",
        "run = print",
        "run: object = print",
        "def __getattr__(name): return print",
        "if 1:\n    def run(): pass\nelse:\n    run = None",
        "try:\n    import x\nexcept ImportError:\n    def run(): pass",
        "with open('x') as run: pass",
    ],
)
def test_what_cannot_be_told_by_reading_is_let_pass(folder: Path, text: str) -> None:
    assert code(folder, text) == []


def test_a_name_inside_a_function_or_class_is_none_of_the_file(folder: Path) -> None:
    (problem,) = code(folder, "def other():\n    def run(): pass\n    run2 = 1")
    assert problem.expected == "one of other"
    assert code(folder, "class A:\n    def run(self): pass") != []


def test_by_position_only(folder: Path) -> None:
    unknown, only = code(folder, "def run(a, /, b): pass", a=1, b=2)
    assert unknown.message == "run has no argument 'a'"
    assert only.message == "run takes 'a' by position only, and arguments are given by name"
    assert code(folder, "def run(a=1, /, *, b=2): pass", b=2) == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("def run(:", "code.py is not Python in line 1: invalid syntax"),
        ("\n\nreturn = 1", "code.py is not Python in line 3: invalid syntax"),
        ("x = '\0'", "code.py is not Python"),
    ],
)
def test_what_is_not_python(folder: Path, text: str, message: str) -> None:
    (problem,) = code(folder, text)
    assert problem.message.startswith(message)


def test_a_file_is_never_run(folder: Path) -> None:
    assert code(folder, "raise SystemExit('run')\ndef run(): pass") == []
    assert not (folder / "__pycache__").exists()


def test_functions_of_packages_are_found_without_importing(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "acme").mkdir()
    (folder / "acme" / "__init__.py").write_text("raise SystemExit('run')")
    (folder / "acme" / "orders.py").write_text(RUN)
    monkeypatch.syspath_prepend(folder)
    assert problems(folder, "acme.orders.run", a=1, c=1) == []
    (problem,) = problems(folder, "acme.orders.rum")
    assert problem.hint == "did you mean 'run'?"
    assert problems(folder, "somewhere.else.run") == []
    assert problems(folder, "math.sqrt", x=4) == []


@pytest.mark.parametrize("callable", ["run", "code.py", "code.py:", "code.txt:run", "a..b", "a.1"])
def test_what_is_no_callable(callable: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"callable": callable}, python.Arguments)


M = 1024 * 1024
SOURCES: dict[str, str | bytes] = {
    "elif": "if a:\n pass\n" + "elif b:\n x = 1\n" * 15_000,
    "attributes": "a" + ".b" * 50_000,
    "minus": "-" * 200_000 + "1",
    "parentheses": "(" * 100_000,
    "calls": "f" + "()" * 100_000,
    "sum": "1+" * 100_000 + "1",
    "lambdas": "lambda:" * 30_000 + "1",
    "nul": "a = 1\0",
    "digits": "x = " + "1" * 5000,
    "large": "x = 1\n" * 300_000,
    "a_hundred_megabytes": b"#" * (100 * M),
    "not_utf_8": b"x = '\xff'\n",
    "empty": "",
}


@pytest.mark.parametrize("name", SOURCES)
def test_any_text_is_told_once_and_soon(name: str, tmp_path: Path) -> None:
    text = SOURCES[name]
    (tmp_path / "x.py").write_bytes(text if isinstance(text, bytes) else text.encode())
    start = time.process_time()
    (problem,) = problems(tmp_path, callable="x.py:f")
    assert time.process_time() - start < 10
    assert problem.path == ("callable",)
    assert problem.message.startswith("x.py ") or name == "empty"
    assert len(problem.message) < 300


def unreadable(path: Path) -> None:
    path.symlink_to("/proc/self/mem")


OTHERS: dict[str, Callable[[Path], None]] = {
    "pipe": os.mkfifo,
    "endless": lambda path: path.symlink_to("/dev/zero"),
    "folder": Path.mkdir,
    "circle": lambda path: path.symlink_to(path.name),
    "unreadable": unreadable,
}


@pytest.mark.parametrize("name", OTHERS)
def test_what_is_no_file_is_told_and_never_waited_for(name: str, tmp_path: Path) -> None:
    OTHERS[name](tmp_path / "x.py")
    (problem,) = problems(tmp_path, callable="x.py:f")
    assert problem.path == ("callable",)
    assert "x.py" in problem.message


@pytest.mark.parametrize(
    "name", ["a" * 5000 + ".py", "a\0b.py", "**.py", "[.py", "a/**/b.py", f"{'a/' * 3000}b.py"]
)
def test_any_name_is_told(name: str, tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, callable=f"{name}:f")
    assert problem.path == ("callable",)
    assert len(problem.message) < 200


def test_a_module_with_a_long_name(tmp_path: Path) -> None:
    assert problems(tmp_path, callable="a" * 5000 + ".f") == []


def test_a_file_for_a_thousand_tasks_is_read_once(tmp_path: Path) -> None:
    (tmp_path / "x.py").write_text("def f(): pass\n" + "x = 1\n" * 40_000)
    start = time.process_time()
    for _ in range(1000):
        assert problems(tmp_path, callable="x.py:f") == []
    assert time.process_time() - start < 10
    (tmp_path / "x.py").write_text("def g(): pass\n")
    assert len(problems(tmp_path, callable="x.py:f")) == 1


def test_the_folder_may_be_huge_or_lead_into_itself(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to(tmp_path)
    for number in range(3000):
        (tmp_path / f"f{number}.py").touch()
    (problem,) = problems(tmp_path, callable="f30001.py:f")
    assert problem.hint.startswith("did you mean 'f")
    (problem,) = problems(tmp_path, callable="nowhere/f5.py:f")
    assert problem.hint == "there is f5.py"
