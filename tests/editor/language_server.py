"""A small LSP client over the stdio of the real yaml-language-server."""

from __future__ import annotations

import itertools
import json
import os
import queue
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.patience import seconds

TIMEOUT = 30  # seconds of a usual machine, for an answer
SETTINGS = {
    "yaml": {
        "validate": True,
        "hover": True,
        "completion": True,
        "schemaStore": {"enable": False},
        "kubernetesCRDStore": {"enable": False},
    },
    "redhat": {"telemetry": {"enabled": False}},
}
CAPABILITIES = {
    "workspace": {"configuration": True},
    "textDocument": {
        "completion": {
            "completionItem": {"snippetSupport": True, "documentationFormat": ["markdown"]}
        },
        "hover": {"contentFormat": ["markdown"]},
        "publishDiagnostics": {},
    },
}


class LanguageServer:
    """Requests with their answers; diagnostics as they were last published."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self._ids = itertools.count(1)
        self._answers: queue.Queue[dict[str, Any]] = queue.Queue()
        self._published: queue.Queue[dict[str, Any]] = queue.Queue()
        self._reader = threading.Thread(target=self._read_all, daemon=True)
        self._reader.start()

    def start(self, root: Path) -> None:
        folder = {"uri": root.as_uri(), "name": root.name}
        options = {
            "processId": os.getpid(),
            "rootUri": root.as_uri(),
            "workspaceFolders": [folder],
            "capabilities": CAPABILITIES,
        }
        self.request("initialize", options)
        self.notify("initialized", {})

    def diagnostics(self, folder: Path, text: str) -> list[dict[str, Any]]:
        """What is wrong with a file of this text in a folder, from top to bottom."""
        uri = self._open(folder, text)
        try:
            while True:
                published = self._published.get(timeout=seconds(TIMEOUT))
                if published["uri"] == uri:
                    found = list(published["diagnostics"])
                    return sorted(found, key=lambda entry: entry["range"]["start"]["line"])
        finally:
            self._close(uri)

    def completion(self, folder: Path, text: str, line: int, column: int) -> list[dict[str, Any]]:
        """What may be written at a place; line and column count from 0."""
        answer = self._ask("completion", folder, text, line, column)
        return list(answer["items"])

    def hover(self, folder: Path, text: str, line: int, column: int) -> str:
        """The text that is shown at a place."""
        answer = self._ask("hover", folder, text, line, column)
        return str(answer["contents"]["value"]) if answer else ""

    def request(self, method: str, parameters: Any) -> Any:
        number = next(self._ids)
        self._send({"id": number, "method": method, "params": parameters})
        while True:
            answer = self._answers.get(timeout=seconds(TIMEOUT))
            if answer["id"] == number:
                assert "error" not in answer, answer["error"]
                return answer["result"]

    def notify(self, method: str, parameters: Any) -> None:
        self._send({"method": method, "params": parameters})

    def _ask(self, what: str, folder: Path, text: str, line: int, column: int) -> Any:
        uri = self._open(folder, text)
        place = {
            "textDocument": {"uri": uri},
            "position": {"line": line, "character": column},
        }
        try:
            return self.request(f"textDocument/{what}", place)
        finally:
            self._close(uri)

    def _open(self, folder: Path, text: str) -> str:
        # a name of its own each time: the server keeps what it parsed by name and version
        uri = (folder / f"opened_{next(self._ids)}.yaml").as_uri()
        document = {"uri": uri, "languageId": "yaml", "version": 1, "text": text}
        self.notify("textDocument/didOpen", {"textDocument": document})
        return uri

    def _close(self, uri: str) -> None:
        self.notify("textDocument/didClose", {"textDocument": {"uri": uri}})

    def _send(self, message: dict[str, Any]) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        assert self._process.stdin is not None
        self._process.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        self._process.stdin.flush()

    def _read_all(self) -> None:
        while (message := self._read()) is not None:
            if "id" not in message:
                if message["method"] == "textDocument/publishDiagnostics":
                    self._published.put(message["params"])
            elif "method" in message:
                self._send({"id": message["id"], "result": _reply(message)})
            else:
                self._answers.put(message)

    def _read(self) -> dict[str, Any] | None:
        assert self._process.stdout is not None
        length = 0
        while line := self._process.stdout.readline().strip():
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        if not length:
            return None
        message: dict[str, Any] = json.loads(self._process.stdout.read(length))
        return message


def _reply(question: dict[str, Any]) -> Any:
    """The server asks for its settings; other questions of it want no answer."""
    if question["method"] != "workspace/configuration":
        return None
    return [SETTINGS.get(item.get("section", "")) for item in question["params"]["items"]]


@contextmanager
def running(node: str, server: Path, root: Path) -> Iterator[LanguageServer]:
    """The server, until the end of the block."""
    process = subprocess.Popen(
        [node, str(server), "--stdio"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        client = LanguageServer(process)
        client.start(root)
        yield client
        client.request("shutdown", None)
        client.notify("exit", None)
        process.wait(seconds(TIMEOUT))
    finally:
        process.kill()
        process.wait()
