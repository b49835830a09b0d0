"""What stands before the emulator of BigQuery and does what the service does and it does not.

A job's id is taken once: another request with it is answered 409, as BigQuery answers. `TRUNCATE`
in a transaction is rolled back with it. Labels and the location of a job are kept. An external
table of Parquet files is one that was loaded from them, when it was made. In tests, an answer is
lost, or a request refused, where they say so.
"""

from __future__ import annotations

import http.client
import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

_JOBS = re.compile(r"/bigquery/v2/projects/([^/]+)/jobs(?:\?.*)?")
_JOB = re.compile(r"/bigquery/v2/projects/([^/]+)/jobs/([^/?]+)")
_TABLE = re.compile(r"/bigquery/v2/projects/([^/]+)/datasets/([^/]+)/tables/([^/?]+)")
_TRUNCATE = re.compile(r"TRUNCATE TABLE (`[^;]+`);")
_EXTERNAL = re.compile(
    r"CREATE OR REPLACE EXTERNAL TABLE `(?:([^`]+)`\.`)?([^`]+)`\.`([^`]+)` \((.*)\) OPTIONS"
    r" \((.*)\);\n"
)
_URI = re.compile(r"'(gs://[^']+)'")
_SECONDS = 120.0
_PAUSE = 0.05
_KEPT = ("content-type", "etag")


@dataclass(frozen=True)
class Request:
    """What was asked."""

    method: str
    path: str
    body: bytes

    @property
    def job(self) -> dict[str, Any]:
        """The job that is to begin; nothing where none is."""
        if self.method != "POST" or not _JOBS.fullmatch(self.path):
            return {}
        found: dict[str, Any] = json.loads(self.body)
        return found


@dataclass(frozen=True)
class Answer:
    """What was answered."""

    status: int
    body: bytes
    headers: tuple[tuple[str, str], ...] = (("content-type", "application/json"),)


Fault = Callable[[Request], "Answer | None"]
"""Asked before a request is passed on: an answer instead, or None; it raises `Lost` to cut it."""


class Lost(Exception):
    """The answer does not arrive.

    :param after: whether the service has done what was asked.
    """

    def __init__(self, *, after: bool) -> None:
        super().__init__("lost")
        self.after = after


def refusal(status: int, reason: str, message: str) -> Answer:
    """An error as BigQuery says it."""
    errors = [{"domain": "global", "reason": reason, "message": message}]
    error = {"code": status, "message": message, "errors": errors}
    return Answer(status, json.dumps({"error": error}).encode())


@dataclass
class Proxy:
    """Passes requests on to a port of this machine."""

    port: int
    faults: list[Fault] = field(default_factory=list)
    asked: list[Request] = field(default_factory=list)
    jobs: dict[str, dict[str, Any]] = field(default_factory=dict)
    external: dict[str, list[str]] = field(default_factory=dict)
    """Addresses of files, by the path of their table."""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, request: Request) -> Answer:
        """The service's answer. Raises `Lost`."""
        self.asked.append(request)
        for fault in list(self.faults):
            try:
                if (instead := fault(request)) is not None:
                    return instead
            except Lost as lost:
                if lost.after:
                    self._done(request)
                raise
        return self._done(request)

    def _done(self, request: Request) -> Answer:
        if job := request.job:
            return self._begin(request, job)
        if request.method == "PATCH" and (table := _TABLE.fullmatch(request.path)):
            self._grow(table, json.loads(request.body))
        answer = self._passed(request)
        if request.path in self.external and answer.status < 300:
            return self._as_external(request, answer)
        found = _JOB.match(request.path)
        return self._as_asked(answer, found[2]) if found and answer.status < 300 else answer

    def _as_external(self, request: Request, answer: Answer) -> Answer:
        """The table as one of files."""
        if request.method == "DELETE":
            del self.external[request.path]
            return answer
        of = {"sourceFormat": "PARQUET", "sourceUris": self.external[request.path]}
        said = {**json.loads(answer.body), "type": "EXTERNAL", "externalDataConfiguration": of}
        return Answer(answer.status, json.dumps(said).encode(), answer.headers)

    def _made_external(self, project: str, job: dict[str, Any]) -> dict[str, Any]:
        """Make an external table; what else the job is to do."""
        query = job["configuration"].get("query")
        if query is None or (found := _EXTERNAL.search(query["query"])) is None:
            return job
        owner, dataset, name, fields, options = found.groups()
        path = f"/bigquery/v2/projects/{owner or project}/datasets/{dataset}/tables/{name}"
        uris = _URI.findall(options)
        self._passed(Request("DELETE", path, b""))
        create = f"CREATE TABLE `{dataset}`.`{name}` ({fields})"
        self._ran(project, {"query": {"query": create, "useLegacySql": False}})
        table = {"projectId": owner or project, "datasetId": dataset, "tableId": name}
        load = {"sourceUris": uris, "sourceFormat": "PARQUET", "destinationTable": table}
        self._ran(project, {"load": {**load, "writeDisposition": "WRITE_TRUNCATE"}})
        self.external[path] = uris
        text = query["query"].replace(found[0], "")
        other = {**job["configuration"], "query": {**query, "query": text}}
        return {**job, "configuration": other}

    def _ran(self, project: str, configuration: dict[str, Any]) -> None:
        """A job of our own, to its end. Raises `OSError` when it fails."""
        path = f"/bigquery/v2/projects/{project}/jobs"
        body = json.dumps({"configuration": configuration}).encode()
        job = json.loads(self._passed(Request("POST", path, body)).body)
        while "status" in job and job["status"]["state"] != "DONE":
            time.sleep(_PAUSE)
            at = f"{path}/{job['jobReference']['jobId']}"
            job = json.loads(self._passed(Request("GET", at, b"")).body)
        if "status" not in job or "errorResult" in job["status"]:
            raise OSError(f"the emulator refuses {configuration}: {job}")

    def _grow(self, table: re.Match[str], given: dict[str, Any]) -> None:
        """The emulator notes new columns, and makes none."""
        project, dataset, name = table.groups()
        there = json.loads(self._passed(Request("GET", table[0], b"")).body)
        known = [field["name"] for field in there.get("schema", {}).get("fields", ())]
        for column in given.get("schema", {}).get("fields", ()):
            if column["name"] not in known:
                kind = column["type"]
                kind = f"ARRAY<{kind}>" if column["mode"] == "REPEATED" else kind
                text = f"ALTER TABLE `{dataset}`.`{name}` ADD COLUMN `{column['name']}` {kind}"
                job = {"configuration": {"query": {"query": text, "useLegacySql": False}}}
                path = f"/bigquery/v2/projects/{project}/jobs"
                self._passed(Request("POST", path, json.dumps(job).encode()))

    def _begin(self, request: Request, job: dict[str, Any]) -> Answer:
        """Begin a job, whose id is given or made."""
        named = job.get("jobReference", {}).get("jobId")
        with self._lock:
            if named in self.jobs:
                place = f"{job['jobReference'].get('projectId')}:{named}"
                return refusal(HTTPStatus.CONFLICT, "duplicate", f"Already Exists: Job {place}")
            if named:
                self.jobs[named] = job
        project = _JOBS.fullmatch(request.path)
        assert project is not None
        other = self._made_external(project[1], job)
        answer = self._passed(Request(request.method, request.path, _rewritten(other)))
        if answer.status >= 300:
            with self._lock:
                self.jobs.pop(named, None)
            return answer
        return self._as_asked(answer, named)

    def _as_asked(self, answer: Answer, job_id: str | None) -> Answer:
        """A job with what the emulator forgets of it."""
        job = self.jobs.get(job_id or "")
        if job is None:
            return answer
        said = json.loads(answer.body)
        said["configuration"] = job["configuration"]
        if location := job["jobReference"].get("location"):
            said["jobReference"]["location"] = location
        return Answer(answer.status, json.dumps(said).encode(), answer.headers)

    def _passed(self, request: Request) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=_SECONDS)
        try:
            headers = {"Content-Type": "application/json"} if request.body else {}
            connection.request(request.method, request.path, request.body or None, headers)
            answer = connection.getresponse()
            kept = tuple((k, v) for k, v in answer.getheaders() if k.lower() in _KEPT)
            return Answer(answer.status, answer.read(), kept)
        finally:
            connection.close()


def _rewritten(job: dict[str, Any]) -> bytes:
    """The emulator rolls back what DELETE takes away, and not what TRUNCATE does."""
    query = job["configuration"].get("query")
    if query is None:
        return json.dumps(job).encode()
    text = _TRUNCATE.sub(r"DELETE FROM \1 WHERE true;", query["query"])
    other = {**job["configuration"], "query": {**query, "query": text}}
    return json.dumps({**job, "configuration": other}).encode()


@contextmanager
def running(proxy: Proxy, port: int = 0) -> Iterator[int]:
    """Serve on 127.0.0.1 until the block ends; yields the port."""
    handler = type("Handler", (_Handler,), {"proxy": proxy})
    with ThreadingHTTPServer(("127.0.0.1", port), handler) as server:
        server.daemon_threads = True
        serving = threading.Thread(
            target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
        )
        serving.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            serving.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    proxy: Proxy

    def _serve(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        request = Request(self.command, self.path, self.rfile.read(length))
        try:
            answer = self.proxy.answer(request)
        except Lost:
            self.close_connection = True
            return
        except OSError as error:
            answer = refusal(HTTPStatus.BAD_GATEWAY, "backendError", str(error))
        self.send_response(answer.status)
        for name, value in answer.headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve  # noqa: N815

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: the terminal belongs to others."""
