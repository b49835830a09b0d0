"""Resolve another version of NiFi into `artifacts.lock`; needs Maven (`mvn`).

python -m factory_embedded.services.nifi.relock [VERSION]
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from zipfile import ZipFile

from factory_embedded.maven import Artifact, fetch, sha256
from factory_embedded.services.nifi.assemble import LOCK

NIFI = "2.3.0"
_LOGBACK = "1.5.17"
_SLF4J = "2.0.17"

_NARS = (
    *("framework", "server", "jetty", "provenance-repository"),
    *("standard-services-api", "standard-shared"),
    *("ssl-context-service", "dbcp-service", "record-serialization-services"),
)
_LIBRARIES = (
    *("api", "framework-api", "nar-utils", "properties", "property-utils"),
    *("python-framework-api", "runtime", "server-api", "stateless-api"),
)
_SLF4J_LIBRARIES = ("slf4j-api", "log4j-over-slf4j", "jcl-over-slf4j", "jul-to-slf4j")
_PARENTS = ("nifi-standard-shared-nar", "nifi-standard-services-api-nar")
_HEAD = """\
# What the embedded NiFi is assembled from: place, Maven coordinates
# (group:artifact:type:classifier:version), SHA-256.
# Written by `python -m factory_embedded.services.nifi.relock`.
"""


def main(arguments: Sequence[str]) -> int:
    """Write the lock."""
    version = arguments[0] if arguments else NIFI
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        nars = [_artifact("nar", "org.apache.nifi", f"nifi-{n}-nar", version, "nar") for n in _NARS]
        files = fetch(nars, folder)
        libraries = _resolve("lib", _library_roots(version))
        above = {artifact.file_name for artifact in libraries}
        above |= {n for nar in nars if nar.name in _PARENTS for n in _bundled(files[nar])}
        found = [*libraries, *nars]
        for place, root in (
            ("standard", "nifi-standard-processors"),
            ("attributes", "nifi-update-attribute-processor"),
        ):
            resolved = _resolve(place, [("org.apache.nifi", root, version)])
            # the API is NiFi's own, also where a dependency names an older one
            found += [a for a in resolved if a.file_name not in above and a.name != "nifi-api"]
        found.append(_artifact("jdbc", "org.postgresql", "postgresql", "42.7.7"))
        found.append(_artifact("compiler", "org.eclipse.jdt", "ecj", "3.46.100"))
        sums = {artifact: sha256(path) for artifact, path in fetch(found, folder).items()}
    pinned = (replace(artifact, sha256=sums[artifact]) for artifact in found)
    LOCK.write_text(_HEAD + "".join(f"{artifact.line}\n" for artifact in pinned), "utf-8")
    return 0


def _artifact(place: str, group: str, name: str, version: str, kind: str = "jar") -> Artifact:
    return Artifact(place, group, name, kind, "", version, "")


def _library_roots(version: str) -> list[tuple[str, str, str]]:
    return [
        *(("org.apache.nifi", f"nifi-{name}", version) for name in _LIBRARIES),
        *(("org.slf4j", name, _SLF4J) for name in _SLF4J_LIBRARIES),
        ("ch.qos.logback", "logback-classic", _LOGBACK),
        ("ch.qos.logback", "logback-core", _LOGBACK),
    ]


def _bundled(nar: Path) -> Iterator[str]:
    return (name.rpartition("/")[2] for name in ZipFile(nar).namelist())


def _resolve(place: str, roots: Iterable[tuple[str, str, str]]) -> list[Artifact]:
    """The roots and what they need at run time, as Maven chooses it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "pom.xml").write_text(_pom(roots), "utf-8")
        goal = "org.apache.maven.plugins:maven-dependency-plugin:3.6.0:list"
        options = ["-DincludeScope=runtime", "-DoutputFile=found.txt", "-B", "-q", "-ntp"]
        subprocess.run(["mvn", *options, goal], cwd=folder, check=True)
        return sorted(
            _parse(place, (folder / "found.txt").read_text("utf-8")), key=lambda a: a.file_name
        )


def _pom(roots: Iterable[tuple[str, str, str]]) -> str:
    dependencies = "".join(
        f"<dependency><groupId>{group}</groupId><artifactId>{name}</artifactId>"
        f"<version>{version}</version></dependency>"
        for group, name, version in roots
    )
    return (
        '<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>'
        "<groupId>here</groupId><artifactId>here</artifactId><version>1</version>"
        f"<packaging>pom</packaging><dependencies>{dependencies}</dependencies></project>"
    )


def _parse(place: str, text: str) -> Iterator[Artifact]:
    """Lines are `group:artifact:type[:classifier]:version:scope`, coloured and annotated."""
    for line in text.splitlines():
        plain = re.sub(r"\x1b\[[0-9;]*m", "", line).strip()
        parts = plain.split(" ")[0].split(":")
        if len(parts) in (5, 6):
            group, name, kind, *classifier, version, _scope = parts
            yield Artifact(place, group, name, kind, "".join(classifier), version, "")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
