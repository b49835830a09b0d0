"""Podman with a store of its own, images in official names, and compose files in their order."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from graphlib import TopologicalSorter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml
from uv import find_uv_bin

from tests.patience import until

IMAGES = Path(__file__).parent / "images"
PROGRAMS = ("podman", "runc", "debootstrap", "iptables")
NETAVARK = Path("/usr/lib/podman/netavark")
SECONDS = 600  # what ends is waited for; this only ends what hangs
PROXIES = ("http_proxy", "https_proxy", "no_proxy")
ROOM = 8 << 30  # bytes: images and containers take half of it

# Without systemd, and without an unlimited machine around it.
CONTAINERS = """[containers]
default_ulimits = ["nofile=4096:4096", "nproc=4096:4096"]
log_driver = "k8s-file"
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
tmp_dir = "FOLDER/state"
runtime = "runc"
[network]
network_backend = "netavark"
network_config_dir = "FOLDER/networks"
"""
STORAGE = """[storage]
driver = "overlay"
graphroot = "FOLDER/graph"
runroot = "FOLDER/run"
"""
DEBIAN = """FROM scratch
ADD root.tar /
ENV DEBIAN_FRONTEND=noninteractive LANG=C.UTF-8
ENV PIP_CERT=/etc/ssl/certs/ca-certificates.crt SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt
"""


def missing() -> str:
    """Why no container can be started here; empty if one can."""
    if os.geteuid() != 0:
        return "podman's networks and debootstrap need root"
    absent = [name for name in PROGRAMS if not shutil.which(name)]
    absent += [] if NETAVARK.exists() else ["netavark"]
    return f"apt-get install {' '.join(absent)}" if absent else ""


class Failed(Exception):
    """A command ended with an error; the text is what it said."""


@dataclass(frozen=True)
class Podman:
    """Podman whose images, containers, volumes and networks are all below one folder."""

    folder: Path

    def __call__(self, *words: str) -> str:
        return self.run("podman", *words)

    def run(self, *command: str, cwd: Path | None = None) -> str:
        """What a command prints.

        :raises Failed: if it ends with an error.
        """
        done = subprocess.run(
            command,
            cwd=cwd,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SECONDS,
        )
        if done.returncode:
            raise Failed(f"{' '.join(command)}: {done.stdout[-2000:]}\n{done.stderr[-4000:]}")
        return done.stdout

    @cached_property
    def environment(self) -> Mapping[str, str]:
        """Little, so that no variable of this shell gets into a compose file."""
        settings = {"containers.conf": CONTAINERS, "storage.conf": STORAGE}
        for name, text in settings.items():
            (self.folder / name).write_text(text.replace("FOLDER", str(self.folder)))
        proxies = {name: value for name, value in os.environ.items() if name.lower() in PROXIES}
        return proxies | {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "HOME": str(self.folder),
            "TMPDIR": str(self.folder),
            "CONTAINERS_CONF": str(self.folder / "containers.conf"),
            "CONTAINERS_STORAGE_CONF": str(self.folder / "storage.conf"),
            "BUILDAH_ISOLATION": "chroot",
        }

    def build(self, name: str, context: Path, **arguments: str) -> None:
        given = [f"--build-arg={key}={value}" for key, value in arguments.items()]
        self("build", f"--tag={name}", *given, str(context))

    def names(self, kind: str) -> list[str]:
        """The containers (also those that ended), volumes or networks that there are."""
        every = ["--all"] if kind == "container" else []
        label = "{{.Names}}" if kind == "container" else "{{.Name}}"
        return self(kind, "ls", *every, f"--format={label}").split()


@contextmanager
def podman() -> Iterator[Podman]:
    """Podman with an empty store, in memory where that has room; it is removed at the end."""
    memory = Path("/dev/shm")
    roomy = memory.is_dir() and shutil.disk_usage(memory).free > ROOM
    with TemporaryDirectory(prefix="pod-", dir=memory if roomy else None) as folder:
        (Path(folder) / "networks").mkdir()
        client = Podman(Path(folder))
        try:
            yield client
        finally:
            until(lambda: _is_reset(client), "the end of podman's store", pause=1)


def _is_reset(client: Podman) -> bool:
    """It fails while the last container's own clean-up still writes to the folder of events."""
    try:
        client("system", "reset", "--force")
    except Failed as failed:
        if "directory not empty" not in str(failed):
            raise
        return False
    return True


def debian(client: Podman) -> None:
    """The image that the others are made from: the smallest Debian, as the official ones'."""
    context = client.folder / "debian"
    root = context / "root"
    context.mkdir()
    debootstrap = ("debootstrap", "--variant=minbase", "--include=ca-certificates", "bookworm")
    client.run(*debootstrap, str(root))
    # of a machine that reaches the package registries by a certificate of its own
    authorities = Path("etc/ssl/certs/ca-certificates.crt")
    shutil.copyfile("/" / authorities, root / authorities)
    with tarfile.open(context / "root.tar", "w") as tar:
        tar.add(root, arcname=".")
    shutil.rmtree(root)
    (context / "Containerfile").write_text(DEBIAN)
    client.build("localhost/debian", context)
    shutil.rmtree(context)


def stand_in(client: Podman, folder: str, name: str, **arguments: str) -> None:
    """An image from tests/end_to_end/images, under the name of the official one."""
    context = client.folder / folder
    shutil.copytree(IMAGES / folder, context)
    shutil.copyfile(find_uv_bin(), context / "uv")
    client.build(f"docker.io/{name}", context, **arguments)


@dataclass(frozen=True)
class Compose:
    """A folder with a compose file and its .env, under podman-compose."""

    podman: Podman
    folder: Path

    def __call__(self, *words: str) -> str:
        return self.podman.run("podman-compose", *words, cwd=self.folder)

    def container(self, service: str) -> str:
        return f"{self.folder.name}_{service}_1"

    @cached_property
    def services(self) -> Mapping[str, Mapping[str, Any]]:
        """Those that are in no profile, each after what it depends on."""
        text = (self.folder / "docker-compose.yml").read_text()
        given = yaml.safe_load(text)["services"]
        plain = {name: one for name, one in given.items() if "profiles" not in one}
        order = TopologicalSorter({name: one.get("depends_on", ()) for name, one in plain.items()})
        return {name: plain[name] for name in order.static_order()}

    def up(self) -> None:
        """Start all, each when what it waits for has come to pass, until all are healthy.

        This is what `docker compose up` does by itself: podman 4 knows no `service_healthy`, and
        without systemd nobody runs the health checks.
        """
        for name, service in self.services.items():
            self.await_conditions(service.get("depends_on", {}))
            self.start(name)
        for name, service in self.services.items():
            if "healthcheck" in service:
                self.await_healthy(name)

    def start(self, service: str) -> None:
        self("up", "--detach", "--no-deps", "--no-build", service)

    def await_conditions(self, conditions: Mapping[str, Mapping[str, str]]) -> None:
        for name, rule in conditions.items():
            if rule["condition"] == "service_healthy":
                self.await_healthy(name)
            else:
                self.await_success(name)

    def await_success(self, service: str) -> None:
        code = self.podman("wait", self.container(service)).strip()
        assert code == "0", self.tail(service)

    def await_healthy(self, service: str) -> None:
        """Run the service's own health check until it says yes, or the service ends."""
        container = self.container(service)
        deadline = time.monotonic() + SECONDS
        while not self.healthy(service):
            running = self.podman("inspect", "--format={{.State.Running}}", container).strip()
            assert running == "true", self.tail(service)
            assert time.monotonic() < deadline, self.tail(service)
            time.sleep(1)

    def healthy(self, service: str) -> bool:
        try:
            self.podman("healthcheck", "run", self.container(service))
        except Failed:
            return False
        return True

    def states(self) -> dict[str, str]:
        shape = "--format={{.Name}} {{.State.Status}} {{.State.ExitCode}}"
        said = self.podman("inspect", shape, *map(self.container, self.services))
        lines = (line.split(" ", 1)[1] for line in said.splitlines())
        return dict(zip(self.services, lines, strict=True))

    def tail(self, service: str) -> str:
        return self.podman("logs", "--tail=80", self.container(service))

    def exec(self, service: str, *command: str) -> str:
        return self.podman("exec", self.container(service), *command)


def processes_below(folder: Path) -> Iterable[str]:
    """Command lines that name the folder: the container monitors do."""
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = entry.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:  # it has ended
            continue
        if str(folder) in line:
            yield line
