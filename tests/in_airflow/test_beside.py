"""The Python files of a folder are a world of their own: for them, and for nobody else."""

import calendar
import email.message
import sys
import threading
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import requests

from factory.in_airflow.beside import world
from tests.patience import seconds


def folder(path: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        file = path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return path


def value(path: Path, text: str, **files: str) -> Any:
    """What `FOUND` is in a file of the folder."""
    folder(path, {f"{name.replace('__', '/')}.py": text for name, text in files.items()})
    (path / "code.py").write_text(text)
    before = ([*sys.path], {*sys.modules}, [*sys.meta_path])
    with world(path) as made:
        found = made.run(path / "code.py").FOUND
    assert ([*sys.path], {*sys.modules}, [*sys.meta_path]) == before
    return found


@pytest.mark.parametrize(
    "text",
    [
        "import helper\nFOUND = helper.X",
        "from helper import X as FOUND",
        "from helper import *\nFOUND = X",
        "import lib.helper\nFOUND = lib.helper.X",
        "import lib.helper as h\nFOUND = h.X",
        "from lib import helper\nFOUND = helper.X",
        "from lib.helper import X as FOUND",
        "from . import helper\nFOUND = helper.X",
        "from .lib.helper import X as FOUND",
        "import lib.relative\nFOUND = lib.relative.X",
        "import package.inner\nFOUND = package.inner.X",
        "def late():\n    import helper\n    return helper.X\nFOUND = late()",
        "import importlib\nFOUND = importlib.import_module('lib.helper').X",
        "from importlib import import_module\nFOUND = import_module('helper').X",
        "import importlib.util\nFOUND = importlib.import_module('lib').helper.X "
        "if importlib.util and __import__('lib.helper') else 0",
        "FOUND = eval(\"__import__('helper').X\")",
    ],
)
def test_every_way_to_import(text: str, tmp_path: Path) -> None:
    files = {
        "helper": "X = 'mine'",
        "lib__helper": "X = 'mine'",
        "lib__relative": "from .helper import X",
        "package____init__": "",
        "package__inner": "import helper\nX = helper.X",
    }
    assert value(tmp_path, text, **files) == "mine"


@pytest.mark.parametrize("name", ["json", "calendar", "email", "requests", "yaml", "lib"])
def test_a_name_of_the_standard_library_or_of_a_package(name: str, tmp_path: Path) -> None:
    before = sys.modules.get(name)
    assert value(tmp_path, f"import {name}\nFOUND = {name}.X", **{name: "X = 'mine'"}) == "mine"
    assert sys.modules.get(name) is before


def test_others_keep_their_own(tmp_path: Path) -> None:
    text = "import calendar, shlex, http.cookiejar as jar\nFOUND = [calendar.X, jar.timegm]"
    assert value(tmp_path, text, calendar="X = 1") == [1, calendar.timegm]


def test_a_folder_that_only_has_the_name_of_a_package(tmp_path: Path) -> None:
    folder(tmp_path, {"requests/query.sql": "", "email/mine.py": "X = 'mine'"})
    text = "import requests, email.message\nfrom email import mine\n"
    found = value(tmp_path, text + "FOUND = [requests.get, mine.X, email.message.Message]")
    assert found == [requests.get, "mine", email.message.Message]


def test_an_edit_of_the_same_size_in_the_same_second_is_seen(tmp_path: Path) -> None:
    text = "import helper\nFOUND = helper.X"
    assert [value(tmp_path, text, helper=f"X = {n}") for n in range(5)] == [0, 1, 2, 3, 4]


def test_two_modules_that_import_each_other(tmp_path: Path) -> None:
    text = "import other\nX = 1\nFOUND = other.seen()"
    assert value(tmp_path, text, other="import code\ndef seen(): return code.X") == 1


def test_what_a_file_cannot_import_is_said_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "code.py").write_text("import nothing_like_it")
    with world(tmp_path) as made, pytest.raises(ModuleNotFoundError, match="'nothing_like_it'"):
        made.run(tmp_path / "code.py")


def test_a_file_whose_name_is_no_module(tmp_path: Path) -> None:
    (tmp_path / "my-code.v2.py").write_text("FOUND = 1")
    with world(tmp_path) as made:
        assert made.run(tmp_path / "my-code.v2.py").FOUND == 1


def test_worlds_at_once_in_threads(tmp_path: Path) -> None:
    """Each imports while the others do, and again when all have begun."""
    gate = threading.Barrier(8)
    found: dict[int, Any] = {}
    text = (
        "import lib.helper\nimport calendar\n"
        "def late():\n    import lib.other\n    from lib import helper\n"
        "    return [lib.helper.X, lib.other.X, calendar.X, helper.X]"
    )

    def work(number: int) -> None:
        path = tmp_path / str(number)
        folder(path, {"lib/helper.py": f"X = {number}", "lib/other.py": f"X = {number}"})
        folder(path, {"calendar.py": f"X = {number}", "code.py": text})
        with world(path) as made:
            module: ModuleType = made.run(path / "code.py")
            gate.wait(seconds(20))
            found[number] = module.late()
            gate.wait(seconds(20))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    before = ([*sys.path], {*sys.modules}, [*sys.meta_path])
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {number: [number] * 4 for number in range(8)}
    assert ([*sys.path], {*sys.modules}, [*sys.meta_path]) == before
