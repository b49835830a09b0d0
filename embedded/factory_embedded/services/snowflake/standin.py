"""Snowflake's protocol over DuckDB: fakesnow, and what it lacks that a real Snowflake has.

It runs by itself, in an environment of its own: `python standin.py PORT`. All is in memory.

- What connectors from version 5 on ask of a login and of an upload.
- `NUMBER(38, 0)` holds 38 digits; the information schema tells when a table was made,
  and the digits of a time's seconds.
- Tables are made one after the other, as DuckDB wants it, and seen when it is noted that they are.
- UPDATE, DELETE and MERGE lock their table until their transaction ends; others wait.
- `BEGIN … NAME`, `SHOW TRANSACTIONS`, `CURRENT_TRANSACTION()`, `SYSTEM$ABORT_TRANSACTION()`.
- `SHOW PARAMETERS LIKE 'QUERY_TAG'`.
- A moment may be null in an answer.
- A request that comes again is answered by what the first one did.
- What it can't do fails at once, where fakesnow's 500 would be tried again for minutes.
- `POST /buckets {"url": …, "folder": …}`: what external stages have under the URL are files there.
- `POST /faults {"match": …, "do": "lose" | "refuse" | "deny" | "hold"}`: the next statement that
  holds a match is run and its answer lost, or it takes too long, or the role may not, or it runs
  until `{"do": "release"}`.
- A statement that is to run by itself has an id, whose status and answer are asked for; it is
  found by its tag in `QUERY_HISTORY_BY_USER`, which has no others.
"""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
import re
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from string import Template
from typing import Any

import fakesnow.transforms as transforms  # type: ignore[import-not-found,unused-ignore]
import pyarrow as pa
import uvicorn
from fakesnow import arrow, info_schema
from fakesnow import copy_into as copying
from fakesnow.cursor import (  # type: ignore[import-not-found,unused-ignore]
    FakeSnowflakeCursor as Cursor,
)
from sqlglot import exp
from starlette.applications import Starlette  # type: ignore[import-not-found,unused-ignore]
from starlette.concurrency import (  # type: ignore[import-not-found,unused-ignore]
    run_in_threadpool,
)
from starlette.requests import Request  # type: ignore[import-not-found,unused-ignore]
from starlette.responses import (  # type: ignore[import-not-found,unused-ignore]
    JSONResponse,
    Response,
)
from starlette.routing import Route  # type: ignore[import-not-found,unused-ignore]

LOCK_SECONDS = 60.0
_MAKES = ("CREATE", "DROP", "ALTER")
_BILLIONTHS = r'MOD\(DATE_PART\(NANOSECOND, "(?:[^"]|"")*"\), 1000\)'
"""Of a second: DuckDB's moments have none."""
_HISTORY = r"TABLE\(INFORMATION_SCHEMA\.QUERY_HISTORY_BY_USER\(RESULT_LIMIT => \d+\)\)"
_NONE = "('', '', '', 0)"
_CREATED = "_fs_global._fs_information_schema._fs_created"
_DIGITS = """
case when columns.data_type like 'TIME%' then 6 end as DATETIME_PRECISION,
COLLATION_NAME,"""


def _patched_views() -> None:
    """What the information schema lacks; before a database is made."""
    columns = info_schema.SQL_CREATE_GLOBAL_INFORMATION_SCHEMA_COLUMNS_VIEW
    made = columns.replace("COLLATION_NAME,", _DIGITS)
    info_schema.SQL_CREATE_GLOBAL_INFORMATION_SCHEMA_COLUMNS_VIEW = made
    info_schema.SQL_CREATE_GLOBAL_INFORMATION_SCHEMA_USERS_TABLE += (
        f"; create table if not exists {_CREATED} (name varchar, oid bigint, created timestamptz)"
    )
    tables = info_schema.SQL_CREATE_INFORMATION_SCHEMA_TABLES_VIEW.template
    created = (
        f"(select max(c.created) from {_CREATED} c"
        " where c.name = tables.database_name and c.oid = tables.table_oid)"
    )
    info_schema.SQL_CREATE_INFORMATION_SCHEMA_TABLES_VIEW = Template(
        tables.replace('to_timestamp(0)::timestamptz AS "CREATED"', f'{created} AS "CREATED"')
    )


_patched_views()
import fakesnow.server as server  # type: ignore[import-not-found,unused-ignore]  # noqa: E402

_execute = Cursor._execute


def _noting(self: Any, transformed: Any, params: Any = None) -> None:
    _execute(self, transformed, params)
    if isinstance(transformed, exp.Create) and transformed.kind == "TABLE":
        with self._duck_conn.cursor() as own:
            own.execute(
                f"insert into {_CREATED} select database_name, table_oid, now()"
                f" from duckdb_tables() t where not exists (select 1 from {_CREATED} c"
                " where c.name = t.database_name and c.oid = t.table_oid)"
            )


def _whole(expression: Any) -> Any:
    """NUMBER is of 38 digits."""
    is_number = (
        isinstance(expression, exp.DataType) and expression.this == exp.DataType.Type.DECIMAL
    )
    if not is_number:
        return _integers(expression)
    return expression if expression.expressions else exp.DataType.build("DECIMAL(38, 0)")


Cursor._execute = _noting
_integers = transforms.integer_precision
transforms.integer_precision = _whole
_stage_info = server.gcs_stage_info


def _uploaded(request: Any, expression: Any, put: dict[str, Any]) -> dict[str, Any]:
    put["overwrite"] = True
    return {**_stage_info(request, expression, put), "region": "here"}


server.gcs_stage_info = _uploaded
_moments = arrow.timestamp_to_sf_struct


def _with_nulls(moments: Any) -> Any:
    """A moment that is null is a struct that is null, and holds something."""
    whole = moments.combine_chunks() if isinstance(moments, pa.ChunkedArray) else moments
    made = _moments(whole.fill_null(pa.scalar(0, whole.type)))
    return pa.StructArray.from_arrays(made.flatten(), fields=list(made.type), mask=whole.is_null())


arrow.timestamp_to_sf_struct = _with_nulls


@dataclass
class Begun:
    """A transaction."""

    id: str
    name: str
    started: str


@dataclass
class State:
    """What sessions hold of each other."""

    begun: dict[str, Begun] = field(default_factory=dict)  # by a session's token
    held: dict[str, str] = field(default_factory=dict)  # table → token
    answers: dict[str, asyncio.Task[Any]] = field(default_factory=dict)  # by a request's id
    turns: dict[str, asyncio.Lock] = field(default_factory=dict)  # a session's statements, in turn
    making: asyncio.Lock = field(default_factory=asyncio.Lock)
    lost: set[str] = field(default_factory=set)  # requests whose first answer never came
    faults: list[dict[str, str]] = field(default_factory=list)
    tags: dict[str, str] = field(default_factory=dict)  # by a session's token
    buckets: dict[str, str] = field(default_factory=dict)  # by a URL → a folder of this disk
    left: dict[str, asyncio.Task[Any]] = field(default_factory=dict)  # by the query's id
    left_tags: dict[str, str] = field(default_factory=dict)
    released: asyncio.Event = field(default_factory=asyncio.Event)
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)
    count: int = 0


state = State()


_stage_url = copying.stage_url_from_var


def _on_disk(*given: Any) -> str:
    """Where COPY reads."""
    url = str(_stage_url(*given))
    for begins, folder in state.buckets.items():
        if url.startswith(begins):
            return f"file://{folder}/{url.removeprefix(begins).rstrip('/')}"
    return url


copying.stage_url_from_var = _on_disk


def _refused(code: str, message: str, sql_state: str = "XX000") -> JSONResponse:
    data = {"errorCode": code, "sqlState": sql_state}
    return JSONResponse({"data": data, "code": code, "message": message, "success": False})


async def login(request: Request) -> JSONResponse:
    """As fakesnow does; later connectors want more."""
    answer = json.loads((await server.login_request(request)).body)
    given = (await _body(request))["data"].get("SESSION_PARAMETERS") or {}
    state.tags[answer["data"]["token"]] = str(given.get("QUERY_TAG", ""))
    answer["data"] |= {"masterToken": "factory", "sessionId": len(server.sessions)}
    answer["data"] |= {"validityInSeconds": 3600, "masterValidityInSeconds": 14400}
    return JSONResponse(answer)


async def query(request: Request) -> Response:
    """Run a statement once, however often it is asked for."""
    name = request.query_params.get("requestId", "")
    body = await _body(request)
    if name not in state.answers:
        while len(state.answers) > 1000:
            state.answers.pop(next(iter(state.answers)))
        state.answers[name] = asyncio.create_task(_answered(request, body))
    if body.get("asyncExec"):
        state.left[name] = state.answers[name]
        state.left_tags[name] = state.tags.get(server.to_token(request), "")
        if fault := _fault(str(body.get("sqlText", "")), "lose"):
            state.faults.remove(fault)
            return Response(status_code=503)
        return JSONResponse(_progress(name))
    done: Response
    done, is_lost = await asyncio.shield(state.answers[name])
    if is_lost and name not in state.lost:
        state.lost.add(name)
        return Response(status_code=503)
    return done


def _fault(sql: str, do: str = "") -> dict[str, str] | None:
    """What is to become of a statement."""
    meant = (one for one in state.faults if do in ("", one["do"]))
    return next((one for one in meant if re.search(one["match"], sql, re.I | re.S)), None)


def _progress(name: str) -> dict[str, Any]:
    """What is said of a statement that runs by itself; its id is that of its request."""
    data = {"queryId": name, "getResultUrl": f"/queries/{name}/result"}
    said = "Asynchronous execution in progress. Use provided query id to perform query monitoring."
    return {"data": data, "code": "333334", "message": said, "success": True}


async def monitoring(request: Request) -> JSONResponse:
    """Whether a statement runs."""
    name = request.path_params["name"]
    found = []
    if name in state.left:
        status = _status(name)
        found = [{"id": name, "status": status, "state": status}]
    return JSONResponse({"data": {"queries": found}, "success": True})


def _status(name: str) -> str:
    task = state.left[name]
    if not task.done():
        return "RUNNING"
    failed = task.cancelled() or not _succeeded(task.result()[0])
    return "FAILED_WITH_ERROR" if failed else "SUCCESS"


async def result(request: Request) -> Response:
    """The answer of a statement, once it has ended."""
    task = state.left[request.path_params["name"]]
    if task.cancelled():
        return _refused("000604", "SQL execution canceled", "57014")
    done, _ = await asyncio.shield(task)
    answer: Response = done
    return answer


def _succeeded(answer: Response) -> bool:
    return bool(json.loads(bytes(answer.body)).get("success"))


async def _body(request: Request) -> dict[str, Any]:
    body = await request.body()
    if request.headers.get("Content-Encoding") == "gzip":
        body = gzip.decompress(body)
    return json.loads(body)  # type: ignore[no-any-return]


async def _answered(request: Request, body: dict[str, Any]) -> tuple[Response, bool]:
    """The answer, and whether it is lost the first time."""
    token, sql = server.to_token(request), str(body.get("sqlText", ""))
    fault = _fault(sql)
    if fault:
        state.faults.remove(fault)
    if fault and fault["do"] == "hold":
        await state.released.wait()
        fault = None
    if fault and fault["do"] == "refuse":
        said = "Statement reached its statement or warehouse timeout"
        return _refused("000630", said), False
    if fault and fault["do"] == "deny":
        said = "SQL access control error: Insufficient privileges to operate on table"
        return _refused("003001", said, "42501"), False
    async with state.turns.setdefault(token, asyncio.Lock()):
        done = await _run(request, body, token, sql)
    return done, fault is not None


async def _run(request: Request, body: dict[str, Any], token: str, sql: str) -> Response:
    word = sql.split(None, 1)[0].upper() if sql.strip() else ""
    if not body.get("describeOnly"):
        for table in _locking(token, sql, word):
            if not await _lock(token, table):
                said = f"Statement '{token[:8]}' has locked table '{table}'"
                return _refused(
                    "000625", f"{said} in transaction and this lock has not yet been released."
                )
    if aborted := re.search(r"system\$abort_transaction\((\d+)\)", sql, re.I):
        await _abort(aborted[1])
    if cancelled := re.search(r"system\$cancel_query\('([^']*)'\)", sql, re.I):
        state.left[cancelled[1]].cancel()
    body["sqlText"] = _told(token, sql)
    of_tables = word in _MAKES or "INFORMATION_SCHEMA" in sql.upper()
    async with state.making if of_tables else contextlib.nullcontext():
        done = await _asked(request, body)
    ended = word in ("COMMIT", "ROLLBACK") or (token not in state.begun and word != "BEGIN")
    if ended:
        await _release(token)
    return done


def _told(token: str, sql: str) -> str:
    """The statement in words that fakesnow knows."""
    if begun := re.fullmatch(r"\s*begin(\s+transaction)?(\s+name\s+(\S+?))?\s*;?\s*", sql, re.I):
        _begin(token, (begun[3] or "").strip('"'))
        return "BEGIN TRANSACTION"
    if re.match(r"\s*show\s+transactions", sql, re.I):
        rows = [
            f"({one.id}, '{one.name}', '{one.started}', 'running')" for one in state.begun.values()
        ]
        names = 't ("id", "name", "started_on", "state")'
        values = ", ".join(rows) or "(0, '', '', '')"
        return f'SELECT * FROM (VALUES {values}) AS {names} WHERE "id" > 0'
    if re.fullmatch(r"\s*show\s+parameters\s+like\s+'query_tag'\s*;?\s*", sql, re.I):
        tag = state.tags.get(token, "").replace("'", "''")
        return f"""SELECT 'QUERY_TAG' AS "key", '{tag}' AS "value", '' AS "default" """
    sql = re.sub(_HISTORY, lambda _: _history(), sql, flags=re.I)
    sql = re.sub(_BILLIONTHS, "0", sql)
    sql = re.sub(r"system\$cancel_query\('[^']*'\)", "'query terminated.'", sql, flags=re.I)
    own = state.begun.get(token)
    sql = re.sub(r"current_transaction\(\)", f"'{own.id}'" if own else "NULL", sql, flags=re.I)
    return re.sub(r"system\$abort_transaction\(\d+\)", "'Transaction aborted'", sql, flags=re.I)


def _history() -> str:
    """The statements that run, or ran, by themselves."""
    names = "t (QUERY_ID, QUERY_TAG, EXECUTION_STATUS, START_TIME)"
    rows = [
        "('{}', '{}', '{}', {})".format(name, tag.replace("'", "''"), _status(name), number)
        for number, (name, tag) in enumerate(state.left_tags.items())
    ]
    return f"(SELECT * FROM (VALUES {', '.join(rows) or _NONE}) AS {names})"


def _begin(token: str, name: str) -> None:
    state.count += 1
    started = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime())
    state.begun[token] = Begun(str(1_700_000_000_000 + state.count), name, started)


def _locking(token: str, sql: str, word: str) -> list[str]:
    """The tables that a statement locks."""
    if word not in ("UPDATE", "DELETE", "MERGE"):
        return []
    try:
        table = server.parse_one(sql).find(exp.Table)
    except Exception:
        return []
    own = server.sessions.get(token)
    if table is None or own is None:
        return []
    if token not in state.begun and not own._autocommit:
        _begin(token, "")
    parts = (table.catalog or own.database, table.db or own.schema, table.name)
    return [".".join(str(part).upper() for part in parts)]


async def _lock(token: str, table: str) -> bool:
    def is_free() -> bool:
        return state.held.get(table, token) == token

    async with state.changed:
        try:
            await asyncio.wait_for(state.changed.wait_for(is_free), LOCK_SECONDS)
        except asyncio.TimeoutError:
            return False
        state.held[table] = token
        return True


async def _release(token: str) -> None:
    state.begun.pop(token, None)
    async with state.changed:
        for table in [name for name, owner in state.held.items() if owner == token]:
            del state.held[table]
        state.changed.notify_all()


async def _abort(number: str) -> None:
    for token, one in list(state.begun.items()):
        if one.id == number:
            await run_in_threadpool(server.sessions[token].cursor().execute, "ROLLBACK")
            await _release(token)


async def _asked(request: Request, body: dict[str, Any]) -> Response:
    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": json.dumps(body).encode(), "more_body": False}

    headers = [pair for pair in request.scope["headers"] if pair[0] != b"content-encoding"]
    failed = f"fakesnow can't run this: {body['sqlText'][:500]}"
    try:
        done: Response = await server.query_request(
            Request({**request.scope, "headers": headers}, receive)
        )
    except Exception as error:
        return _refused("000603", f"{failed}: {error}")
    return _refused("000603", failed) if done.status_code == 500 else done


async def session(request: Request) -> Response:
    """What a session holds goes with it."""
    if request.query_params.get("delete"):
        token = server.to_token(request)
        if own := server.sessions.get(token):
            await run_in_threadpool(own.close)
        await _release(token)
    done: Response = await server.session(request)
    return done


async def faults(request: Request) -> Response:
    """The next statement that holds a match fares badly."""
    fault = await request.json()
    if fault["do"] == "release":
        state.released.set()
        return Response()
    if fault["do"] == "hold":
        state.released.clear()
    state.faults.append(fault)
    return Response()


async def buckets(request: Request) -> Response:
    """Where the files of external stages are."""
    given = await request.json()
    state.buckets[given["url"]] = given["folder"]
    return Response()


async def renew(request: Request) -> JSONResponse:
    """The token that a session has stays good."""
    data = {"sessionToken": server.to_token(request), "validityInSecondsST": 3600}
    more = {"masterToken": "factory", "validityInSecondsMT": 14400, "sessionId": 1}
    return JSONResponse({"data": {**data, **more}, "success": True})


async def _nothing(request: Request) -> JSONResponse:
    return JSONResponse({"success": True})


GETS: dict[str, Callable[[Request], Awaitable[Response]]] = {
    "/monitoring/queries/{name}": monitoring,
    "/monitoring/queries//{name}": monitoring,
    "/queries/{name}/result": result,
}
OWN: dict[str, Callable[[Request], Awaitable[Response]]] = {
    "/session/v1/login-request": login,
    "/queries/v1/query-request": query,
    "/session": session,
}
MORE = {
    "/faults": faults,
    "/buckets": buckets,
    "/session/token-request": renew,
    "/telemetry/send": _nothing,
}


def app() -> Starlette:
    """fakesnow's, with these in place of its own."""
    gets = [Route(path, endpoint, methods=["GET"]) for path, endpoint in GETS.items()]
    routes = [
        Route(one.path, OWN.get(one.path, one.endpoint), methods=list(one.methods))
        for one in server.routes
    ]
    more = [Route(path, endpoint, methods=["POST"]) for path, endpoint in MORE.items()]
    return Starlette(routes=[*gets, *routes, *more])


if __name__ == "__main__":
    uvicorn.run(app(), host="127.0.0.1", port=int(sys.argv[1]), log_level="warning")
