import bz2
import gzip
import io
import lzma
import zipfile
from collections.abc import Callable

import pyarrow as pa
import pytest

from factory.transfer.compression import opened
from factory.transfer.errors import BadRow

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
@pytest.mark.parametrize("damage", ["cut", "cut at the end", "flipped", "garbage", "other", "none"])
def test_damaged(suffix: str, damage: str, folder: Folder) -> None:
    packed = PACK[suffix](CONTENT)
    middle = len(packed) // 2
    damaged = {
        "cut": packed[:middle],
        "cut at the end": packed[:-3],
        "flipped": packed[:middle] + bytes([packed[middle] ^ 0xFF]) + packed[middle + 1 :],
        "garbage": packed + b"garbage that is no stream",
        "other": CONTENT,
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
