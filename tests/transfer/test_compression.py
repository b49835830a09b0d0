import bz2
import contextlib
import gzip
import io
import lzma
import tarfile
import zipfile
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.definitions import formats
from factory.stores import open_uri
from factory.transfer.compression import opened
from factory.transfer.errors import BadRow
from factory.transfer.lineage import Lineage
from factory.transfer.to_parquet import to_parquet

from ..stores.folders import Folder

CONTENT = b"".join(b"%d,some text\n" % number for number in range(20_000))


def zstd(data: bytes) -> bytes:
    return bytes(pa.compress(data, codec="zstd", asbytes=True))


def zipped(data: bytes, *names: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("folder/", b"")
        for name in names or ("folder/f.csv",):
            archive.writestr(name, data)
    return out.getvalue()


PACK: dict[str, Callable[[bytes], bytes]] = {
    "gz": gzip.compress,
    "zst": zstd,
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "zip": zipped,
}


def unpacked(path: Folder, data: bytes) -> bytes:
    path.write_bytes(data)
    with opened(path.store, str(path)) as file:
        return b"".join(iter(lambda: file.read(1 << 20), b""))


@pytest.mark.parametrize("suffix", PACK)
def test_whole(suffix: str, folder: Folder) -> None:
    for name in (f"f.csv.{suffix}", f"F.CSV.{suffix.upper()}"):
        assert unpacked(folder / name, PACK[suffix](CONTENT)) == CONTENT
    assert unpacked(folder / f"f.{suffix}", PACK[suffix](b"")) == b""


@pytest.mark.parametrize("suffix", ["gz", "zst", "bz2", "xz"])
def test_streams_one_after_the_other(suffix: str, folder: Folder) -> None:
    pack = PACK[suffix]
    assert unpacked(folder / f"f.{suffix}", pack(CONTENT) + pack(b"more")) == CONTENT + b"more"


def test_padding(folder: Folder) -> None:
    padded = lzma.compress(b"one") + b"\0" * 8 + lzma.compress(b"two") + b"\0" * 4
    assert unpacked(folder / "f.xz", padded) == b"onetwo"


@pytest.mark.parametrize("suffix", PACK)
@pytest.mark.parametrize(
    "damage", ["cut", "cut soon", "cut at the end", "flipped", "garbage", "other", "none"]
)
def test_damaged(suffix: str, damage: str, folder: Folder) -> None:
    packed = PACK[suffix](CONTENT)
    middle = len(packed) // 2
    damaged = {
        "cut": packed[:middle],
        "cut soon": packed[:1],
        "cut at the end": packed[:-3],
        "flipped": packed[:middle] + bytes([packed[middle] ^ 0xFF]) + packed[middle + 1 :],
        "garbage": packed + b"garbage that is no stream",
        "other": b"\x00" + packed[1:],
        "none": b"",
    }[damage]
    if (suffix, damage) == ("zip", "garbage"):  # may stand behind an archive, by its format
        assert unpacked(folder / "f.zip", damaged) == CONTENT
        return
    if (suffix, damage) == ("zst", "flipped"):  # Arrow writes no checksum into it
        assert unpacked(folder / "f.zst", damaged) != CONTENT
        return
    with pytest.raises(BadRow, match=rf"f\.{suffix} is not a whole \w+ file: ."):
        unpacked(folder / f"f.{suffix}", damaged)


def test_zips_one_after_the_other(folder: Folder) -> None:
    """Only the last one's files are listed."""
    both = PACK["zip"](CONTENT) + PACK["zip"](b"more")
    with pytest.raises(BadRow, match="something else stands before the archive"):
        unpacked(folder / "f.zip", both)


@pytest.mark.parametrize("suffix", PACK)
def test_the_first_bytes_tell(
    suffix: str, folder: Folder, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("download.php?id=5", "f.csv", "f.gz", "f.zip", "f.bz2"):
        caplog.clear()
        assert unpacked(folder / suffix / name, PACK[suffix](CONTENT)) == CONTENT
        told = "though its name does not say so" in caplog.text
        assert told is not name.endswith(suffix)


@pytest.mark.parametrize("suffix", PACK)
@pytest.mark.parametrize("text", [b"id\n1\n", b"x", "ü;€\n".encode("cp1252"), "a".encode("utf-16")])
def test_plain_bytes_are_read_as_they_are(
    suffix: str, text: bytes, folder: Folder, caplog: pytest.LogCaptureFixture
) -> None:
    path = folder / f"{text.hex()}.csv.{suffix}"
    for _ in range(2):
        assert unpacked(path, text) == text
    assert caplog.text.count("is not packed: it is read as it is") == 1


@pytest.mark.parametrize("outer", ["gz", "zst", "bz2", "xz", "zip"])
@pytest.mark.parametrize("inner", ["gz", "zst", "bz2", "xz"])
def test_packed_twice(outer: str, inner: str, folder: Folder) -> None:
    """As a server leaves it that packs what is packed."""
    packed = PACK[outer](PACK[inner](CONTENT))
    assert unpacked(folder / f"f.{inner}.{outer}", packed) == CONTENT
    with pytest.raises(BadRow, match=r"f\.csv is|is not a whole"):
        unpacked(folder / f"g.{outer}", PACK[outer](PACK[inner](CONTENT)[:-9]))


def test_packed_without_end(folder: Folder) -> None:
    packed = CONTENT
    for _ in range(4):
        packed = gzip.compress(packed)
    with pytest.raises(BadRow, match="packed more than 3 times"):
        unpacked(folder / "f.gz", packed)
    with pytest.raises(BadRow, match="holds a zip that is packed once more"):
        unpacked(folder / "f.zip.gz", gzip.compress(zipped(CONTENT)))


def tarred() -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("a.csv"), io.BytesIO())
    return out.getvalue()


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (gzip.compress(tarred(), mtime=0), "a tar archive"),
        (lzma.compress(tarred()), "a tar archive"),
        (tarred(), "a tar archive"),
        (b"7z\xbc\xaf\x27\x1c\0\4" + b"x" * 40, "a 7z archive"),
        (b"Rar!\x1a\x07\x01\0" + b"x" * 40, "a RAR archive"),
        (pa.compress(b"id\n1\n", codec="lz4", asbytes=True), "packed with LZ4"),
        (lzma.compress(b"id\n1\n", format=lzma.FORMAT_ALONE), "packed with LZMA"),
        (b"\x1f\x9d\x90" + b"x" * 9, "packed with compress"),
    ],
)
def test_what_is_not_read(data: bytes, said: str, folder: Folder) -> None:
    for name in ("f.csv", "f.tgz", "f.gz"):
        with pytest.raises(BadRow, match=f"is {said}, which is not read. Pack the table"):
            unpacked(folder / name, data)


@given(st.binary(max_size=40), st.sampled_from(["f.csv", "f.gz", "f.zip", "f.zst", "f.xz"]))
def test_any_bytes_are_whole_or_refused(data: bytes, name: str) -> None:
    folder = Folder(open_uri("memory://any/bytes"))
    with contextlib.suppress(BadRow):
        assert unpacked(folder / name, data) == data


def archive(*names: str) -> bytes:
    """Each of these files, `x.csv` holding its own name."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file:
        for name in names:
            file.writestr(name, f"id\n{name}\n")
    return out.getvalue()


@pytest.mark.parametrize(
    "rubbish",
    [
        ["__MACOSX/._t.csv", "__MACOSX/data/._t.csv"],
        [".DS_Store", "data/.hidden/x", "Thumbs.db", "data/desktop.ini"],
        ["LICENSE", "data/License.txt", "licence.md", "COPYING"],
        ["README", "readme.html", "_readme.txt", "Read_Me.pdf", "terms_of_use.pdf"],
    ],
)
def test_a_zip_of_one_table_and_rubbish(rubbish: list[str], folder: Folder) -> None:
    packed = archive(*rubbish, "data/t.csv")
    assert unpacked(folder / "f.zip", packed) == b"id\ndata/t.csv\n"
    two = archive(*rubbish, "data/t.csv", "u.csv")
    with pytest.raises(BadRow, match=r"holds 2 files, expected 1\. It holds data/t\.csv, u\.csv"):
        unpacked(folder / "f.zip", two)


@pytest.mark.parametrize("name", ["readme.csv", "licenses.csv", "license", "notice.txt"])
def test_a_table_that_is_called_like_rubbish(name: str, folder: Folder) -> None:
    assert unpacked(folder / "f.zip", archive(name)) == f"id\n{name}\n".encode()
    if name.endswith("csv"):
        with pytest.raises(BadRow, match="holds 2 files"):
            unpacked(folder / "f.zip", archive(name, "t.csv"))


def test_a_workbook_is_no_zip_of_tables(folder: Folder) -> None:
    with pytest.raises(BadRow, match=r"document of an office program.*`format: xlsx`"):
        unpacked(folder / "f.csv", archive("[Content_Types].xml", "xl/workbook.xml"))


def read(
    folder: Folder, *files: bytes, name: str = "{}.zip", **options: Any
) -> list[dict[str, Any]]:
    paths = []
    for number, data in enumerate(files):
        path = folder / name.format(number)
        path.write_bytes(data)
        paths.append(str(path))
    target = folder / "t.parquet"
    given = formats.of({"type": "csv", **options})
    named = Lineage(source_file={paths[0]: "https://example.org/x"})
    to_parquet(folder.store, paths, folder.store, str(target), format=given, lineage=named)
    found: list[dict[str, Any]] = target.parquet().read().to_pylist()
    return found


def test_a_name_that_says_gz_and_plain_bytes(folder: Folder) -> None:
    """As a store sends it that keeps a file with `Content-Encoding: gzip`."""
    assert read(folder, b"id\n7\n", name="plain.csv.gz")[0]["id"] == 7


def test_members_are_files_of_one_table(folder: Folder) -> None:
    one = archive("b.csv", "sub/a.csv", "__MACOSX/._b.csv", "notes.txt")
    rows = read(folder, one, archive("c.csv"), member="*.csv")
    assert rows == [
        {"id": "b.csv", "_source_file": "https://example.org/x/b.csv"},
        {"id": "sub/a.csv", "_source_file": "https://example.org/x/sub/a.csv"},
        {"id": "c.csv", "_source_file": f"{folder}/1.zip/c.csv"},
    ]
    assert [row["id"] for row in read(folder, one, member="sub/*")] == ["sub/a.csv"]
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as file:
        file.writestr("a.csv.gz", gzip.compress(b"id\n1\n"))
    assert read(folder, inner.getvalue(), member="*.gz")[0]["id"] == 1


def test_members_that_are_not_there(folder: Folder) -> None:
    with pytest.raises(BadRow, match=r"holds no file that matches '\*\.tsv'\. It holds a\.csv, b"):
        read(folder, archive("a.csv", "b.csv"), member="*.tsv")
    with pytest.raises(BadRow, match="is not a whole zip file"):
        read(folder, b"id\n1\n", member="*.csv")
    cut = archive("a.csv")[:-30]
    with pytest.raises(BadRow, match="is not a whole zip file"):
        read(folder, cut, member="*.csv")
    damaged = bytearray(archive("a.csv"))
    damaged[damaged.index(b"PK\x01\x02") - 3] ^= 0xFF  # in the file's own bytes
    with pytest.raises(BadRow, match=r"0\.zip is not a whole zip file: "):
        read(folder, bytes(damaged), member="*.csv")


def test_parquet_that_is_packed(folder: Folder) -> None:
    path = folder / "t.parquet"
    path.write_table(pa.table({"id": [1]}))
    path.write_bytes(gzip.compress(path.read_bytes()))
    out = str(folder / "out.parquet")
    with pytest.raises(
        BadRow, match=r"is packed with gzip, not Parquet(?s:.*)Parquet is packed within"
    ):
        to_parquet(folder.store, [str(path)], folder.store, out, format=formats.Parquet())


def test_zip_of_none_and_two(folder: Folder) -> None:
    two = zipped(b"x", "a.csv", "b.csv")
    with pytest.raises(BadRow, match=r"holds 2 files, expected 1\. It holds a\.csv, b\.csv"):
        unpacked(folder / "f.zip", two)
    out = io.BytesIO()
    zipfile.ZipFile(out, "w").close()
    with pytest.raises(BadRow, match="holds 0 files, expected 1"):
        unpacked(folder / "f.zip", out.getvalue())


def test_encrypted_zip(folder: Folder) -> None:
    plain = bytearray(zipped(b"x", "a.csv"))
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        plain[plain.rindex(signature) + offset] |= 1  # the flag that says so
    with pytest.raises(BadRow, match=r"f\.zip is encrypted"):
        unpacked(folder / "f.zip", bytes(plain))


def test_not_compressed(folder: Folder) -> None:
    assert unpacked(folder / "f.csv", b"a") == b"a"
