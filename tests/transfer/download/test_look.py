"""What is sent in place of a file, with status 200, never takes its place."""

from collections.abc import Callable
from functools import partial

import pytest

from factory.definitions.formats import Csv, Format, Jsonl, Parquet
from factory.transfer.errors import BadRow
from factory.transfer.first_bytes import refuse_answer

from ...stores.folders import Folder
from ..formats.test_holds import parquet
from ..formats.test_other_files import OTHERS, PAGE, packed
from ..web import Answer, File, Web
from .getting import get, names

ROWS = b"id,total\n1,9.5\n"


def look(given: Format, meant: str | None = None) -> Callable[[bytes, str], None]:
    return partial(_look, given, meant)


def _look(given: Format, meant: str | None, first: bytes, told: str) -> None:
    refuse_answer(first, told, "the file", given, meant)


def sent(body: bytes, told: str = "", *, chunked: bool = False) -> Answer:
    return Answer(body, headers={"Content-Type": told, "ETag": '"v1"'}, chunked=chunked)


@pytest.mark.parametrize("given", [Csv(), Jsonl(), Parquet()])
@pytest.mark.parametrize("case", OTHERS)
def test_another_file(case: str, given: Format, web: Web, folder: Folder) -> None:
    content, what, _ = OTHERS[case]
    web.answers = [sent(content), File(ROWS)]
    with pytest.raises(BadRow, match=f"the file is {what}"):
        get(web, folder / "f", look=look(given))
    assert names(folder) == []
    assert len(web.asked) == 1  # it is not asked for again at once
    get(web, folder / "f", look=look(Csv()))
    assert (folder / "f").read_bytes() == ROWS


@pytest.mark.parametrize(
    ("given", "told", "body"),
    [
        (Csv(), "text/html; charset=UTF-8", b"Service temporarily unavailable"),
        (Csv(), "application/json", b'"no such export"'),
        (Csv(), "application/problem+json", b"null"),
        (Csv(), "application/xml", b"error"),
        (Csv(header=False, columns={"a": "text"}), "text/html", b"busy"),
        (Csv(skip_rows=1), "application/xhtml+xml", b"busy"),
        (Jsonl(), "text/html", b"busy"),
        (Parquet(), "text/html", b"busy"),
        (Parquet(), "application/json", b'"busy"'),
    ],
)
def test_a_content_type_that_contradicts(
    given: Format, told: str, body: bytes, web: Web, folder: Folder
) -> None:
    web.answers = [sent(body, told)]
    plain = told.partition(";")[0].lower()
    shown = repr(body.decode())
    with pytest.raises(BadRow) as raised:
        get(web, folder / "f", look=look(given))
    assert f"is sent as {plain}, not as " in raised.value.message
    assert raised.value.message.endswith(f": it begins with {shown}")
    assert f"say `content_type: {plain}`" in str(raised.value.hint)
    assert names(folder) == []
    get(web, folder / "f", look=look(given, plain))
    assert (folder / "f").read_bytes() == body


@pytest.mark.parametrize(
    ("given", "told", "body"),
    [
        (Csv(), "text/csv", ROWS),
        (Csv(), "text/plain", ROWS),
        (Csv(), "application/vnd.ms-excel", ROWS),
        (Csv(), "application/octet-stream", ROWS),
        (Csv(), "nonsense", ROWS),
        (Csv(), "text/html", packed("a.csv")),
        (Csv(), "application/zip", packed("a.csv")),
        (Csv(skip_rows=1), "", b"<html>,made\na,b\n"),
        (Jsonl(), "application/json", b'{"a": 1}'),
        (Jsonl(), "text/html", b'{"a": 1}'),
        (Jsonl(), "application/x-ndjson", b"\n"),
        (Parquet(), "text/html", parquet({"a": [1]})),
        (Parquet(), "", parquet({"a": [1]})),
    ],
)
@pytest.mark.parametrize("chunked", [False, True])
def test_what_is_taken(
    given: Format, told: str, body: bytes, chunked: bool, web: Web, folder: Folder
) -> None:
    web.answers = [sent(body, told, chunked=chunked)]
    get(web, folder / "f", look=look(given))
    assert (folder / "f").read_bytes() == body


def test_an_answer_without_a_body(web: Web, folder: Folder) -> None:
    web.answers = [sent(b"", "text/csv")]
    for refused in (Csv(), Jsonl(), Parquet(), Csv(columns={"a": "text"})):
        with pytest.raises(BadRow, match="the file is empty: its server sent not one byte"):
            get(web, folder / "f", look=look(refused))
    for taken in (Csv(header=False, columns={"a": "text"}), Jsonl(columns={"a": "text"})):
        get(web, folder / "f", look=look(taken))


def test_what_goes_on_was_looked_at_before(web: Web, folder: Folder) -> None:
    body = b"id,total\n" + b"1,9.5\n" * 200_000
    web.answers = [File(body, cut=500_000), File(body)]
    seen: list[bytes] = []

    def keep(first: bytes, told: str) -> None:
        seen.append(first)

    get(web, folder / "f", look=keep)
    assert (folder / "f").read_bytes() == body
    assert all(body.startswith(first) and len(first) >= 512 for first in seen)


def test_a_page_that_comes_in_small_parts(web: Web, folder: Folder) -> None:
    web.answers = [Answer(PAGE, chunked=True)]
    with pytest.raises(BadRow, match="the file is an HTML page"):
        get(web, folder / "f", look=look(Csv()))
