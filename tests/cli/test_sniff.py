"""What `sniff` prints, pasted into a pipeline, lints clean and reads the file."""

from __future__ import annotations

import gzip
import re
import subprocess
import sys
import textwrap
import zipfile
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from factory.definitions import formats as definitions
from factory.stores.disk import Disk
from factory.transfer import formats
from factory.transfer.bad_rows import BadRows
from factory.transfer.errors import TransferError
from factory.transfer.sniff import sniff

from ..transfer.formats.workbooks import workbook
from ..web import serving
from .conftest import Cli

PIPELINE = """\
version: 1
tasks:
  - id: ingest
    uses: ingest
    with:
      source:
        type: file
        path: file:///data/x
{format}
      target: {{type: postgres, conn_id: warehouse, table: raw.x}}
      write: {{mode: append}}
"""

FILES: dict[str, tuple[bytes, list[str], list[tuple[Any, ...]]]] = {
    "plain.csv": (
        b"VendorID,at,fee\n1,2024-01-01 10:00:00,1.5\n2,2024-01-02 10:00:00,2\n",
        ["vendor_id: bigint", "at: timestamp", "fee: double"],
        [],
    ),
    "semicolons.csv": (
        b"id;name;amount\n1;Anna;12,50\n2;Bo;-3\n",
        ["delimiter: ';'", "decimal_point: ','", "amount: double"],
        [(1, "Anna", 12.5), (2, "Bo", -3.0)],
    ),
    "groups.csv": (
        b'id,people\n1,"1,234"\n2,"56,789"\n',
        ["people: text"],
        [(1, "1,234"), (2, "56,789")],
    ),
    "points in groups.csv": (
        b"amount;price\n1.234;12,50\n5.000;3\n",
        ["decimal_point: ','", "amount: text", "price: double"],
        [("1.234", 12.5), ("5.000", 3.0)],
    ),
    "excel.csv": (
        b"sep=;\r\nid;name\r\n1;A\r\n",
        ["delimiter: ';'", "skip_rows: 1"],
        [(1, "A")],
    ),
    "rows.json": (b'[{"a": 1},\n{"a": 2}]', ["type: json", "a: bigint"], [(1,), (2,)]),
    "envelope.json": (
        b'{"n": 2, "@graph": {"x": [{"a": 1}, {"a": 2}]}}',
        ["type: json", "records: '@graph.x'"],
        [(1,), (2,)],
    ),
    "one.json": (b'{\n"a": 1\n}', ["type: json", "records: '.'"], [(1,)]),
    "sheet.bin": (
        workbook(
            '<row r="1"><c r="A1" t="str"><v>a</v></c></row>'
            '<row r="2"><c r="A2"><v>5</v></c></row>',
            more={"[Content_Types].xml": "<Types/>"},
        ),
        ["type: xlsx", "a: bigint"],
        [(5,)],
    ),
    "tabs.tsv.gz": (gzip.compress(b"a\tb\n1\t2\n"), ["delimiter: tab"], [(1, 2)]),
    "bars.txt": (b"a||b\n1||x\n", ["delimiter: '||'"], [(1, "x")]),
    "hive.txt": (b"a\x01b\n1\x01x\n", ['delimiter: "\\u0001"'], [(1, "x")]),
    "titles.csv": (
        b"# made by hand\n\nid,name\n1,A\n2,B\n",
        ["skip_rows: 2", "# unsure: the header is in line 3"],
        [(1, "A"), (2, "B")],
    ),
    "spark.csv": (
        b'id,txt\n1,"He said \\"hi\\", ok"\n2,"x"\n',
        [r"escape: '\'"],
        [(1, 'He said "hi", ok'), (2, "x")],
    ),
    "spaces.csv": (b'id, "name"\n1, "a, b"\n', ["skip_space: true"], [(1, "a, b")]),
    "single.csv": (b"id,name\n1,'a, b'\n2,'c'\n", ['quote: "\'"'], [(1, "a, b"), (2, "c")]),
    "quotes.csv": (
        b'id,name\n1,"large" pipe\n2,x\n3,y\n4,z\n5,z\n',
        ["quote: null", "# unsure: some quotes"],
        [(1, '"large" pipe'), (2, "x"), (3, "y"), (4, "z"), (5, "z")],
    ),
    "trailing.csv": (
        b"a,b\n1,2,,\n3,4,,\n",
        ["extra_fields: ignore_empty"],
        [(1, 2), (3, 4)],
    ),
    "region.tbl": (
        b"0|AFRICA|\n1|AMERICA|\n",
        ["header: false", "extra_fields: ignore_empty", "# unsure: no line names the columns"],
        [(0, "AFRICA"), (1, "AMERICA")],
    ),
    "codes.csv": (
        b"zip,plz,code,fee,none\n01099,10115,1E5,NA,\n10115,20095,2E7,3,\n",
        [
            "zip: text",
            "# digits with zeros in front",
            "plz: bigint",
            "# a number, or a code?",
            "code: text",
            "nulls: ['', NA]",
            "none: text",
            "# no value in the file",
        ],
        [("01099", 10115, "1E5", None, None), ("10115", 20095, "2E7", 3, None)],
    ),
    "late.csv": (
        b"a,b\n" + b"1,2\n" * 400_000 + b"x,9999999999999999999\n",
        ["a: text", "b: text"],
        [("1", "2")] * 400_000 + [("x", "9999999999999999999")],
    ),
    "names.csv": (
        b",a,A\n0,1,2\n",
        ["header: false", "skip_rows: 1", "column_1: bigint", "a_2: bigint"],
        [(0, 1, 2)],
    ),
    "latin.csv": ("Straße,n\nKöln,1\n".encode("cp1252"), ["encoding: cp1252"], [("Köln", 1)]),
    "utf16.csv": ("a,b\n1,ü\n".encode("utf-16"), ["encoding: utf-16"], [(1, "ü")]),
    "days.csv": (
        b"day,other\n24.12.2024,x\n01.02.2024,y\n",
        ["timestamp_formats: ['%d.%m.%Y']", "day: date"],
        [],
    ),
    "which.csv": (
        b"day,other\n01/02/2024,x\n",
        [
            "day: text",
            "# which date is 01/02/2024? `{type: date, formats: ['%d/%m/%Y']}` or `{type: date, "
            "formats: ['%m/%d/%Y']}`",
        ],
        [("01/02/2024", "x")],
    ),
    "short.csv": (
        b"day,other\n24.12.24,x\n01.02.24,y\n",
        ["day: text", "# which date is 24.12.24? `{type: date, formats: ['%d.%m.%y']}`"],
        [("24.12.24", "x"), ("01.02.24", "y")],
    ),
    "mixed.csv": (
        b"day,at\n24.12.2024,2024-12-24 10:00:00\n",
        ["day: text", "# which date is 24.12.2024? `{type: date, formats: ['%d.%m.%Y']}`"],
        [("24.12.2024", datetime(2024, 12, 24, 10))],
    ),
    "rows.jsonl": (
        b'{"a":1,"B c":"x","n":null}\n{"a":2,"B c":"y","n":null}\n',
        ["type: jsonl", "b_c: text", "# no value in the file"],
        [(1, "x", None), (2, "y", None)],
    ),
}


def pasted(text: str) -> Any:
    return yaml.safe_load(text)["format"]


def rows(path: Path, format: Any) -> list[tuple[Any, ...]]:
    given = definitions.of({"type": format} if isinstance(format, str) else format)
    assert list(definitions.problems(given)) == []
    reader = formats.open(Disk(), [str(path)], given, BadRows.fail())
    table = pa.Table.from_batches(reader.batches(str(path)), reader.schema)
    return list(zip(*(column.to_pylist() for column in table.columns), strict=True))


@pytest.mark.parametrize("name", FILES)
def test_what_it_prints_reads_the_file(name: str, tmp_path: Path, cli: Cli) -> None:
    content, parts, expected = FILES[name]
    path = tmp_path / name
    path.write_bytes(content)
    done = cli("sniff", str(path))
    assert (done.code, done.err) == (0, "")
    assert [part for part in parts if part not in done.out] == []
    found = rows(path, pasted(done.out))
    assert found == expected if expected else found
    assert cli("sniff", str(path)).out == done.out


def test_what_it_prints_lints_clean(tmp_path: Path, cli: Cli, enter: Callable[[str], Path]) -> None:
    folder = enter("shop") / "dag_factory_configs"
    for number, (name, (content, _, _)) in enumerate(FILES.items()):
        path = tmp_path / name
        path.write_bytes(content)
        format = textwrap.indent(cli("sniff", str(path)).out, " " * 8)
        text = PIPELINE.format(format=format)
        (folder / f"sniffed_{number}.yaml").write_text(text, encoding="utf-8")
    done = cli("lint")
    assert done.code == 0, done.out


def test_parquet_says_its_types_itself(tmp_path: Path, cli: Cli) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"id": [1, 2], "none": pa.nulls(2)}), path)
    out = cli("sniff", str(path)).out
    assert pasted(out) == "parquet"
    assert "#   id: bigint\n" in out
    assert "# no value in the file" in out


def local(microseconds: int) -> datetime:
    return datetime(2024, 1, 1) + timedelta(microseconds=microseconds)


def moment(microseconds: int) -> datetime:
    return local(microseconds).replace(tzinfo=timezone.utc)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["$1,234.50", "$0.99", ""], [Decimal("1234.50"), Decimal("0.99"), None]),
        (["(5)", "(1,200)", "7"], [-5, -1200, 7]),
        (["1,234", "56,789"], [1234, 56789]),
        (["2,500.00", "2295.50-"], [Decimal("2500.00"), Decimal("-2295.50")]),
        (["12.5%", "-3%"], [Decimal("0.125"), Decimal("-0.03")]),
        (["1704067200123", "1704067201000"], [moment(123000), moment(1000000)]),
        (
            ["2024-01-01T00:00:00.1234567Z", "2024-01-01T00:00:01.0Z"],
            [moment(123456), moment(1000000)],
        ),
        (["2024-01-01 00:00:00.1234567", "2024-01-01 00:00:01.0"], [local(123456), local(1000000)]),
        (["A1", "A2"], None),
        (["192.168.1.1", "10.0.0.1"], None),
        (["007", "010"], None),
        (["1234567890123", "9781234567890"], None),
    ],
)
def test_what_people_write_is_proposed(
    words: list[str], expected: list[object] | None, tmp_path: Path, cli: Cli
) -> None:
    path = tmp_path / "x.csv"
    path.write_text("\n".join(["x;y", *(f"{word};a" for word in words), ""]), encoding="utf-8")
    out = cli("sniff", str(path)).out
    proposed = re.search(r"# .*\? `({.*})`", out)
    assert bool(proposed) == bool(expected), out
    if proposed:
        format = pasted(out)
        format["columns"]["x"] = yaml.safe_load(proposed[1])
        assert [row[0] for row in rows(path, format)] == expected


def test_options_that_a_file_needs(tmp_path: Path, cli: Cli) -> None:
    path = tmp_path / "two.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, word in ("a", "x"), ("b", "y"):
            archive.writestr(f"{name}.csv", f"id;v\n1;{word}\n")
    assert "Here: `factory sniff FILE KEY=VALUE`" in cli("sniff", str(path)).err
    out = cli("sniff", str(path), "member=*.csv").out
    assert pasted(out)["member"] == "*.csv"
    assert pasted(out)["delimiter"] == ";"
    assert "of 2 files that match, this is a.csv" in out
    path = tmp_path / "rows.jsonl"
    path.write_text('{"User": 1, "user": "x"}\n', encoding="utf-8")
    assert "would both be 'user'" in cli("sniff", str(path)).err
    out = cli("sniff", str(path), 'rename={"User": "number"}').out
    assert rows(path, pasted(out)) == [(1, "x")]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("sheet", "'sheet' is no option: expected KEY=VALUE"),
        ("sheet=Q1", "unknown field `sheet`"),
        ("records=[1]", "Expected `str"),
    ],
)
def test_options_that_are_none(given: str, said: str, tmp_path: Path, cli: Cli) -> None:
    path = tmp_path / "rows.json"
    path.write_text('[{"a": 1}]', encoding="utf-8")
    done = cli("sniff", str(path), given)
    assert done.code in (1, 2)
    assert said in done.err


def test_why_rows_do_not_fit(tmp_path: Path, cli: Cli) -> None:
    path = tmp_path / "a.parquet"
    at = pa.array([1_700_000_000_123_456_789], pa.timestamp("ns"))
    pq.write_table(pa.table({"at": at, "note": pa.array(["x"], pa.large_string())}), path)
    out = cli("sniff", str(path)).out
    assert "# unsure: a.parquet: row 1, column 'at': " in out
    assert "`columns: {at: {type: timestamp, truncate: true}}`" in out
    assert "#   note: text\n" in out


def test_an_address(tmp_path: Path, cli: Cli) -> None:
    with serving() as web:
        web.answers = [(200, b"a;b\n1;x\n")]
        out = cli("sniff", f"http://127.0.0.1:{web.port}/trips.csv?token=secret").out
    assert "delimiter: ';'" in out
    assert "secret" not in out


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("there.csv", None, "there is no file"),
        ("empty.csv", b"", "is empty"),
        ("cut.csv.gz", gzip.compress(b"a,b\n1,2\n", mtime=0)[:-4], "is not a whole gzip file"),
    ],
)
def test_what_cannot_be_read(
    name: str, content: bytes | None, message: str, tmp_path: Path, cli: Cli
) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    done = cli("sniff", str(path))
    assert done.code in (1, 2)
    assert message in done.err


def test_its_help_needs_no_pyarrow() -> None:
    code = "import sys; from factory.cli.main import main; main(['sniff', '--help'])"
    code += "; print('pyarrow' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.endswith("False\n")


ODD = "007 +5 1E5 1.50 12,5 NA - x true 2024-02-29 01.02.2024 13:00 ß".split()  # noqa: SIM905
WORD = st.one_of(
    st.integers(-(10**20), 10**20).map(str),
    st.sampled_from(
        [
            "007",
            "+5",
            "1E5",
            "1.50",
            "12,5",
            "NA",
            "-",
            "x",
            "true",
            "2024-02-29",
            "01.02.2024",
            "13:00",
            "ß",
        ]
    ),
    st.text('ab ,;|"\n', max_size=5),
)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.lists(st.tuples(WORD, WORD, WORD), min_size=1, max_size=20),
    st.sampled_from([",", ";", "\t", "|"]),
)
def test_any_table_is_read_with_what_is_found(
    tmp_path: Path, table: list[tuple[str, ...]], delimiter: str
) -> None:
    quoted = (['"' + value.replace('"', '""') + '"' for value in row] for row in table)
    path = tmp_path / "any.csv"
    lines = ["alpha", "beta", "gamma"], *quoted
    path.write_text("\n".join(map(delimiter.join, lines)), encoding="utf-8", newline="")
    found = sniff(Disk(), str(path))
    assert len(rows(path, definitions.plain(found.format))) == found.rows
    assert found.rows + found.bad == len(table)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"<!DOCTYPE html>\n<html></html>\n", "is an HTML page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\n", "is a Git LFS pointer"),
        (b"%PDF-1.7\n", "is a PDF"),
    ],
)
def test_what_is_no_table_is_told(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "export.csv"
    path.write_bytes(content)
    with pytest.raises(TransferError, match=said):
        sniff(Disk(), str(path))


@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.one_of(
        st.binary(max_size=80),
        st.lists(st.sampled_from([b'"', b",", b";", b"\n", b"\\", b"a", b"1", b" ", b"'"])).map(
            b"".join
        ),
    )
)
def test_any_bytes_are_read_or_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "any"
    path.write_bytes(content)
    try:
        found = sniff(Disk(), str(path))
    except TransferError:
        return
    if not found.bad:
        assert len(rows(path, definitions.plain(found.format))) == found.rows
